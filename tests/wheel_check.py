"""Prove a wheel: run by the interpreter of a clean environment, outside of the checkout.

Looks into the wheel (exactly two packages, typed, with stubs), imports both packages from it,
and makes one call of each against the simulator that it brings along.
"""

from __future__ import annotations

import asyncio
import sys
import zipfile
from pathlib import Path


def main(wheel: str) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert top == {"omni_api", "omni_api_async"}, top
    for needed in (
        "omni_api/py.typed",
        "omni_api_async/py.typed",
        "omni_api/_gen/management_pb2.pyi",
    ):
        assert needed in names, needed

    import omni_api
    import omni_api_async
    from omni_api.simulator import Simulator

    checkout = Path(__file__).resolve().parent.parent
    installed = Path(omni_api.__file__ or "")
    assert checkout / "omni_api" not in installed.parents, installed
    with Simulator() as simulator:
        with omni_api.OmniClient.from_env(environ=simulator.environment()) as omni:
            users = omni.management.list_users().users

        async def twin() -> int:
            async with omni_api_async.OmniClient.from_env(environ=simulator.environment()) as omni:
                return len((await omni.management.list_users()).users)

        assert asyncio.run(twin()) == len(users) > 0
    print(f"{Path(wheel).name}: {len(names)} files, both packages work from {installed.parent}")


if __name__ == "__main__":
    main(sys.argv[1])

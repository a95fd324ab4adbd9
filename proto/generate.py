"""Make everything that follows from the contract.

    python proto/generate.py            write the generated files
    python proto/generate.py --check    write nothing; exit 1 if a file differs from what is made

From the .proto files, methods.toml and omni_api/_composed: the protobuf modules and their stubs,
the models, the method table, the functions that build calls, and the facades of both packages.
To add an rpc: write it into its .proto, annotate it in methods.toml, run this.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import checks
import contract
import render_calls
import render_facades
import render_models
import render_packages
import render_pb2

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def rendered() -> dict[str, str]:
    """Return path -> text of every generated file, formatted."""
    found = contract.read(HERE)
    checks.check(found)
    files = dict(_texts(found))
    with tempfile.TemporaryDirectory() as scratch:
        for path, text in files.items():
            target = Path(scratch, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", "--quiet"]
        # Which imports a file needs depends on the contract, so the renderers write all that
        # could be needed and ruff takes out the rest.
        for command in (
            ["check", "--fix-only", "--select", "F401,I", "--config", "lint.exclude=[]"],
            ["format", "--config", "format.exclude=[]"],
        ):
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "ruff",
                    *command,
                    *config,
                    "--config",
                    "exclude=[]",
                    scratch,
                ],
                check=True,
            )
        return {path: Path(scratch, path).read_text(encoding="utf-8") for path in files}


def _texts(found: contract.Contract) -> Iterator[tuple[str, str]]:
    yield from render_pb2.modules(found)
    yield "omni_api/_gen/models.py", render_models.module(found)
    yield "omni_api/_gen/table.py", render_calls.table(found)
    yield "omni_api/_gen/calls.py", render_calls.calls(found)
    yield from render_facades.modules(found, ROOT)
    yield from render_packages.modules(found, ROOT)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="report differences, write nothing")
    check = parser.parse_args().check
    try:
        files = rendered()
    except contract.ContractError as error:
        sys.exit(f"proto/generate.py: {error}")
    drift = [
        path
        for path, text in files.items()
        if not (ROOT / path).exists() or (ROOT / path).read_text(encoding="utf-8") != text
    ]
    written_by_hand = {"__init__.py", "_pool.py"}
    stale = [
        str(path.relative_to(ROOT))
        for package in ("omni_api", "omni_api_async")
        for path in sorted((ROOT / package / "_gen").glob("*.py*"))
        if path.name not in written_by_hand and str(path.relative_to(ROOT)) not in files
    ]
    if check:
        for path in [*drift, *stale]:
            print(f"{path} is not what proto/generate.py makes")
        return bool(drift or stale)
    for path in drift:
        (ROOT / path).write_text(files[path], encoding="utf-8")
    for path in stale:
        (ROOT / path).unlink()
    print(f"{len(files)} files, {len(drift)} written, {len(stale)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

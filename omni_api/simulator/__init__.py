"""A simulated Omni server for tests: a real gRPC server in this process.

Example:
    from omni_api import OmniClient, ServiceAccountKey
    from omni_api.simulator import Simulator

    with Simulator() as sim:
        key = ServiceAccountKey.decode(sim.service_account_key("Operator"))
        with OmniClient(sim.endpoint, auth=key) as client:
            sim.fail("ListUsers", times=1)
            ...

From a shell: `python -m omni_api.simulator` prints the variables for a client and serves until
it is interrupted. For pytest, the plugin `omni_api.simulator.pytest_plugin` brings fixtures.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__all__ = ["Fault", "ImageFactory", "Omni", "RecordedCall", "Simulator"]

if TYPE_CHECKING:
    from omni_api.simulator._dispatch import RecordedCall
    from omni_api.simulator._faults import Fault
    from omni_api.simulator._image_factory import ImageFactory
    from omni_api.simulator._server import Simulator
    from omni_api.simulator._state import Omni
else:
    # pytest loads the plugin in this package at every start: that must not cost an import of grpc.
    _WHERE = {
        "Fault": "_faults",
        "ImageFactory": "_image_factory",
        "Omni": "_state",
        "RecordedCall": "_dispatch",
        "Simulator": "_server",
    }

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)

    def __dir__() -> list[str]:
        return sorted([*globals(), *__all__])

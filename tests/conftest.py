"""Fixtures of the whole suite: a simulator, and a client of it in either package."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
# Else gRPC's threads start again in a child that is about to become another program, find their
# files closed, and end it (grpc/grpc#43055). gRPC reads this when it is imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from facades import Facade

from omni_api import ServiceAccountKey
from omni_api.simulator import Simulator


@pytest.fixture(params=["blocking", "asyncio"])
def facade(request: pytest.FixtureRequest) -> Iterator[Facade]:
    """Each package in turn."""
    made = Facade(request.param)
    yield made
    made.close()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A simulator of the test's own."""
    with Simulator() as running:
        yield running


@pytest.fixture
def as_role(facade: Facade, simulator: Simulator) -> Callable[..., Any]:
    """Make a client of a service account with a role: `as_role("Reader", read_only=True)`."""

    def make(role: str, **options: Any) -> Any:
        key = ServiceAccountKey.decode(simulator.service_account_key(role))
        return facade.client(simulator.endpoint, auth=key, **options)

    return make


@pytest.fixture
def omni(as_role: Callable[..., Any]) -> Any:
    """A client with role Admin, of each package in turn."""
    return as_role("Admin")


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread running."""
    before = set(threading.enumerate())
    yield
    left = [
        thread for thread in threading.enumerate() if thread not in before and not _ends(thread)
    ]
    assert not left, f"threads left behind: {left}"


def _ends(thread: threading.Thread) -> bool:
    # grpc.aio keeps one poller thread for the whole process.
    if thread.daemon and "_poll_wrapper" in thread.name:
        return True
    thread.join(5.0)
    return not thread.is_alive()

"""Fixtures of the faults: a relay to break, and a look at what is left behind after each test."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from broken_relay import BrokenRelay, Cut
from facades import Facade
from leftovers import nothing_left
from outages import Outage, Outages

from omni_api import RetryPolicy, ServiceAccountKey, _channel
from omni_api.simulator import Simulator

QUICK = RetryPolicy(first_wait=0.001, max_wait=0.002)


@pytest.fixture(autouse=True)
def _nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves a thread, a descriptor, a channel or a temporary file behind."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with nothing_left(temporary):
        yield


@pytest.fixture
def facade(facade: Facade) -> Iterator[Facade]:
    """Each package in turn; fails a test that leaves a task in the event loop."""
    yield facade
    if facade._runner is not None:
        left = facade._runner.run(_tasks_that_stay())
        assert not left, f"tasks left behind: {left}"


async def _tasks_that_stay() -> set[asyncio.Task[Any]]:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        # A call of grpc.aio that was cancelled hears of it a moment later.
        _, tasks = await asyncio.wait(tasks, timeout=2.0)
    return tasks


@pytest.fixture
def simulator(simulator: Simulator) -> Iterator[Simulator]:
    """A simulator; fails a test after which the server still serves a stream."""
    yield simulator
    assert simulator.wait_for(lambda: simulator.active_streams() == 0)


@pytest.fixture
def _watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask every second, as often as gRPC does at most, whether a quiet connection lives."""
    times = {
        "grpc.keepalive_time_ms": 100,
        "grpc.http2.ping_timeout_ms": 300,
        "grpc.min_reconnect_backoff_ms": 300,
    }
    options = dict(_channel._OPTIONS) | times
    monkeypatch.setattr(_channel, "_OPTIONS", tuple(options.items()))


Relayed = Callable[..., tuple[Any, BrokenRelay]]


@pytest.fixture
def relayed(facade: Facade, simulator: Simulator) -> Iterator[Relayed]:
    """Make a client that reaches a server through a relay: `relayed(cuts)`."""
    relays: list[BrokenRelay] = []

    def make(
        cuts: Iterable[Cut | None] = (),
        *,
        simulator: Simulator = simulator,
        port: int | None = None,
        **options: Any,
    ) -> tuple[Any, BrokenRelay]:
        relay = BrokenRelay(port or simulator.port, cuts).__enter__()
        relays.append(relay)
        key = ServiceAccountKey.decode(simulator.service_account_key())
        options.setdefault("retry", QUICK)
        return facade.client(relay.endpoint, auth=key, **options), relay

    yield make
    for relay in relays:
        relay.__exit__(None, None, None)


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch, simulator: Simulator, facade: Facade) -> Outages:
    """Make the server of a client go away for so many seconds, which pass at once."""

    def begin(omni: Any, seconds: float) -> Outage:
        driver = omni._driver
        waits = "pause" if hasattr(driver, "pause") else "sleep"
        made = Outage(simulator, seconds, getattr(driver, waits))
        monkeypatch.setattr(driver, waits, made.wait)
        session = attrs.evolve(driver.session, monotonic=made.monotonic)
        monkeypatch.setattr(driver, "session", session)
        facade.meanwhile(simulator.go_away)
        return made

    return begin

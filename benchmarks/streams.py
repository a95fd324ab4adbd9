"""The audit log, read to its end: CPU a message, messages a second, and what the loop feels."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from benchmarks import plain
from benchmarks.measure import Row, Target, compared, in_turn, resident_kib
from benchmarks.server import Server
from omni_api import OmniClient, Stream
from omni_api._channel import SINGLE_THREADED
from omni_api.audit import AuditEvent
from omni_api_async import OmniClient as AsyncOmniClient

T = TypeVar("T")

_TICK_S = 0.01
_STANDING_S = 2


def rows(server: Server, runs: int) -> Iterator[Row]:
    """Measure both clients."""
    default, single, ours, events = in_turn(
        plain.stream(server),
        plain.stream(server, SINGLE_THREADED),
        _blocking(server, lambda omni: omni.management.read_audit_log(), lambda _: None),
        _blocking(server, lambda omni: omni.audit_log.events(), _looked_at),
        runs=runs,
    )
    yield compared(
        "audit stream, beside a single-threaded stub",
        "us of CPU",
        (timing.cpu_us for timing in single),
        (timing.cpu_us for timing in ours),
        Target("ratio", "<=", 1.25),
    )
    yield compared(
        "audit stream, beside the default stub",
        "messages/s",
        (timing.rate for timing in default),
        (timing.rate for timing in ours),
        Target("ratio", ">=", 3),
    )
    yield compared(
        "audit stream as typed events, beside raw lines",
        "us of CPU",
        (timing.cpu_us for timing in ours),
        (timing.cpu_us for timing in events),
        Target("ratio", "<=", 3),
    )
    yield from _asyncio_rows(server, runs)
    yield _standing_still(server)


def _asyncio_rows(server: Server, runs: int) -> Iterator[Row]:
    late_plain: list[float] = []
    late_ours: list[float] = []
    aio, ours = in_turn(
        lambda: asyncio.run(_ticking(plain.stream_aio(server), late_plain)),
        lambda: asyncio.run(_ticking(_asyncio(server), late_ours)),
        runs=runs,
    )
    yield compared(
        "asyncio audit stream, beside grpc.aio",
        "messages/s",
        (timing.rate for timing in aio),
        (timing.rate for timing in ours),
        Target("ratio", ">=", 2.5),
    )
    yield Row(
        what="asyncio audit stream: a 10 ms timer is late, 99th percentile",
        unit="ms",
        plain=_percentile_99(late_plain) * 1e3,
        ours=_percentile_99(late_ours) * 1e3,
        target=Target("figure", "<=", 30),
    )


def _blocking(
    server: Server, start: Callable[[OmniClient], Stream[T]], look: Callable[[T], object]
) -> Callable[[], int]:
    def work() -> int:
        with OmniClient(server.url, auth=server.key) as omni:
            with start(omni) as values:
                for value in values:
                    look(value)
            return values.chunks

    return work


def _looked_at(event: AuditEvent) -> tuple[object, ...]:
    """Read what most callers want of an event: it makes some values when they are asked for."""
    return event.time, event.type, event.resource_id, event.actor


async def _asyncio(server: Server) -> int:
    async with AsyncOmniClient(server.url, auth=server.key) as omni:
        async with omni.management.read_audit_log() as lines:
            async for _ in lines:
                pass
        return lines.chunks


async def _ticking(work: Coroutine[Any, Any, int], late: list[float]) -> int:
    """Do the work while a timer of the same loop notes how late it is."""
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []

    def tick(due: float) -> None:
        late.append(loop.time() - due)
        again()

    def again() -> None:
        due = loop.time() + _TICK_S
        timers[:] = [loop.call_at(due, tick, due)]

    again()
    try:
        return await work
    finally:
        timers[0].cancel()


def _standing_still(server: Server) -> Row:
    """Measure how far memory grows while a reader stands still: the server has to wait too."""

    async def main() -> float:
        async with (
            AsyncOmniClient(server.url, auth=server.key) as omni,
            omni.management.read_audit_log() as lines,
        ):
            await anext(lines)
            before = resident_kib()
            pause = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(_STANDING_S, pause.set_result, None)
            await pause
            return resident_kib() - before

    return Row(
        what=f"asyncio audit stream whose reader stands still for {_STANDING_S} s, memory",
        unit="MiB",
        ours=max(asyncio.run(main()), 0.0) / 1024,
        target=Target("figure", "<=", 16),
    )


def _percentile_99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98] if len(values) > 1 else 0.0

"""Unary calls: CPU of one after the other, and calls a second with many in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from benchmarks import plain
from benchmarks.measure import Row, Target, compared, in_turn
from benchmarks.server import Server
from omni_api import OmniClient
from omni_api_async import OmniClient as AsyncOmniClient


def rows(server: Server, runs: int, count: int, in_flight: int) -> Iterator[Row]:
    """Measure both clients, beside stubs whose calls are signed one by one, as servers demand."""
    stub, ours = in_turn(plain.calls(server, count), _blocking(server, count), runs=runs)
    yield compared(
        "unary call",
        "us of CPU",
        (timing.cpu_us for timing in stub),
        (timing.cpu_us for timing in ours),
        Target("ratio", "<=", 1.2),
    )
    workers = _workers(count, in_flight)
    stub, ours = in_turn(
        plain.calls_of_threads(server, workers), _of_threads(server, workers), runs=runs
    )
    yield compared(
        f"unary, {in_flight} threads",
        "calls/s",
        (timing.rate for timing in stub),
        (timing.rate for timing in ours),
        Target("ratio", ">=", 1),
    )
    stub, ours = in_turn(
        lambda: asyncio.run(plain.calls_aio(server, count, in_flight)),
        lambda: asyncio.run(_asyncio(server, count, in_flight)),
        runs=runs,
    )
    yield compared(
        f"unary with asyncio, {in_flight} in flight",
        "calls/s",
        (timing.rate for timing in stub),
        (timing.rate for timing in ours),
        Target("ratio", ">=", 1),
    )


def _blocking(server: Server, count: int) -> Callable[[], int]:
    def work() -> int:
        with OmniClient(server.url, auth=server.key) as omni:
            for _ in range(count):
                omni.management.list_users()
        return count

    return work


def _workers(count: int, in_flight: int) -> Callable[[Callable[[], object]], int]:
    """Return what runs a call `count` times from many threads."""

    def run(call: Callable[[], object]) -> int:
        with ThreadPoolExecutor(in_flight) as pool:
            for future in [pool.submit(call) for _ in range(count)]:
                future.result()
        return count

    return run


def _of_threads(
    server: Server, workers: Callable[[Callable[[], object]], int]
) -> Callable[[], int]:
    def work() -> int:
        with OmniClient(server.url, auth=server.key) as omni:
            return workers(omni.management.list_users)

    return work


async def _asyncio(server: Server, count: int, in_flight: int) -> int:
    async with AsyncOmniClient(server.url, auth=server.key) as omni:
        for _ in range(0, count, in_flight):
            await asyncio.gather(*(omni.management.list_users() for _ in range(in_flight)))
    return count

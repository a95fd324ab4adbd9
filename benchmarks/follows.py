"""Many follow streams in one asyncio process: memory of each, and whether all of them deliver.

Each side runs in a process of its own, `python -m benchmarks.follows SIDE NUMBER`, so that memory
which the other one freed hides nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

from benchmarks import plain
from benchmarks.measure import Row, Target, resident_kib
from benchmarks.server import Server, from_environ
from omni_api_async import OmniClient

_PATIENCE_S = 120
_AT_ONCE = 50


def rows(server: Server, number: int) -> Iterator[Row]:
    """Measure both sides, one after the other."""
    stub, ours = (_measured(server, side, number) for side in ("plain", "ours"))
    yield Row(
        what=f"{number:,} follow streams with asyncio, memory of each",
        unit="KiB",
        plain=stub["kib"],
        ours=ours["kib"],
        ratio=ours["kib"] / stub["kib"],
        target=Target("figure", "<=", 100),
    )
    yield Row(
        what=f"{number:,} follow streams with asyncio, those that deliver",
        unit="streams",
        plain=stub["delivered"],
        ours=ours["delivered"],
        target=Target("figure", ">=", number),
    )


def _measured(server: Server, side: str, number: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.follows", side, str(number)],
        check=True,
        input=json.dumps(server.environ),
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


async def _follow(server: Server, side: str, number: int) -> dict[str, float]:
    async with (
        OmniClient(server.url, auth=server.key) as omni,
        plain.follows(server) as stub,
        AsyncExitStack() as stack,
        asyncio.TaskGroup() as readers,
    ):
        log = _Log(omni)

        async def opened() -> AsyncIterator[str]:
            if side == "plain":
                return await stub()
            events = await stack.enter_async_context(omni.audit_log.follow())
            return (event.resource_id async for event in events)

        tasks = [readers.create_task(log.read(0, await opened()))]
        await log.happens_for_all(1)  # what is there once: connection, imports
        before = resident_kib()
        for start in range(1, number, _AT_ONCE):
            now = range(start, min(start + _AT_ONCE, number))
            streams = await asyncio.gather(*(opened() for _ in now))
            tasks += [
                readers.create_task(log.read(reader, stream))
                for reader, stream in zip(now, streams, strict=True)
            ]
        # A server notes in the log who follows it, so every stream brings those that came later.
        await log.happens_for_all(number)
        grown = resident_kib() - before
        delivered = await log.happens_for_all(number)
        for task in tasks:
            task.cancel()
    return {"kib": grown / (number - 1), "delivered": delivered}


class _Log:
    """Makes events, and counts the streams that have brought them."""

    def __init__(self, omni: OmniClient) -> None:
        self._omni = omni
        self._last = ""
        self._missing: set[int] = set()
        self._by_all = asyncio.Event()

    async def read(self, reader: int, ids: AsyncIterator[str]) -> None:
        async for resource_id in ids:
            if resource_id == self._last:
                self._missing.discard(reader)
                if not self._missing:
                    self._by_all.set()

    async def happens_for_all(self, number: int) -> int:
        """Let something happen and return how many of so many streams bring it."""
        self._last, self._missing = f"{secrets.token_hex(8)}@example.org", set(range(number))
        self._by_all.clear()
        await self._omni.management.create_user(email=self._last, role="Reader")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._by_all.wait(), _PATIENCE_S)
        await self._omni.management.destroy_user(email=self._last)
        return number - len(self._missing)


if __name__ == "__main__":
    result = asyncio.run(_follow(from_environ(json.load(sys.stdin)), sys.argv[1], int(sys.argv[2])))
    print(json.dumps(result))

"""A stream has one reader: a second one is told so, and takes nothing from the first."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sample_calls import one_machine
from stub_server import StubServer, audit_line

import omni_api
import omni_api_async
from omni_api import ClosedError, ServiceAccountKey
from omni_api.simulator import Simulator


class HeldKey:
    """A key that signs when it is let: until then its caller stands in the middle of a call."""

    def __init__(self, simulator: Simulator) -> None:
        self._key = ServiceAccountKey.decode(simulator.service_account_key())
        self.identity, self.fingerprint = self._key.identity, self._key.fingerprint
        self.expires = self._key.expires
        self.asked, self.go_on = threading.Event(), threading.Event()

    def sign(self, data: bytes) -> bytes:
        self.asked.set()
        assert self.go_on.wait(5.0)
        return self._key.sign(data)


def one_step(stream: Any) -> Any:
    return next(stream)


@pytest.mark.parametrize("second", [one_step, list])
@pytest.mark.parametrize("first", [list, lambda stream: [next(stream), *stream]])
def test_a_second_thread_that_reads_a_stream_is_refused_and_the_first_loses_nothing(
    simulator: Simulator, first: Callable[[Any], Any], second: Callable[[Any], Any]
) -> None:
    key = HeldKey(simulator)
    with (
        omni_api.OmniClient(simulator.endpoint, auth=key) as omni,
        ThreadPoolExecutor(1) as threads,
    ):
        stream = omni.management.machine_logs(machine_id=one_machine(simulator), tail_lines=5)
        reading = threads.submit(first, stream)
        try:
            assert key.asked.wait(5.0)
            with pytest.raises(ClosedError, match="one thread at a time"):
                second(stream)
        finally:
            key.go_on.set()
        assert len(reading.result(5.0)) == stream.chunks == 5
    assert "ended" in repr(stream)


@pytest.fixture
def go_on() -> threading.Event:
    """What the server waits for before its second line."""
    return threading.Event()


@pytest.fixture
def server(go_on: threading.Event) -> Iterator[StubServer]:
    """A server whose audit log has a line, a pause and another line."""

    def two_lines(_request: bytes, _context: Any) -> Iterator[bytes]:
        yield audit_line("1")
        go_on.wait(5.0)
        yield audit_line("2")

    with StubServer({"ReadAuditLog": two_lines}) as running:
        yield running
        go_on.set()


@pytest.mark.parametrize("follow", [False, True])
def test_a_second_task_that_reads_a_stream_is_refused_and_the_first_loses_nothing(
    server: StubServer, go_on: threading.Event, follow: bool
) -> None:
    async def body() -> None:
        async with omni_api_async.OmniClient(server.endpoint) as omni:
            stream = omni.management.read_audit_log(follow=follow)
            lines = [(await anext(stream)).audit_log]
            reading = asyncio.create_task(stream.__anext__())
            await asyncio.sleep(0)  # one turn: it waits
            with pytest.raises(ClosedError, match="one task at a time"):
                await asyncio.wait_for(anext(stream), 2.0)
            go_on.set()
            lines.append((await asyncio.wait_for(reading, 2.0)).audit_log)
            lines += [line.audit_log async for line in stream]
            assert lines == [b"1\n", b"2\n"]
            assert "ended: 2 chunks" in repr(stream)

    asyncio.run(body())


@pytest.mark.parametrize("follow", [False, True])
def test_a_second_task_is_refused_while_the_first_opens_the_stream(
    server: StubServer, go_on: threading.Event, follow: bool
) -> None:
    go_on.set()

    async def body() -> None:
        async with omni_api_async.OmniClient(server.endpoint) as omni:
            stream = omni.management.read_audit_log(follow=follow)
            answers = await asyncio.wait_for(
                asyncio.gather(anext(stream), anext(stream), return_exceptions=True), 2.0
            )
            assert [type(answer) for answer in answers][1] is ClosedError
            rest = [line.audit_log async for line in stream]
            assert [answers[0].audit_log, *rest] == [b"1\n", b"2\n"]  # type: ignore[union-attr]

    asyncio.run(body())

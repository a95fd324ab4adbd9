"""The threads that read bulk streams for asyncio: none outlives its loop, none fails in silence."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from stub_server import StubServer

import omni_api_async
from omni_api._gen import management_pb2
from omni_api.errors import ClosedError
from omni_api_async import _bulk
from omni_api_async._bulk import BulkCall

# One message fills what may wait for a consumer.
HUGE = b"x" * _bulk._MOST_BYTES


class Flood:
    """A call of grpc that always has another message, until it is cancelled."""

    def __init__(self, *, before: BaseException | None = None) -> None:
        self.read = threading.Event()
        self.cancelled = threading.Event()
        self._before = before

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._before is not None:
            raise self._before
        if self.cancelled.is_set():
            raise StopIteration
        self.read.set()
        return HUGE

    def cancel(self) -> bool:
        self.cancelled.set()
        return True


def test_a_thread_with_a_full_buffer_ends_when_its_loop_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_bulk, "_LOOK_S", 0.01)
    rpc = Flood()

    async def body() -> BulkCall:
        call = BulkCall(rpc, "flood")
        assert await asyncio.to_thread(rpc.read.wait, 5.0)
        return call

    call = asyncio.run(body())
    assert rpc.cancelled.wait(5.0)
    call._thread.join(5.0)
    assert not call._thread.is_alive()


@pytest.mark.parametrize("error", [MemoryError("no room"), KeyError("a bug")])
def test_an_unexpected_error_in_the_thread_reaches_the_consumer(error: Exception) -> None:
    async def body() -> None:
        call = BulkCall(Flood(before=error), "flood")
        with pytest.raises(type(error)) as caught:
            await asyncio.wait_for(call.read(), 5.0)
        assert caught.value is error
        await asyncio.wait_for(call.joined(), 5.0)

    asyncio.run(body())


@pytest.fixture
def flooding() -> Iterator[StubServer]:
    """A server whose audit log is without end, in large pieces."""
    message = management_pb2.ReadAuditLogResponse(audit_log=HUGE[: 512 * 1024]).SerializeToString()

    def flood(_request: bytes, context: Any) -> Iterator[bytes]:
        while context.is_active():
            yield message

    with StubServer({"ReadAuditLog": flood}) as running:
        yield running


def readers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("omni-")]


async def read_one(endpoint: str) -> tuple[omni_api_async.OmniClient, Any]:
    """Read one message and leave everything open."""
    omni = omni_api_async.OmniClient(endpoint)
    stream = omni.management.read_audit_log()
    assert (await anext(stream)).audit_log
    return omni, stream


@pytest.mark.parametrize("kept", [True, False])
def test_a_loop_that_ends_without_close_leaves_no_thread(
    flooding: StubServer, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    monkeypatch.setattr(_bulk, "_LOOK_S", 0.01)
    held = asyncio.run(read_one(flooding.endpoint))
    if not kept:
        del held
        gc.collect()
    for thread in readers():
        thread.join(5.0)
    assert readers() == []


def test_a_client_can_be_closed_in_another_loop_than_its_own(flooding: StubServer) -> None:
    omni, stream = asyncio.run(read_one(flooding.endpoint))
    asyncio.run(asyncio.wait_for(omni.close(), 5.0))
    assert readers() == []
    asyncio.run(asyncio.wait_for(stream.close(), 5.0))


def test_closing_ends_a_thread_that_waits_for_its_consumer(flooding: StubServer) -> None:
    async def body() -> None:
        omni, stream = await read_one(flooding.endpoint)
        (call,) = omni._driver._bulk
        end = time.monotonic() + 5.0
        while not call._is_full():  # the loop stands still, so nobody makes room
            assert time.monotonic() < end
        await asyncio.wait_for(omni.close(), 5.0)
        assert readers() == []
        with pytest.raises(ClosedError):
            async for _ in stream:
                pass

    asyncio.run(body())


def test_closing_ends_the_threads_of_its_streams(flooding: StubServer) -> None:
    async def body() -> None:
        omni, _stream = await read_one(flooding.endpoint)
        assert len(readers()) == 1
        await asyncio.wait_for(omni.close(), 5.0)
        assert readers() == []

    asyncio.run(body())

"""Cancelled tasks: what a cancellation carries, and one that was swallowed long ago."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from stub_server import StubServer, audit_line

import omni_api_async
from omni_api import ClosedError, ServiceAccountKey
from omni_api.simulator import Simulator


@pytest.fixture
def endless() -> Iterator[StubServer]:
    """A server whose audit log says one line and goes on for ever."""

    def one_line(_request: bytes, context: Any) -> Iterator[bytes]:
        over = threading.Event()
        context.add_callback(over.set)
        yield audit_line()
        over.wait(10.0)

    with StubServer({"ReadAuditLog": one_line}) as running:
        yield running


def test_the_error_of_a_cancelled_call_is_not_its_own_cause(simulator: Simulator) -> None:
    simulator.delay("ListUsers", 30.0)
    key = ServiceAccountKey.decode(simulator.service_account_key())
    caught: list[BaseException] = []

    async def call(omni: omni_api_async.OmniClient) -> None:
        try:
            await omni.management.list_users()
        except asyncio.CancelledError as error:
            caught.append(error)
            raise

    async def body() -> None:
        async with omni_api_async.OmniClient(simulator.endpoint, auth=key) as omni:
            task = asyncio.create_task(call(omni))
            arrived = simulator.wait_for
            assert await asyncio.to_thread(arrived, lambda: simulator.count("ListUsers") == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 5.0)

    asyncio.run(body())
    (error,) = caught
    assert error.__cause__ is not error
    assert error.__context__ is not error


@pytest.mark.parametrize("follow", [False, True])
def test_the_error_of_a_cancelled_read_is_not_its_own_cause(
    endless: StubServer, follow: bool
) -> None:
    caught: list[BaseException] = []

    async def body() -> None:
        async with omni_api_async.OmniClient(endless.endpoint) as omni:
            stream = omni.management.read_audit_log(follow=follow)
            received = asyncio.Event()

            async def read() -> None:
                try:
                    async for _ in stream:
                        received.set()
                except asyncio.CancelledError as error:
                    caught.append(error)
                    raise

            task = asyncio.create_task(read())
            await asyncio.wait_for(received.wait(), 5.0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 5.0)
            assert "closed: 1 chunks" in repr(stream)

    asyncio.run(body())
    (error,) = caught
    assert error.__cause__ is not error


@pytest.mark.parametrize("follow", [False, True])
def test_a_task_that_swallowed_a_cancel_still_sees_our_close_as_a_quiet_end(
    endless: StubServer, follow: bool
) -> None:
    async def body() -> None:
        async with omni_api_async.OmniClient(endless.endpoint) as omni:
            stream = omni.management.read_audit_log(follow=follow)
            waiting, received = asyncio.Event(), asyncio.Event()

            async def read() -> int:
                with contextlib.suppress(asyncio.CancelledError):
                    waiting.set()
                    await asyncio.Event().wait()
                async for _ in stream:
                    received.set()
                return stream.chunks

            task = asyncio.create_task(read())
            await asyncio.wait_for(waiting.wait(), 5.0)
            task.cancel()
            await asyncio.wait_for(received.wait(), 5.0)
            assert task.cancelling() == 1
            await stream.close()
            assert await asyncio.wait_for(task, 5.0) == 1

    asyncio.run(body())


def test_a_stream_whose_wait_was_cancelled_says_so_instead_of_ending_without_a_word(
    simulator: Simulator,
) -> None:
    key = ServiceAccountKey.decode(simulator.service_account_key())

    async def main() -> None:
        omni = omni_api_async.OmniClient(simulator.endpoint, auth=key)
        async with omni, omni.audit_log.follow() as events:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(events), 0.01)
            with pytest.raises(ClosedError, match=r"by asyncio\.wait_for"):
                await anext(events)

    asyncio.run(main())

"""Clients that are closed, or given up, while their connection is being opened."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from sample_calls import one_machine

import omni_api
import omni_api_async
from omni_api import TLS, ClosedError, ServiceAccountKey
from omni_api.simulator import Simulator

ANY = TLS(insecure_accept_any_certificate=True)


class SlowSettings:
    """Settings whose credentials take as long as the test says, and which note each channel."""

    def __init__(self, driver: Any) -> None:
        self._settings = driver._settings
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.channels: list[Any] = []
        driver._settings = self

    def credentials(self, *timeout: float | None) -> Any:
        self.begun.set()
        assert self.go_on.wait(5.0)
        return self._settings.credentials(*timeout)

    def open(self, credentials: Any) -> Any:
        self.channels.append(self._settings.open(credentials))
        return self.channels[-1]

    def open_async(self, credentials: Any) -> Any:
        self.channels.append(self._settings.open_async(credentials))
        return self.channels[-1]


def key_of(simulator: Simulator) -> ServiceAccountKey:
    return ServiceAccountKey.decode(simulator.service_account_key())


async def users(omni: omni_api_async.OmniClient, _: Simulator) -> Any:
    return await omni.management.list_users()


async def bulk(omni: omni_api_async.OmniClient, _: Simulator) -> Any:
    return [line async for line in omni.audit_log.read()]


async def live(omni: omni_api_async.OmniClient, simulator: Simulator) -> Any:
    stream = omni.management.machine_logs(machine_id=one_machine(simulator), follow=True)
    return [line async for line in stream]


@pytest.mark.parametrize("call", [users, bulk, live])
def test_an_asyncio_client_closed_while_it_opens_sends_nothing_and_stays_closed(
    simulator: Simulator, call: Callable[..., Any]
) -> None:
    async def body() -> None:
        omni = omni_api_async.OmniClient(simulator.endpoint, auth=key_of(simulator))
        slow = SlowSettings(omni._driver)
        calls = [asyncio.create_task(call(omni, simulator)) for _ in range(2)]
        assert await asyncio.to_thread(slow.begun.wait, 5.0)
        await omni.close()
        slow.go_on.set()
        for error in await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5.0):
            assert type(error) is ClosedError
        assert slow.channels == []
        with pytest.raises(ClosedError):
            await omni.management.list_users()

    asyncio.run(body())
    assert simulator.calls == []


def test_a_blocking_client_can_be_closed_while_it_opens(simulator: Simulator) -> None:
    omni = omni_api.OmniClient(simulator.endpoint, auth=key_of(simulator))
    slow = SlowSettings(omni._driver)
    with ThreadPoolExecutor(2) as threads:
        try:
            call = threads.submit(omni.management.list_users)
            assert slow.begun.wait(5.0)
            threads.submit(omni.close).result(2.0)
        finally:
            slow.go_on.set()
        with pytest.raises(ClosedError):
            call.result(5.0)
    assert slow.channels == []
    assert simulator.calls == []


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_closing_does_not_wait_for_a_server_that_says_nothing(silent: socket.socket) -> None:
    omni = omni_api.OmniClient(f"https://127.0.0.1:{silent.getsockname()[1]}", tls=ANY)
    with ThreadPoolExecutor(2) as threads:
        call = threads.submit(omni.management.list_users, timeout=10.0)
        connection, _ = silent.accept()
        try:
            threads.submit(omni.close).result(2.0)
        finally:
            connection.close()
        with pytest.raises(ClosedError):
            call.result(5.0)


def test_an_asyncio_client_closed_while_a_server_says_nothing_does_not_wait_for_it(
    silent: socket.socket,
) -> None:
    async def body() -> None:
        omni = omni_api_async.OmniClient(
            f"https://127.0.0.1:{silent.getsockname()[1]}", tls=ANY, timeout=10.0
        )
        call = asyncio.create_task(omni.management.list_users())
        connection, _ = await asyncio.to_thread(silent.accept)
        try:
            await asyncio.wait_for(omni.close(), 2.0)
        finally:
            connection.close()
        with pytest.raises(ClosedError):
            await asyncio.wait_for(call, 5.0)

    asyncio.run(body())


def test_a_stream_given_up_while_it_opened_is_broken_and_not_empty(simulator: Simulator) -> None:
    async def body() -> None:
        async with asyncio.timeout(10.0):
            omni = omni_api_async.OmniClient(simulator.endpoint, auth=key_of(simulator))
            slow = SlowSettings(omni._driver)
            stream = omni.management.machine_logs(machine_id=one_machine(simulator), tail_lines=3)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02), stream:
                    pass
            slow.go_on.set()
            assert "broken" in repr(stream)
            with pytest.raises(ClosedError, match="is broken"):
                _ = [line async for line in stream]
            # The client itself is as good as new.
            assert (await omni.management.list_users()).users
            await omni.close()

    asyncio.run(body())
    assert simulator.count("MachineLogs") == 0


class Lingering:
    """A bulk call whose thread does not end."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def joined(self) -> None:
        self.asked.set()
        await asyncio.Event().wait()


def test_a_close_that_is_cancelled_half_way_still_closes_the_channel(simulator: Simulator) -> None:
    async def body() -> None:
        omni = omni_api_async.OmniClient(simulator.endpoint, auth=key_of(simulator))
        slow = SlowSettings(omni._driver)
        slow.go_on.set()
        assert (await omni.management.list_users()).users
        (channel,) = slow.channels
        bulk: Any = Lingering()
        omni._driver._bulk.add(bulk)
        closing = asyncio.create_task(omni.close())
        await asyncio.wait_for(bulk.asked.wait(), 5.0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(closing, 5.0)
        with pytest.raises(grpc.aio.UsageError):
            await channel.unary_unary("/management.ManagementService/ListUsers")(b"")

    asyncio.run(body())

"""What only threads can do to a stream, and what only tasks can: closing one while it is read."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import grpc
import pytest
from sample_calls import one_machine

import omni_api
import omni_api_async
from omni_api import CallCancelledError, ClosedError, ServiceAccountKey
from omni_api.simulator import Simulator


def key_of(simulator: Simulator) -> ServiceAccountKey:
    return ServiceAccountKey.decode(simulator.service_account_key())


def open_streams(simulator: Simulator, number: int) -> bool:
    """Wait until so many streams are open on the server."""
    return simulator.wait_for(lambda: simulator.active_streams() == number)


class Reader(threading.Thread):
    """Reads a stream to its end in a thread of its own."""

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self.stream = stream
        self.lines: list[bytes] = []
        self.error: BaseException | None = None
        self.received = threading.Event()

    def run(self) -> None:
        try:
            for line in self.stream:
                self.lines.append(line.bytes)
                self.received.set()
        except BaseException as error:
            self.error = error

    def ends(self) -> bool:
        self.join(5.0)
        return not self.is_alive()


def test_closing_a_stream_from_another_thread_ends_a_blocked_read_quietly(
    simulator: Simulator,
) -> None:
    with omni_api.OmniClient(simulator.endpoint, auth=key_of(simulator)) as omni:
        stream = omni.management.machine_logs(
            machine_id=one_machine(simulator), follow=True, tail_lines=1
        )
        reader = Reader(stream)
        reader.start()
        assert reader.received.wait(5.0)
        stream.close()
        assert reader.ends()
        assert reader.error is None
        assert len(reader.lines) == stream.chunks == 1
        assert open_streams(simulator, 0)


def test_closing_a_stream_from_another_thread_ends_the_wait_for_its_first_message(
    simulator: Simulator,
) -> None:
    with omni_api.OmniClient(simulator.endpoint, auth=key_of(simulator)) as omni:
        stream = omni.management.machine_logs(
            machine_id=one_machine(simulator), follow=True, tail_lines=0
        )
        reader = Reader(stream)
        reader.start()
        assert open_streams(simulator, 1)
        stream.close()
        assert reader.ends()
        assert reader.error is None
        assert reader.lines == []
        assert open_streams(simulator, 0)


def test_closing_the_client_from_another_thread_ends_a_blocked_read_with_closed_error(
    simulator: Simulator,
) -> None:
    omni = omni_api.OmniClient(simulator.endpoint, auth=key_of(simulator))
    reader = Reader(
        omni.management.machine_logs(machine_id=one_machine(simulator), follow=True, tail_lines=1)
    )
    reader.start()
    assert reader.received.wait(5.0)
    omni.close()
    assert reader.ends()
    assert isinstance(reader.error, ClosedError)
    assert open_streams(simulator, 0)


def test_a_server_that_cancels_a_stream_does_not_end_it_quietly(simulator: Simulator) -> None:
    simulator.break_stream("MachineLogs", after=1, code=grpc.StatusCode.CANCELLED)
    with (
        omni_api.OmniClient(simulator.endpoint, auth=key_of(simulator)) as omni,
        pytest.raises(CallCancelledError) as caught,
    ):
        list(omni.management.machine_logs(machine_id=one_machine(simulator)))
    assert caught.value.chunks == 1


async def async_follow(omni: omni_api_async.OmniClient, simulator: Simulator) -> Any:
    return omni.management.machine_logs(
        machine_id=one_machine(simulator), follow=True, tail_lines=1
    )


def test_closing_a_stream_from_another_task_ends_a_waiting_read_quietly(
    simulator: Simulator,
) -> None:
    async def body() -> None:
        async with omni_api_async.OmniClient(simulator.endpoint, auth=key_of(simulator)) as omni:
            stream = await async_follow(omni, simulator)
            received = asyncio.Event()

            async def read() -> int:
                async for _ in stream:
                    received.set()
                return int(stream.chunks)

            task = asyncio.create_task(read())
            await asyncio.wait_for(received.wait(), 5.0)
            await stream.close()
            assert await asyncio.wait_for(task, 5.0) == 1
            assert await asyncio.to_thread(open_streams, simulator, 0)

    asyncio.run(body())


def test_closing_the_client_from_another_task_ends_a_waiting_read_with_closed_error(
    simulator: Simulator,
) -> None:
    async def body() -> None:
        omni = omni_api_async.OmniClient(simulator.endpoint, auth=key_of(simulator))
        stream = await async_follow(omni, simulator)
        received = asyncio.Event()

        async def read() -> None:
            async for _ in stream:
                received.set()

        task = asyncio.create_task(read())
        await asyncio.wait_for(received.wait(), 5.0)
        await omni.close()
        with pytest.raises(ClosedError):
            await asyncio.wait_for(task, 5.0)
        assert await asyncio.to_thread(open_streams, simulator, 0)

    asyncio.run(body())


def test_cancelling_a_task_that_reads_cancels_the_stream_on_the_server(
    simulator: Simulator,
) -> None:
    async def body() -> None:
        async with omni_api_async.OmniClient(simulator.endpoint, auth=key_of(simulator)) as omni:
            stream = await async_follow(omni, simulator)
            received = asyncio.Event()

            async def read() -> None:
                async for _ in stream:
                    received.set()

            task = asyncio.create_task(read())
            await asyncio.wait_for(received.wait(), 5.0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(open_streams, simulator, 0)
            # The client itself is as good as before.
            assert (await omni.management.list_users()).users

    asyncio.run(body())


def test_a_timeout_around_a_read_cancels_the_stream_on_the_server(simulator: Simulator) -> None:
    async def body() -> None:
        async with omni_api_async.OmniClient(simulator.endpoint, auth=key_of(simulator)) as omni:
            stream = await async_follow(omni, simulator)

            async def read() -> list[Any]:
                return [line async for line in stream]

            with pytest.raises(TimeoutError):
                await asyncio.wait_for(read(), 0.1)
            assert stream.chunks == 1
            assert await asyncio.to_thread(open_streams, simulator, 0)

    asyncio.run(body())


def test_break_out_of_an_async_for_cancels_before_the_loop_goes_on(simulator: Simulator) -> None:
    async def body() -> None:
        async with omni_api_async.OmniClient(simulator.endpoint, auth=key_of(simulator)) as omni:
            stream = await async_follow(omni, simulator)
            async for _ in stream:
                break
            assert "closed" in repr(stream)
            assert await asyncio.to_thread(open_streams, simulator, 0)

    asyncio.run(body())


def test_many_streams_of_one_client_run_side_by_side(simulator: Simulator) -> None:
    machines = [machine.id for machine in simulator.state.fleet.machines()]

    async def body() -> None:
        async with omni_api_async.OmniClient(simulator.endpoint, auth=key_of(simulator)) as omni:

            async def read(machine_id: str) -> set[bytes]:
                async with omni.management.machine_logs(
                    machine_id=machine_id, tail_lines=20
                ) as lines:
                    return {line.bytes async for line in lines}

            logs = await asyncio.gather(*map(read, machines))
            assert all(len(lines) == 20 for lines in logs)
            assert len(set.union(*logs)) == 20 * len(machines)

    asyncio.run(body())

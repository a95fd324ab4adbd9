"""Composed operations: their steps are carried out alike in both packages, and leave nothing."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from facades import Blocking, Facade, dressed
from sample_calls import one_machine

import omni_api_async
from omni_api import (
    ClosedError,
    InternalError,
    NotFoundError,
    OmniClient,
    RetryPolicy,
    ServiceAccountKey,
    UnavailableError,
)
from omni_api._core.steps import (
    END,
    Arrival,
    Composite,
    Fill,
    First,
    Give,
    Now,
    Pause,
    Ready,
    Running,
    Steps,
    Stop,
    following,
    run,
    send,
    start,
)
from omni_api._gen import calls
from omni_api._gen.models import LogLine
from omni_api.simulator import Simulator


def stream(omni: Any, steps: Steps[None], **options: Any) -> Any:
    """The stream of some steps, of whichever package."""
    made: Composite[Any] = Composite(name="test", steps=steps, size=lambda _: 1, **options)
    if isinstance(omni, Blocking):
        return dressed(omni._target._driver.stream(made), omni._runner)
    return omni._driver.stream(made)


def carry_out(omni: Any, steps: Steps[Any]) -> Any:
    """The result of some steps."""
    if isinstance(omni, Blocking):
        return omni._runner.run(omni._target._driver.compose(steps))
    return omni._driver.compose(steps)


@pytest.fixture
def machine(simulator: Simulator) -> str:
    return one_machine(simulator)


def log(machine: str, **options: Any) -> Any:
    return calls.machine_logs(machine_id=machine, **options)


# ---- What steps do ------------------------------------------------------------------------------


def test_what_the_steps_give_is_the_stream(omni: Any) -> None:
    def steps() -> Steps[None]:
        yield Give("a")
        yield Give("b")

    with stream(omni, steps()) as values:
        assert list(values) == ["a", "b"]
    assert (values.chunks, values.bytes_received) == (2, 2)
    assert "ended" in repr(values)


def test_calls_and_streams_are_steps(omni: Any, machine: str) -> None:
    def steps() -> Steps[tuple[bool, int]]:
        users = yield from send(calls.list_users())
        lines = yield from start(log(machine, tail_lines=3))
        count = 0
        while (yield from following(lines)) is not END:
            count += 1
        assert lines.chunks == count
        return bool(users.users), count

    assert carry_out(omni, steps()) == (True, 3)


def test_many_values_of_a_stream_are_taken_at_once(omni: Any, machine: str) -> None:
    def steps() -> Steps[list[int]]:
        lines: Running[LogLine] = yield from start(log(machine, tail_lines=5))
        sizes = []
        for _ in range(4):
            taken: list[LogLine] = []
            yield Fill(lines, taken, 2)
            sizes.append(len(taken))
        return sizes

    assert carry_out(omni, steps()) == [2, 2, 1, 0]


def test_what_came_before_a_break_is_not_lost(
    omni: Any, simulator: Simulator, machine: str
) -> None:
    simulator.break_stream("MachineLogs", after=3)
    taken: list[LogLine] = []

    def steps() -> Steps[int]:
        lines = yield from start(log(machine, tail_lines=9))
        try:
            yield Fill(lines, taken, 100)
        except UnavailableError as error:
            return error.chunks
        return -1

    assert carry_out(omni, steps()) == 3
    assert len(taken) == 3


def test_a_function_that_may_block_is_called_and_its_error_comes_back(omni: Any) -> None:
    def fail() -> None:
        raise OSError("disk full")

    def steps() -> Steps[tuple[str, str]]:
        name = yield from run(lambda: threading.current_thread().name)
        try:
            yield from run(fail)
        except OSError as error:
            return name, str(error)
        return name, ""

    name, error = carry_out(omni, steps())
    # The event loop must not wait for a disk.
    assert (name != threading.current_thread().name) is isinstance(omni, Blocking)
    assert error == "disk full"


def test_the_clocks_are_the_clients(omni: Any) -> None:
    def steps() -> Steps[Any]:
        moment = yield Now()
        return moment

    moment = carry_out(omni, steps())
    assert moment.utc.tzinfo is not None
    assert moment.monotonic > 0


def test_an_error_of_a_step_can_be_outlived(omni: Any) -> None:
    def steps() -> Steps[str]:
        try:
            yield from send(calls.destroy_user(email="nobody@example.org"))
        except NotFoundError:
            yield Pause(0.001)
        return "gone already"

    assert carry_out(omni, steps()) == "gone already"


def test_an_error_that_nobody_outlives_ends_the_operation(omni: Any, simulator: Simulator) -> None:
    def steps() -> Steps[None]:
        yield Give(1)
        yield Give(2)
        yield from send(calls.destroy_user(email="nobody@example.org"))

    values = stream(omni, steps())
    assert [next(values), next(values)] == [1, 2]
    with pytest.raises(NotFoundError) as caught:
        next(values)
    assert caught.value.chunks == 2
    assert "broken" in repr(values)


# ---- Several streams at once --------------------------------------------------------------------


def test_whichever_of_several_streams_brings_something_first_is_served(
    omni: Any, simulator: Simulator
) -> None:
    ids = [machine.id for machine in simulator.state.fleet.machines()][:3]

    def steps() -> Steps[dict[str, int]]:
        open_ones = {}
        for id_ in ids:
            open_ones[(yield from start(log(id_, tail_lines=4)))] = id_
        counts = dict.fromkeys(ids, 0)
        while open_ones:
            arrival: Arrival[LogLine] = yield First(tuple(open_ones))
            assert arrival.error is None
            if arrival.value is END:
                del open_ones[arrival.stream]
            else:
                counts[open_ones[arrival.stream]] += 1
        return counts

    assert carry_out(omni, steps()) == dict.fromkeys(ids, 4)


def test_a_break_of_one_of_several_streams_is_told_apart(
    omni: Any, simulator: Simulator, machine: str
) -> None:
    simulator.break_stream("MachineLogs", after=1, code=grpc.StatusCode.INTERNAL)

    def steps() -> Steps[tuple[bool, Exception | None]]:
        lines = yield from start(log(machine, tail_lines=4))
        first: Arrival[LogLine] = yield First((lines,))
        second: Arrival[LogLine] = yield First((lines,))
        return first.value is not END, second.error

    came, error = carry_out(omni, steps())
    assert came
    assert isinstance(error, InternalError)


def test_waiting_for_several_streams_can_have_a_limit(omni: Any, machine: str) -> None:
    def steps() -> Steps[Any]:
        lines = yield from start(log(machine, tail_lines=0, follow=True))
        first = yield First((lines,), 0.01)
        second = yield First((lines,), 0.01)
        return first, second

    assert carry_out(omni, steps()) == (None, None)


# ---- Leaving ------------------------------------------------------------------------------------


def endless(machine: str, cleaned: list[str], **options: Any) -> Steps[None]:
    try:
        lines = yield from start(log(machine, follow=True, **options))
        yield Ready()
        while (line := (yield from following(lines))) is not END:
            yield Give(line)
    finally:
        cleaned.append("cleaned")


def nothing_is_open(simulator: Simulator, facade: Facade) -> bool:
    return facade.meanwhile(lambda: simulator.wait_for(lambda: simulator.active_streams() == 0))


def leave_by_break(values: Any) -> None:
    for _ in values:
        break


def leave_by_close(values: Any) -> None:
    next(values)
    values.close()


def leave_with(values: Any) -> None:
    with values as open_values:
        next(open_values)


def leave_with_unread(values: Any) -> None:
    with values:
        pass


def leave_by_error(values: Any) -> None:
    with pytest.raises(ZeroDivisionError), values as open_values:
        for _ in open_values:
            raise ZeroDivisionError


@pytest.mark.parametrize(
    "leave", [leave_by_break, leave_by_close, leave_with, leave_with_unread, leave_by_error]
)
def test_leaving_closes_the_steps_and_their_streams(
    omni: Any,
    facade: Facade,
    simulator: Simulator,
    machine: str,
    leave: Callable[[Any], None],
) -> None:
    cleaned: list[str] = []
    leave(stream(omni, endless(machine, cleaned)))
    gc.collect()
    assert cleaned == ["cleaned"]
    assert nothing_is_open(simulator, facade)


def test_entering_waits_until_the_stream_stands(
    omni: Any, simulator: Simulator, machine: str
) -> None:
    with stream(omni, endless(machine, [], tail_lines=0)) as values:
        assert "open" in repr(values)
        assert simulator.count("MachineLogs") <= 1


def test_a_stream_that_was_left_unused_has_sent_nothing(omni: Any, simulator: Simulator) -> None:
    def steps() -> Steps[None]:
        yield from send(calls.list_users())

    values = stream(omni, steps())
    values.close()
    assert simulator.calls == []
    with pytest.raises(ClosedError, match="the stream of test is closed"):
        list(values)


@pytest.mark.parametrize("waits_in", ["pause", "next", "first"])
def test_closing_from_elsewhere_ends_every_wait_at_once(
    simulator: Simulator, machine: str, waits_in: str
) -> None:
    key = ServiceAccountKey.decode(simulator.service_account_key())
    waiting, cleaned = threading.Event(), threading.Event()

    def steps() -> Steps[None]:
        try:
            lines = yield from start(log(machine, tail_lines=0, follow=True))
            yield Ready()
            waiting.set()
            if waits_in == "pause":
                yield Pause(3600)
            elif waits_in == "next":
                yield from following(lines)
            else:
                yield First((lines,))
            yield Give("never")
        finally:
            cleaned.set()

    with OmniClient(simulator.endpoint, auth=key) as omni, stream(omni, steps()) as values:
        received: list[Any] = []
        reader = threading.Thread(target=lambda: received.extend(values))
        reader.start()
        assert waiting.wait(5)
        values.close()
        reader.join(5)
        assert not reader.is_alive()
        assert received == []
        assert cleaned.is_set()
    assert simulator.wait_for(lambda: simulator.active_streams() == 0)


@pytest.mark.parametrize("waits_in", ["pause", "next", "first"])
@pytest.mark.parametrize("how", ["close", "cancel"])
def test_another_task_ends_every_wait_at_once(
    simulator: Simulator, machine: str, waits_in: str, how: str
) -> None:
    key = ServiceAccountKey.decode(simulator.service_account_key())
    cleaned: list[str] = []

    async def main() -> None:
        waiting = asyncio.Event()

        def steps() -> Steps[None]:
            try:
                lines = yield from start(log(machine, tail_lines=0, follow=True))
                yield Ready()
                waiting.set()
                if waits_in == "pause":
                    yield Pause(3600)
                elif waits_in == "next":
                    yield from following(lines)
                else:
                    yield First((lines,))
                yield Give("never")
            finally:
                cleaned.append("cleaned")

        async with omni_api_async.OmniClient(simulator.endpoint, auth=key) as omni:
            made: Composite[str] = Composite(name="test", steps=steps(), size=len)
            values = omni._driver.stream(made)

            async def read() -> list[Any]:
                return [value async for value in values]

            reader = asyncio.ensure_future(read())
            await waiting.wait()
            if how == "close":
                await values.close()
                assert await asyncio.wait_for(reader, 5) == []
            else:
                reader.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reader
                await values.close()
            assert cleaned == ["cleaned"]
            ours = [task for task in asyncio.all_tasks() if "_AioCall" not in repr(task)]
            assert ours == [asyncio.current_task()]

    asyncio.run(main())
    assert simulator.wait_for(lambda: simulator.active_streams() == 0)


def test_a_cancelled_task_waits_for_a_function_that_cannot_be_stopped(
    simulator: Simulator,
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def work() -> None:
        begun.set()
        assert go_on.wait(5)
        order.append("done")

    def steps() -> Steps[None]:
        try:
            yield from run(work)
        finally:
            order.append("cleaned")

    async def main() -> None:
        async with omni_api_async.OmniClient(simulator.endpoint) as omni:
            task = asyncio.ensure_future(omni._driver.compose(steps()))
            await asyncio.to_thread(begun.wait, 5)
            task.cancel()
            asyncio.get_running_loop().call_later(0.01, go_on.set)
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert order == ["done", "cleaned"]


def test_closing_the_client_ends_a_pause_with_an_error(simulator: Simulator) -> None:
    waiting = threading.Event()

    def steps() -> Steps[None]:
        waiting.set()
        yield Pause(3600)

    caught: list[Exception] = []

    def carry() -> None:
        try:
            omni._driver.compose(steps())
        except ClosedError as error:
            caught.append(error)

    omni = OmniClient(simulator.endpoint)
    thread = threading.Thread(target=carry)
    thread.start()
    assert waiting.wait(5)
    omni.close()
    thread.join(5)
    assert len(caught) == 1


@pytest.mark.parametrize("form", ["a loop", "next"])
def test_a_reader_that_comes_while_another_thread_closes_finds_the_end(
    simulator: Simulator, form: str
) -> None:
    closing, go_on = threading.Event(), threading.Event()

    def steps() -> Steps[None]:
        try:
            yield Give(1)
            yield Give(2)
        finally:
            closing.set()
            go_on.wait(5)

    with OmniClient(simulator.endpoint) as omni:
        values = stream(omni, steps())
        reader = iter(values) if form == "a loop" else values
        assert next(reader) == 1
        closer = threading.Thread(target=values.close)
        closer.start()
        assert closing.wait(5)
        assert next(reader, "the end") == "the end"
        go_on.set()
        closer.join(5)
    assert "closed" in repr(values)


def test_closing_a_plain_stream_ends_its_wait_for_a_further_attempt(simulator: Simulator) -> None:
    fault = simulator.fail("MachineLogs", times=None)
    patient = RetryPolicy(attempts=10, first_wait=600.0, max_wait=600.0)
    key = ServiceAccountKey.decode(simulator.service_account_key())
    with OmniClient(simulator.endpoint, auth=key, retry=patient) as omni:
        lines = omni.management.machine_logs(machine_id="m-1")
        received: list[Any] = []
        reader = threading.Thread(target=lambda: received.extend(lines))
        reader.start()
        assert simulator.wait_for(lambda: fault.hits == 1)
        lines.close()
        reader.join(5)
        assert not reader.is_alive()
    assert received == []


def test_a_stop_closes_one_stream_and_the_operation_goes_on(
    omni: Any, simulator: Simulator, facade: Facade, machine: str
) -> None:
    def steps() -> Steps[None]:
        lines = yield from start(log(machine, tail_lines=0, follow=True))
        yield Give("open")
        yield Stop(lines)
        yield Give("closed")

    with stream(omni, steps()) as values:
        assert next(values) == "open"
        assert next(values) == "closed"
        assert nothing_is_open(simulator, facade)


def test_a_stream_that_was_stopped_leaves_no_reader_behind(
    omni: Any, simulator: Simulator, facade: Facade, machine: str
) -> None:
    def readers() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "omni-reader"]

    def steps() -> Steps[None]:
        for _ in range(3):
            lines = yield from start(log(machine, tail_lines=200, follow=True))
            yield First((lines,))
            yield Stop(lines)
        yield Give(len(readers()))

    with stream(omni, steps()) as values:
        assert next(values) == 0
        assert nothing_is_open(simulator, facade)


def test_a_forgotten_stream_may_be_found_by_the_collector_in_a_thread_of_its_own(
    simulator: Simulator, machine: str
) -> None:
    forgotten, collected = threading.Event(), threading.Event()

    def collecting(data: bytes) -> bytes:
        if forgotten.is_set():
            gc.collect()
            collected.set()
        return data

    def steps() -> Steps[None]:
        call = log(machine, tail_lines=1, follow=True).read_by(lambda: collecting, len)
        lines = yield from start(call)
        while (arrival := (yield First((lines,)))) is not None:
            yield Give(arrival.value)

    key = ServiceAccountKey.decode(simulator.service_account_key())
    gc.disable()
    try:
        with OmniClient(simulator.endpoint, auth=key) as omni:
            cycle: dict[str, Any] = {"values": stream(omni, steps())}
            cycle["itself"] = cycle
            assert next(cycle["values"])
            del cycle
            forgotten.set()
            simulator.state.fleet.append_log(machine, "one more")
            assert collected.wait(5)
            assert simulator.wait_for(lambda: simulator.active_streams() == 0)
    finally:
        gc.enable()


def test_large_values_are_taken_in_smaller_portions(omni: Any, machine: str) -> None:
    def steps() -> Steps[list[int]]:
        lines: Running[LogLine] = yield from start(log(machine, tail_lines=5))
        sizes = []
        for _ in range(6):
            taken: list[LogLine] = []
            yield Fill(lines, taken, 100, most_bytes=1)
            sizes.append(len(taken))
        return sizes

    assert carry_out(omni, steps()) == [1, 1, 1, 1, 1, 0]

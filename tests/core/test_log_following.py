"""Following driven by hand: a server in memory that breaks as it likes, and a clock of its own."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import attrs
import grpc
import pytest
from laws import given, st

from omni_api._core.call import Call
from omni_api._core.followed_log import LogCalls
from omni_api._core.log_following import followed_lines
from omni_api._core.steps import (
    END,
    Arrival,
    Fill,
    First,
    Give,
    Moment,
    Now,
    Pause,
    Position,
    Ready,
    Start,
    Stop,
)
from omni_api._gen import calls
from omni_api._gen.management_pb2 import MachineLogsRequest
from omni_api.errors import NotFoundError, UnavailableError
from omni_api.machine_log import LogRecord

START = datetime(2026, 11, 24, tzinfo=UTC)


def line(machine_id: str, number: int, second: float) -> LogRecord:
    time = (START + timedelta(seconds=second)).isoformat()
    raw = f'{{"msg":"{machine_id} {number}","talos-time":"{time}"}}'
    return LogRecord(raw=raw.encode(), machine_id=machine_id)


@attrs.define(eq=False)
class Stream:
    """A stream of the server: where in the log it is, and whether it has ended."""

    machine_id: str
    at: int
    follow: bool
    chunks: int = 0
    broken: bool = False


@attrs.define(eq=False)
class Server:
    """Carries out the steps. `chance` decides what happens next; time passes only here."""

    chance: Random
    logs: dict[str, list[LogRecord]]
    growing: dict[str, list[LogRecord]]
    capacity: int = 1_000_000
    breaks: int = 0
    clock: float = 0.0
    given: list[LogRecord] = attrs.field(factory=list)
    streams: list[Stream] = attrs.field(factory=list)
    ready: bool = False

    def run(self, calls_of: list[LogCalls], position: Position) -> None:
        """Follow until every log has grown to its end and its machine is removed."""
        steps = followed_lines(calls_of, position=position)
        step = next(steps)
        for _ in range(100_000):
            result: Any = None
            error: Exception | None = None
            match step:
                case Start():
                    result = self._start(step.call)
                case Fill():
                    stream: Any = step.stream
                    step.into.extend(self.logs[stream.machine_id][stream.at :])
                case Now():
                    result = Moment(START, self.clock)
                case Pause():
                    self.clock += step.seconds
                    self._grow()
                case First():
                    result = self._first(step)
                case Give():
                    self.given.append(step.value)
                case Ready():
                    self.ready = True
                case Stop():
                    pass
            try:
                step = steps.throw(error) if error is not None else steps.send(result)
            except StopIteration:
                return
        pytest.fail("it does not come to an end")

    def _start(self, call: Call[Any]) -> Stream:
        request = MachineLogsRequest.FromString(call.request)
        log = self.logs[request.machine_id]
        first = max(0, len(log) - self.capacity)
        at = first if request.tail_lines < 0 else max(first, len(log) - request.tail_lines)
        stream = Stream(request.machine_id, at, request.follow)
        self.streams.append(stream)
        return stream

    def _grow(self) -> None:
        """Let lines be written, as long as there are some to come."""
        if not self.ready:
            return
        for machine_id, lines in self.growing.items():
            number = self.chance.randrange(4)
            self.logs[machine_id].extend(lines[:number])
            del lines[:number]

    def _first(self, step: First) -> Arrival[Any] | None:
        streams: list[Any] = list(step.streams)
        self.chance.shuffle(streams)
        self._grow()
        for stream in streams:
            if self.breaks and self.chance.random() < 0.1:
                self.breaks -= 1
                stream.broken = True
                return Arrival(stream, error=broken("reset"))
            log = self.logs[stream.machine_id]
            if stream.at < len(log):
                stream.at += 1
                return Arrival(stream, log[stream.at - 1])
            if not any(self.growing.values()) and self.chance.random() < 0.1:
                return Arrival(stream, END)
        self.clock += self.chance.random() if step.seconds is None else step.seconds
        return None


def broken(text: str, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> Exception:
    kind = NotFoundError if code is grpc.StatusCode.NOT_FOUND else UnavailableError
    return kind(text, code=code, method="/management.ManagementService/MachineLogs")


def calls_of(machine_id: str, tail: int) -> LogCalls:
    def call(tail_lines: int, *, follow: bool) -> Any:
        return calls.machine_logs(machine_id=machine_id, tail_lines=tail_lines, follow=follow)

    return LogCalls(
        machine_id=machine_id,
        history=tail != 0,
        look=call(1 if tail else 200, follow=False),
        first=call(tail or 400, follow=True),
        again=call(-1, follow=True),
    )


def world(seed: int, machines: int, history: int, new: int, breaks: int) -> Server:
    chance = Random(seed)
    names = [f"m{number}" for number in range(machines)]
    logs: dict[str, list[LogRecord]] = {}
    growing: dict[str, list[LogRecord]] = {}
    for name in names:
        times = sorted(chance.uniform(0, 100) for _ in range(history))
        logs[name] = [line(name, number, time) for number, time in enumerate(times)]
        growing[name] = [line(name, history + number, 100 + number) for number in range(new)]
    return Server(chance, logs, growing, breaks=breaks)


@given(
    seed=st.integers(0, 2**32),
    machines=st.integers(1, 4),
    history=st.integers(0, 30),
    new=st.integers(0, 30),
    breaks=st.integers(0, 8),
    tail=st.sampled_from([-1, 0, 1, 7]),
)
def test_each_line_of_each_machine_comes_once_however_often_the_streams_break(  # noqa: PLR0917
    seed: int, machines: int, history: int, new: int, breaks: int, tail: int
) -> None:
    server, position = world(seed, machines, history, new, breaks), Position()
    whole = {name: [*log, *server.growing[name]] for name, log in server.logs.items()}
    server.run([calls_of(name, tail) for name in whole], position)
    for name, log in whole.items():
        came = [record for record in server.given if record.machine_id == name]
        assert came == log[len(log) - len(came) :]
        if tail > 0:
            # A stream that broke before its first line begins with the last ones of that moment.
            assert len(came) >= min(tail, len(log))
        else:
            assert len(came) == (new if tail == 0 else len(log))
        assert not any(record.after_gap for record in came)
    assert position.reconnects == breaks - server.breaks


@given(seed=st.integers(0, 2**32), history=st.integers(1, 30))
def test_history_comes_in_the_order_of_time(seed: int, history: int) -> None:
    server = world(seed, 3, history, 0, 0)
    server.run([calls_of(name, -1) for name in server.logs], Position())
    times = [record.time for record in server.given]
    assert len(times) == 3 * history
    assert times == sorted(times, key=lambda time: time or START)


@given(seed=st.integers(0, 2**32), new=st.integers(20, 60), breaks=st.integers(1, 8))
def test_what_a_small_log_dropped_is_never_missing_without_a_word(
    seed: int, new: int, breaks: int
) -> None:
    server = world(seed, 1, 5, new, breaks)
    server.capacity = 6
    whole = [*server.logs["m0"], *server.growing["m0"]]
    number_of = {record.raw: number for number, record in enumerate(whole)}
    server.run([calls_of("m0", -1)], Position())
    numbers = [number_of[record.raw] for record in server.given]
    for before, after, record in zip(numbers, numbers[1:], server.given[1:], strict=False):
        assert after == before + 1 or record.after_gap
    assert numbers[-1] == len(whole) - 1


@attrs.define
class Script:
    """Carries out the steps of one log: each stream brings what a function of its number says."""

    brings: Any
    clock: float = 0.0
    opened: int = 0
    given: list[tuple[float, LogRecord]] = attrs.field(factory=list)
    pauses: list[float] = attrs.field(factory=list)

    def run(self, seconds: float, tail: int = -1) -> None:
        steps = followed_lines([calls_of("m0", tail)], position=Position())
        step: Any = next(steps)
        stream: Any = None
        arrivals: Any = iter(())
        while self.clock < seconds:
            result: Any = None
            match step:
                case Start():
                    if MachineLogsRequest.FromString(step.call.request).follow:
                        self.opened += 1
                        arrivals = iter(self.brings(self.opened))
                    result = stream = object()
                case Now():
                    result = Moment(START, self.clock)
                case Pause():
                    self.pauses.append(step.seconds)
                    self.clock += step.seconds
                case Give():
                    self.given.append((self.clock, step.value))
                case First():
                    after, value = next(arrivals)
                    if step.seconds is not None and after > step.seconds:
                        arrivals = itertools.chain([(after - step.seconds, value)], arrivals)
                        self.clock += step.seconds
                    else:
                        self.clock += after
                        is_line = isinstance(value, LogRecord)
                        result = Arrival(stream, value) if is_line else Arrival(stream, error=value)
            step = steps.send(result)
        steps.close()


def test_a_log_that_lost_its_lines_and_is_never_quiet_is_not_held_back_for_long() -> None:
    def brings(stream: int) -> Any:
        if stream == 1:
            yield from ((0.0, line("m0", number, number)) for number in range(3))
            yield 0.0, broken("restarted")
        yield from ((1.0, line("new", number, 100 + number)) for number in itertools.count())

    script = Script(brings)
    script.run(60.0)
    fresh = [(at, record) for at, record in script.given if b"new" in record.raw]
    assert fresh[0][0] <= 31.0
    assert [record.after_gap for _, record in fresh] == [True] + [False] * (len(fresh) - 1)
    assert len(fresh) >= 58


def test_a_log_whose_streams_break_behind_their_stored_lines_is_opened_ever_more_seldom() -> None:
    def brings(_stream: int) -> Any:
        yield from ((0.01, line("m0", number, number)) for number in range(100))
        yield 0.0, broken("too much for a proxy")

    script = Script(brings)
    script.run(600.0)
    assert len(script.given) == 100
    assert script.opened < 40
    assert script.pauses[-1] >= 15


def test_a_log_whose_streams_stood_long_is_opened_again_at_once() -> None:
    def brings(stream: int) -> Any:
        yield from ((0.0, line("m0", number, number)) for number in range(100 * stream))
        yield 60.0, broken("idle for too long")

    script = Script(brings)
    script.run(600.0)
    assert len(script.given) == 100 * script.opened
    assert max(script.pauses) <= 0.2

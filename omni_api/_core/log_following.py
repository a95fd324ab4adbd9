"""Following the logs of one or several machines through every interruption, as steps.

Decides when to open a log again, and how long a line waits for older ones of other machines. What
of a log is new is decided in `followed_log.py`, whose line is next in `time_order.py`, which
errors pass in `resuming.py`.

A log tells neither where its history ends nor whether it was opened at all: a machine may be
silent for hours. So each log is looked at first, with a call that ends by itself. What the server
refuses it refuses there, before the first line; and its last lines say what history will bring.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from omni_api._core.call import Call
from omni_api._core.flow import logger
from omni_api._core.followed_log import FollowedLog, LogCalls
from omni_api._core.log_history import about
from omni_api._core.log_position import REMEMBERED
from omni_api._core.resuming import passing
from omni_api._core.steps import (
    Arrival,
    Fill,
    First,
    Give,
    Pause,
    Position,
    Ready,
    Running,
    Steps,
    Stop,
    now,
    start,
)
from omni_api._core.time_order import SHORT_WAIT_S, TimeOrder
from omni_api.errors import CallError, NotFoundError
from omni_api.machine_log import LogRecord

_HISTORY_WAIT_S = 5.0
"""Longest wait for the next line of a machine whose history is not over."""
QUIET_S = 2.0
"""When nothing came for so long after a log was opened again, all stored lines have come."""
_LONGEST_REPLAY_S = 30.0
"""When so long after a log was opened again its place is not found, it is looked for no longer.

A log that has new lines all the time is never quiet.
"""
_MOST_WAITING = 2_000
"""Lines of one machine that may wait; then it is read no further."""
_MOMENT_S = 0.005
"""Shortest wait for what comes first."""
_SHORTEST_TIMEOUT_S = 0.001


def followed_lines(
    calls: Sequence[LogCalls], *, timeout: float | None = None, position: Position
) -> Steps[None]:
    """Hand out the lines of all machines until every one of them was removed.

    Args:
        calls: The calls of each machine.
        timeout: Seconds for everything, None for no limit.
        position: Counts how often a log was opened again.
    """
    follow = _Follow([FollowedLog(one) for one in calls], position)
    yield from follow.begin(timeout)
    yield Ready()
    yield from follow.lines()


class _Follow:
    """All logs, the lines of them that wait for their turn, and the time."""

    def __init__(self, logs: list[FollowedLog], position: Position) -> None:
        self._logs = logs
        self._position = position
        self._order = TimeOrder()
        self._now = 0.0
        self._deadline: float | None = None

    def _tick(self) -> Steps[None]:
        self._now = (yield from now()).monotonic

    # ---- The beginning ---------------------------------------------------------------------------

    def begin(self, timeout: float | None) -> Steps[None]:
        """Look at the end of each log, fail if one cannot be read, and open them all."""
        yield from self._tick()
        self._deadline = None if timeout is None else self._now + timeout
        looks = []
        for log in self._logs:
            look = yield from start(self._limited(log.calls.look))
            looks.append((log, look))
        for log, look in looks:
            yield from self._look(log, look)
        yield from self._tick()
        for log in self._logs:
            yield from self._open(log)

    def _look(self, log: FollowedLog, stream: Running[LogRecord]) -> Steps[None]:
        last: list[LogRecord] = []
        try:
            # One more than there are: a stream that is read to its end needs no cancelling.
            yield Fill(stream, last, REMEMBERED + 1)
        except CallError as error:
            about(log.machine_id, error)
            raise
        yield Stop(stream)
        log.looked_at(last)

    # ---- Going on --------------------------------------------------------------------------------

    def lines(self) -> Steps[None]:
        """Hand out the lines that come."""
        order = self._order
        while True:
            while order and not order.lacking:
                yield Give(order.pop())
            yield from self._tick()
            yield from self._open_again()
            seconds = self._patience()
            if streams := self._readable():
                arrival = yield from self._first(streams, seconds)
                if arrival is not None:
                    yield from self._arrived(arrival)
                self._settle_in_time()
                if arrival is not None:
                    continue
            elif seconds is not None:
                yield Pause(seconds)
                yield from self._tick()
            elif not order:
                return
            # Nothing older came, so what has waited long enough goes.
            if order.due(self._now) == 0:
                self._wait_no_longer()
            while order.due(self._now) == 0:
                yield Give(order.pop())

    def _wait_no_longer(self) -> None:
        for log in self._logs:
            if log.machine_id in self._order.lacking:
                log.waited_for_in_vain()
                self._expect(log)

    def _patience(self) -> float | None:
        """Return the seconds until something is to be done though nothing comes."""
        times = [log.open_at - self._now for log in self._logs if log.open_at is not None]
        times += [QUIET_S - log.quiet_for for log in self._logs if not log.settled]
        if (due := self._order.due(self._now)) is not None:
            times.append(due)
        # What is there already needs a moment to get here.
        return max(_MOMENT_S, min(times)) if times else None

    def _first(
        self, streams: tuple[Running[LogRecord], ...], seconds: float | None
    ) -> Steps[Arrival[LogRecord] | None]:
        before = self._now
        arrival: Arrival[LogRecord] | None = yield First(streams, seconds)
        yield from self._tick()
        # Time that the reader of the lines took for himself is not counted.
        for log in self._logs:
            log.quiet_for += self._now - before
            log.unsettled_for += self._now - before
        return arrival

    def _settle_in_time(self) -> None:
        for log in self._logs:
            late = log.quiet_for >= QUIET_S or log.unsettled_for >= _LONGEST_REPLAY_S
            if late and not log.settled:
                self._put(log, log.settle())

    def _readable(self) -> tuple[Running[LogRecord], ...]:
        """Return the streams to wait for, first those that others wait for."""
        lacking, others = [], []
        for log in self._logs:
            if log.stream is None:
                continue
            if log.machine_id in self._order.lacking:
                lacking.append(log.stream)
            elif self._order.waiting(log.machine_id) < _MOST_WAITING:
                others.append(log.stream)
        return (*lacking, *others)

    def _open_again(self) -> Steps[None]:
        for log in self._logs:
            if log.open_at is not None and log.open_at <= self._now:
                log.open_at = None
                self._position.reconnects += 1
                yield from self._open(log)

    # ---- One log ---------------------------------------------------------------------------------

    def _open(self, log: FollowedLog) -> Steps[None]:
        call = log.opening()
        try:
            log.stream = yield from start(self._limited(call))
        except CallError as error:
            self._broken(log, error)
        else:
            self._expect(log)

    def _arrived(self, arrival: Arrival[LogRecord]) -> Steps[None]:
        log = next(log for log in self._logs if log.stream is arrival.stream)
        if isinstance(arrival.value, LogRecord):
            self._put(log, log.take(arrival.value))
            if log.stands_since is None and log.settled:
                log.stands_since = self._now
            return
        yield Stop(arrival.stream)
        if arrival.error is None:
            # A server ends a log without error when the machine is removed, and only then.
            self._put(log, log.settle())
            log.closed()
            self._expect(log)
        else:
            self._broken(log, arrival.error)

    def _put(self, log: FollowedLog, records: list[LogRecord]) -> None:
        for record in records:
            self._order.put(record, self._now)
        self._expect(log)

    def _expect(self, log: FollowedLog) -> None:
        """Let lines of others wait for those of this machine as long as is sensible."""
        if log.stream is None or not log.settled:
            self._order.forget(log.machine_id)
        else:
            patience = _HISTORY_WAIT_S if log.in_history else SHORT_WAIT_S
            self._order.expect(log.machine_id, patience)

    def _broken(self, log: FollowedLog, error: Exception) -> None:
        wait = log.wait_after(self._now)
        log.closed()
        self._expect(log)
        if isinstance(error, NotFoundError):
            return  # it was there when we looked, so it was removed meanwhile
        if not isinstance(error, CallError):
            raise error
        late = self._deadline is not None and self._now + wait >= self._deadline
        if late or not passing(error):
            raise about(log.machine_id, error)
        logger.warning(
            "the log of machine %s was interrupted (%s), next attempt in %.2f s",
            log.machine_id,
            error.code.name,
            wait,
        )
        log.open_at = self._now + wait

    def _limited(self, call: Call[LogRecord]) -> Call[LogRecord]:
        """Give a call no more time than is left."""
        if self._deadline is None:
            return call
        return attrs.evolve(call, timeout=max(self._deadline - self._now, _SHORTEST_TIMEOUT_S))

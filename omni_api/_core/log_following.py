"""Following the logs of one or several machines through every interruption, as steps.

Decides when to open a log again, what of it is new, and how long a line waits for older ones of
other machines. Where a log goes on is found in `log_position.py`, whose turn it is in
`time_order.py`, which errors pass in `resuming.py`.

A log tells neither where its history ends nor whether it was opened at all: a machine may be
silent for hours. So each log is looked at first, with a call that ends by itself. What the server
refuses it refuses there, before the first line; and its last lines say what history will bring.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import attrs

from omni_api._core.call import Call
from omni_api._core.flow import logger
from omni_api._core.log_history import about
from omni_api._core.log_position import REMEMBERED, goes_on_here, place_among
from omni_api._core.resuming import passing, waits
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
_QUIET_S = 2.0
"""When nothing came for so long after a log was opened again, all stored lines have come."""
_MOST_STORED = 10_000
"""More lines than a server stores (about 5000)."""
_MOST_WAITING = 2_000
"""Lines of one machine that may wait; then it is read no further."""
_SHORTEST_TIMEOUT_S = 0.001


@attrs.frozen(kw_only=True)
class LogCalls:
    """The calls that following the log of one machine takes.

    Attributes:
        machine_id: The machine.
        history: Whether stored lines are to come, too.
        look: Reads the last lines and ends: one, or without history as many as are remembered.
            New is then what stands behind them.
        first: Follows from where the caller wants to begin, without history from a little before.
        again: Follows from the oldest stored line on.
    """

    machine_id: str
    history: bool
    look: Call[LogRecord]
    first: Call[LogRecord]
    again: Call[LogRecord]


@attrs.define(eq=False)
class _Log:
    """The log of one machine, and how far it has come."""

    calls: LogCalls
    stream: Running[LogRecord] | None = None
    opened: bool = False
    # The last lines that came, one right behind the other on the server.
    remembered: deque[LogRecord] = attrs.field(factory=lambda: deque[LogRecord](maxlen=REMEMBERED))
    began: bool = False
    # The last line of the history, until it has come.
    history_end: bytes | None = None
    # What came since the log was opened again, until it is known what of it is new.
    stored: list[LogRecord] | None = None
    after_gap: bool = False
    # When to open it again, or to decide about `stored`.
    act_at: float | None = None
    waits: Iterator[float] = attrs.field(factory=waits)

    @property
    def machine_id(self) -> str:
        return self.calls.machine_id


def followed_lines(
    calls: Sequence[LogCalls], *, timeout: float | None = None, position: Position
) -> Steps[None]:
    """Hand out the lines of all machines until every one of them was removed.

    Args:
        calls: The calls of each machine.
        timeout: Seconds for everything, None for no limit.
        position: Counts how often a log was opened again.
    """
    follow = _Follow([_Log(one) for one in calls], position)
    yield from follow.begin(timeout)
    yield Ready()
    yield from follow.lines()


class _Follow:
    def __init__(self, logs: list[_Log], position: Position) -> None:
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
        for log in self._logs:
            log.stream = yield from start(self._limited(log.calls.look))
        for log in self._logs:
            yield from self._look(log)
        yield from self._tick()
        for log in self._logs:
            yield from self._open(log)

    def _look(self, log: _Log) -> Steps[None]:
        """Read the last lines of a log."""
        stream, log.stream = log.stream, None
        last: list[LogRecord] = []
        if stream is not None:
            try:
                # One more than there are: a stream that is read to its end needs no cancelling.
                yield Fill(stream, last, REMEMBERED + 1)
            except CallError as error:
                about(log.machine_id, error)
                raise
            yield Stop(stream)
        if log.calls.history:
            log.history_end = last[-1].raw if last else None
        else:
            log.remembered.extend(last)

    # ---- Going on --------------------------------------------------------------------------------

    def lines(self) -> Steps[None]:
        """Hand out the lines that come."""
        order = self._order
        while True:
            while order and not order.lacking:
                yield Give(order.pop())
            yield from self._tick()
            yield from self._act()
            seconds = self._next_moment()
            if streams := self._readable():
                arrival: Arrival[LogRecord] | None = yield First(streams, seconds)
                yield from self._tick()
                if arrival is not None:
                    yield from self._arrived(arrival)
                    continue
            elif seconds is not None:
                yield Pause(seconds)
                yield from self._tick()
            elif not order:
                return
            # Nothing older came, so what has waited long enough goes.
            while order.due(self._now) == 0:
                yield Give(order.pop())

    def _next_moment(self) -> float | None:
        """Return the seconds until something is to be done though nothing comes."""
        times = [max(0.0, log.act_at - self._now) for log in self._logs if log.act_at is not None]
        due = self._order.due(self._now)
        return min(times if due is None else [*times, due], default=None)

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

    def _act(self) -> Steps[None]:
        """Do what is to be done at this moment."""
        for log in self._logs:
            if log.act_at is None or log.act_at > self._now:
                continue
            log.act_at = None
            if log.stream is not None:
                self._settle(log)
            else:
                self._position.reconnects += 1
                yield from self._open(log)

    # ---- One log ---------------------------------------------------------------------------------

    def _arrived(self, arrival: Arrival[LogRecord]) -> Steps[None]:
        log = next(log for log in self._logs if log.stream is arrival.stream)
        if isinstance(arrival.value, LogRecord):
            self._take(log, arrival.value)
            return
        yield Stop(arrival.stream)
        log.stream = None
        if arrival.error is None:
            # A server ends a log without error when the machine is removed, and only then.
            self._settle(log)
            self._order.forget(log.machine_id)
        else:
            self._broken(log, arrival.error)

    def _take(self, log: _Log, record: LogRecord) -> None:
        log.waits = waits()
        if log.stored is None:
            self._accept(log, record)
            return
        log.stored.append(record)
        log.act_at = self._now + _QUIET_S
        if len(log.stored) >= _MOST_STORED or goes_on_here(log.remembered, log.stored):
            self._settle(log)

    def _settle(self, log: _Log) -> None:
        """Decide what of the stored lines is new, now that the place can be found."""
        stored, log.stored, log.act_at = log.stored, None, None
        if stored is None:
            return
        place = place_among(log.remembered, stored)
        if not place.certain:
            logger.warning(
                "the log of machine %s does not say where to go on after an interruption: lines "
                "may be missing or come a second time",
                log.machine_id,
            )
            log.after_gap = True
            log.remembered.clear()
        for record in stored[place.index :]:
            self._accept(log, record)
        self._expect(log)

    def _accept(self, log: _Log, record: LogRecord) -> None:
        log.began = True
        log.remembered.append(record)
        if log.after_gap:
            record, log.after_gap = attrs.evolve(record, after_gap=True), False
        if record.raw == log.history_end:
            log.history_end = None
            self._expect(log)
        self._order.put(record, self._now)

    def _expect(self, log: _Log) -> None:
        over = log.history_end is None
        self._order.expect(log.machine_id, SHORT_WAIT_S if over else _HISTORY_WAIT_S)

    def _broken(self, log: _Log, error: Exception) -> None:
        log.stored = log.act_at = None
        self._order.forget(log.machine_id)
        if isinstance(error, NotFoundError):
            return  # it was there when we looked, so it was removed meanwhile
        if not isinstance(error, CallError):
            raise error
        wait = next(log.waits)
        late = self._deadline is not None and self._now + wait >= self._deadline
        if late or not passing(error):
            raise about(log.machine_id, error)
        logger.info(
            "the log of machine %s was interrupted (%s), next attempt in %.2f s",
            log.machine_id,
            error.code.name,
            wait,
        )
        log.act_at = self._now + wait

    def _open(self, log: _Log) -> Steps[None]:
        # Where history is to come and nothing of it came yet, it begins once more.
        fresh = not log.opened or (not log.began and log.history_end is not None)
        log.opened = True
        if log.remembered:
            log.stored, log.act_at = [], self._now + _QUIET_S
        else:
            self._expect(log)
        try:
            log.stream = yield from start(
                self._limited(log.calls.first if fresh else log.calls.again)
            )
        except CallError as error:
            self._broken(log, error)

    def _limited(self, call: Call[LogRecord]) -> Call[LogRecord]:
        if self._deadline is None:
            return call
        return attrs.evolve(call, timeout=max(self._deadline - self._now, _SHORTEST_TIMEOUT_S))

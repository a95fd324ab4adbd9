"""The log of one machine that is followed: which call opens it, and what of it is new. Pure.

Where a log goes on after an interruption is found in `log_position.py`; when it is opened, and
how its lines get between those of other machines, is decided in `log_following.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import attrs

from omni_api._core.call import Call
from omni_api._core.flow import logger
from omni_api._core.log_position import REMEMBERED, goes_on_here, place_among
from omni_api._core.resuming import waits
from omni_api._core.steps import Running
from omni_api.machine_log import LogRecord

_MOST_STORED = 10_000
"""More lines than a server stores (about 5000)."""


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
class FollowedLog:
    """A log, and how far it has come.

    Attributes:
        calls: How it is read.
        stream: What it is read from at this moment.
        open_at: When to open it again; None while it is open, and at its end.
        stands_since: When it was known first, since it was opened, which lines are new.
        quiet_for: For how long nothing came of it while somebody waited for it.
        unsettled_for: For how long it was waited for since it was opened.
    """

    calls: LogCalls
    stream: Running[LogRecord] | None = None
    open_at: float | None = None
    stands_since: float | None = None
    quiet_for: float = 0.0
    unsettled_for: float = 0.0
    _waits: Iterator[float] = attrs.field()
    _wait: float = 0.0
    # The last lines that came, one right behind the other on the server.
    _remembered: deque[LogRecord] = attrs.field(factory=lambda: deque[LogRecord](maxlen=REMEMBERED))
    # What came since the log was opened again, until it is known what of it is new.
    _stored: list[LogRecord] | None = None
    _history_end: bytes | None = None
    _opened: bool = False
    _began: bool = False
    _slow: bool = False
    _after_gap: bool = False

    @_waits.default
    def _new_waits(self) -> Iterator[float]:
        return waits()

    @property
    def machine_id(self) -> str:
        """The machine whose log it is."""
        return self.calls.machine_id

    @property
    def settled(self) -> bool:
        """Whether it is known which lines are new."""
        return self._stored is None

    @property
    def in_history(self) -> bool:
        """Whether lines are to come soon that were there when the log was looked at."""
        return self._history_end is not None and not self._slow

    def looked_at(self, last: Sequence[LogRecord]) -> None:
        """Take the last lines that the log has before it is opened for the first time."""
        if not self.calls.history:
            self._remembered.extend(last)
        elif last:
            self._history_end = last[-1].raw

    def waited_for_in_vain(self) -> None:
        """Believe no longer that lines are to come soon."""
        self._slow = True

    def opening(self) -> Call[LogRecord]:
        """Return the call that opens it."""
        # Where history is to come and nothing of it came yet, it begins once more.
        fresh = not self._opened or (self._history_end is not None and not self._began)
        self._opened = True
        self.quiet_for, self.unsettled_for, self.stands_since = 0.0, 0.0, None
        if self._remembered:
            self._stored = []
        return self.calls.first if fresh else self.calls.again

    def wait_after(self, now: float) -> float:
        """Return how long to wait, after a stream that broke or could not be opened.

        The waits begin anew behind a stream that stood longer than was waited for it. Lines
        alone prove nothing: the server sends all that it has stored with every opening.
        """
        if self.stands_since is not None and now - self.stands_since > self._wait:
            self._waits = self._new_waits()
        self._wait = next(self._waits)
        return self._wait

    def closed(self) -> None:
        """Forget what was read since it was opened, if nobody knows yet what of it is new."""
        self.stream = self._stored = None

    def take(self, record: LogRecord) -> list[LogRecord]:
        """Take a line that came and return the lines that are new."""
        self.quiet_for = 0.0
        if self._stored is None:
            return [self._new(record)]
        self._stored.append(record)
        if len(self._stored) >= _MOST_STORED or goes_on_here(self._remembered, self._stored):
            return self.settle()
        return []

    def settle(self) -> list[LogRecord]:
        """Decide what of the stored lines is new, now that the place can be found."""
        stored, self._stored = self._stored, None
        if stored is None:
            return []
        place = place_among(self._remembered, stored, late=not self._began)
        if not place.certain:
            logger.warning(
                "the log of machine %s does not say where to go on: lines may be missing or come a "
                "second time",
                self.machine_id,
            )
            self._after_gap = True
            self._remembered.clear()
        return [self._new(record) for record in stored[place.index :]]

    def _new(self, record: LogRecord) -> LogRecord:
        self._began = True
        self._remembered.append(record)
        if record.raw == self._history_end:
            self._history_end = None
        if self._after_gap:
            self._after_gap = False
            return attrs.evolve(record, after_gap=True)
        return record

"""The daemon's reader: follows the audit log in a thread of its own and hands on what comes.

It decides what is outlived: outages of any length, and events that are gone where that is allowed.
`follow` itself outlives the short ones; after a while it gives up, so that the daemon can say that
the server is away. What will not pass (a key, a role, an old server) ends the daemon.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from omni_api._core.resuming import passing, waits
from omni_api.audit._daemon.metrics import Status
from omni_api.audit._daemon.sinks import Line
from omni_api.audit._daemon.start import Start
from omni_api.errors import CallError, ClosedError, ConfigurationError, MissingEventsError

if TYPE_CHECKING:
    from omni_api import OmniClient
    from omni_api.audit import AuditEvent, MalformedEvent
    from omni_api.streams import Stream

logger = logging.getLogger("omni_api")

OUTAGE: Final = 1.0
"""Seconds of an outage after which the server counts as away."""

AHEAD: Final = 8 << 20
"""Bytes that may be read ahead of what was taken: in bytes, since one line can have megabytes."""


@attrs.frozen
class Position:
    """Where the stream begins: at the event after the one with this id."""

    id: int


@attrs.frozen
class Ended:
    """Nothing more comes, and why."""

    error: Exception


Arrival: TypeAlias = Line | Position | Ended


class Reader:
    """Follows the log until it is stopped.

    Args:
        omni: The client; it is closed by `stop`.
        start: Where to begin.
        stop_at_gaps: Whether missing events end it. Else they are counted and passed over.
        status: Where to note how it goes.
        hand: Takes what comes, one at a time, and must not block.
    """

    def __init__(
        self,
        omni: OmniClient,
        start: Start,
        *,
        stop_at_gaps: bool,
        status: Status,
        hand: Callable[[Arrival], None],
    ) -> None:
        self._omni = omni
        self._position, self._since = start.checkpoint, start.since
        self._wanted = start.wanted  # up to the first event
        if start.wanted is not None:
            self._position = start.wanted - 1
        self._last_time = start.last_time
        self._stop_at_gaps = stop_at_gaps
        self._status = status
        self._hand = hand
        self._room = threading.Condition()
        self._ahead = 0
        self._stopped = threading.Event()
        # The stream, and how often those before it were opened again. One value, so that whoever
        # reads it meanwhile sees no sum that falls.
        self._current: tuple[int, Stream[AuditEvent] | None] = 0, None
        self._connections = 0
        self._delays: Iterator[float] = waits()
        self._thread = threading.Thread(target=self._run, name="omni-audit-reader", daemon=True)
        status.reconnects = self._count

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def done(self, line: Line) -> None:
        """Say that a line was taken, which makes room for the next."""
        with self._room:
            self._ahead -= len(line.raw)
            self._room.notify()

    def stop(self) -> None:
        """Cancel the stream, close the client and end the thread."""
        self._stopped.set()
        _, stream = self._current
        if stream is not None:
            stream.close()
        self._omni.close()
        if self._thread.ident is not None:
            self._thread.join(5.0)

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._attempt()
        except Exception as error:  # noqa: BLE001 - handed on, not swallowed
            self._hand(Ended(error))

    def _attempt(self) -> None:
        """Follow up to an interruption, and wait it out."""
        try:
            self._follow()
        except ClosedError:
            if not self._stopped.is_set():
                raise
        except MissingEventsError as error:
            if self._stop_at_gaps and self._wanted is None:
                raise
            self._pass_over(error)
        except CallError as error:
            if not passing(error):
                raise
            if not self._status.outage:
                self._delays = waits()
            wait = next(self._delays)
            outage = f"the server is away: {error.code.name}"
            # A warning once an outage: a long one is not to fill the log.
            level = logging.DEBUG if self._status.outage == outage else logging.WARNING
            logger.log(level, "%s; next try in %.1f s", error, wait)
            self._status.outage = outage
            self._stopped.wait(wait)

    def _follow(self) -> None:
        stream = self._omni.audit_log.follow(
            self._since if self._position is None else None,
            checkpoint=self._position,
            patience=OUTAGE,
            on_malformed=self._malformed,
        )
        before, _ = self._current
        self._current = before, stream
        if self._stopped.is_set():
            return
        try:
            with stream:
                self._connected(stream.checkpoint)
                for event in stream:
                    self._wanted = None
                    self._last_time = event.time
                    self._line(event.id, event.raw)
        finally:
            self._position = stream.checkpoint
            self._current = before + stream.reconnects, None

    def _connected(self, position: int | None) -> None:
        # A warning where one began the outage, so that the log also says when it was over.
        level = logging.WARNING if self._connections and self._status.outage else logging.INFO
        logger.log(level, "following behind event %s", position)
        if position is not None and self._position is None:
            self._hand(Position(position))
        self._connections += 1
        self._status.outage, self._status.contact = "", monotonic()

    def _malformed(self, line: MalformedEvent) -> None:
        """Hand on what is no event: a copy leaves nothing out."""
        self._status.malformed += 1
        logger.warning("line %d is no event: %s", line.id, line.reason)
        self._line(line.id, line.raw)

    def _line(self, id_: int, raw: bytes) -> None:
        moment = self._last_time or datetime.now(UTC)
        line = Line(id_, raw if raw.endswith(b"\n") else raw + b"\n", moment)
        with self._room:
            while self._ahead >= AHEAD:
                if not self._room.wait(0.5) and self._stopped.is_set():
                    return
            self._ahead += len(line.raw)
        self._status.contact = monotonic()
        self._hand(line)

    def _pass_over(self, gap: MissingEventsError) -> None:
        if self._wanted is not None:
            raise _not_there(self._wanted, gap) from gap
        logger.warning("%s", gap)
        if gap.last_id is not None:
            self._status.missing += gap.last_id - gap.first_id + 1
        self._position = gap.checkpoint
        if gap.checkpoint is None:
            # The log was replaced or restored. Its new events are later than all that was read.
            self._since = self._last_time or "oldest"

    def _count(self) -> int:
        before, stream = self._current
        by_itself = 0 if stream is None else stream.reconnects
        return before + by_itself + max(self._connections - 1, 0)


def _not_there(wanted: int, gap: MissingEventsError) -> ConfigurationError:
    """Say of an id that was typed in what is wrong with it; it may be of another server."""
    instead = (
        "the log ends before it"
        if gap.checkpoint is None
        else f"the next one that it has is {gap.checkpoint + 1}"
    )
    return ConfigurationError(
        f"--start {wanted}: the audit log has no event with this id, {instead}; start with another "
        "id, a day, oldest or now"
    )

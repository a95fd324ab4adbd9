"""Following the audit log for ever: each event once and in order, or an error that says so. Pure.

A server ends a follow stream after an hour, connections break, servers restart. Ids make it
possible to go on: a stream that starts at an id brings that event first. So what was delivered is
remembered, and the next stream starts behind it. What ids cannot show is refused: a server that
does not follow at all, and events that were removed before they were read.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import attrs
import grpc

from omni_api._core import arguments
from omni_api._core.call import SKIPPED, Call
from omni_api._core.durations import Seconds, to_seconds
from omni_api._core.flow import logger
from omni_api._core.resuming import AFTER_CLEAN_END, passing, waits
from omni_api._core.steps import (
    END,
    Composite,
    End,
    Give,
    Pause,
    Position,
    Ready,
    Running,
    Steps,
    Stop,
    following,
    now,
    start,
)
from omni_api._gen import calls, table
from omni_api._gen.models import AuditLogLine
from omni_api.audit import AuditEvent, EventReader
from omni_api.errors import (
    CallError,
    InternalError,
    InvalidInputError,
    MissingEventsError,
    UnavailableError,
    UnimplementedError,
)

_LOST = "the follow position no longer exists"
# A clock that is further off cannot sign for this server.
_CLOCKS_DIFFER_MS = 300_000


@attrs.frozen(kw_only=True)
class Begin:
    """Where a follow starts: with what happens next, unless one of these says otherwise.

    Attributes:
        checkpoint: Behind the event with this id.
        since_ms: With the first event at or after this time, in Unix milliseconds.
        ago: So many seconds before now.
    """

    checkpoint: int | None = None
    since_ms: int = 0
    ago: float = 0.0


def beginning(
    since: datetime | Seconds | Literal["oldest"] | None, checkpoint: int | None
) -> Begin:
    """Return where the arguments of a follow let it start.

    Raises:
        InvalidInputError: An argument is malformed, or both are given.
    """
    if checkpoint is not None:
        if arguments.integer("checkpoint", checkpoint, "int64") < 0:
            raise InvalidInputError(f"checkpoint is an id, 0 or more, not {checkpoint}")
        if since is not None:
            raise InvalidInputError("pass since or checkpoint, not both")
        return Begin(checkpoint=checkpoint)
    if since is None:
        return Begin()
    if isinstance(since, str):
        if since != "oldest":
            raise InvalidInputError(
                'since must be an aware datetime, seconds or a timedelta before now, or "oldest", '
                f"not {since!r}"
            )
        return Begin(since_ms=1)
    if isinstance(since, datetime):
        moment = arguments.moment("since", since)
        return Begin(since_ms=max(int(moment.timestamp() * 1000), 1))
    return Begin(ago=to_seconds("since", since))


@attrs.define(kw_only=True)
class Following:
    """One follow: where it starts, what it bears, and how far it has come.

    Attributes:
        begin: Where it starts.
        allow_gaps: Go on behind events that were removed before they could be read.
        patience: Longest outage in seconds, None for no limit.
        reader: Makes events of lines.
        position: How far it has come.
    """

    begin: Begin
    allow_gaps: bool
    patience: float | None
    reader: EventReader
    position: Position = attrs.field(init=False)
    _resumed: bool = attrs.field(init=False)
    _delays: Iterator[float] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.position = Position(checkpoint=self.begin.checkpoint)
        self._resumed = self.begin.checkpoint is not None
        self._delays = waits()

    def composite(self) -> Composite[AuditEvent]:
        """The stream."""
        return Composite(
            name="audit_log.follow",
            steps=self.steps(),
            size=lambda event: len(event.raw),
            position=self.position,
        )

    def steps(self) -> Steps[None]:
        """Deliver events for ever.

        The waits begin anew behind a stream that stood longer than was waited for it. An event
        alone proves nothing: each stream finds the entry in the log that it made itself.
        """
        acknowledged, broken_at, wait = False, None, 0.0
        while True:
            stream: Running[AuditLogLine] | None = None
            stands_since: float | None = None
            try:
                stream = yield from start((yield from self._call()))
                self._acknowledge((yield from following(stream)), again=acknowledged)
                broken_at, stands_since = None, (yield from now()).monotonic
                if acknowledged:
                    self.position.reconnects += 1
                else:
                    acknowledged = True
                    yield Ready()
                yield from self._deliver(stream)
                moment, least = (yield from now()).monotonic, AFTER_CLEAN_END
            except CallError as error:
                if error.code is grpc.StatusCode.FAILED_PRECONDITION and _LOST in error.details:
                    raise self._lost() from error
                if not acknowledged or not passing(error):
                    raise
                moment, least = (yield from now()).monotonic, 0.0
                broken_at = moment if broken_at is None else broken_at
                if self.patience is not None and moment - broken_at >= self.patience:
                    raise
                logger.warning(
                    "following the audit log: %s; on behind event %s",
                    error.code.name,
                    self.position.checkpoint,
                )
            if stream is not None:
                yield Stop(stream)
            if stands_since is not None and moment - stands_since > wait:
                self._delays = waits()
            wait = max(next(self._delays), least)
            self._resumed = True
            yield Pause(wait)

    def _call(self) -> Steps[Call[AuditLogLine]]:
        """The next call: behind what was delivered, or where the caller wants to start."""
        if self.position.checkpoint is not None:
            return calls.read_audit_log(follow=True, from_id=self.position.checkpoint + 1)
        since_ms = self.begin.since_ms
        now_ms = int((yield from now()).utc.timestamp() * 1000)
        if since_ms > now_ms + _CLOCKS_DIFFER_MS:
            raise InvalidInputError(
                "since must not be in the future: the server would start with what happens next, "
                "before that moment"
            )
        if self.begin.ago:
            since_ms = max(now_ms - int(self.begin.ago * 1000), 1)
        return calls.read_audit_log(follow=True, start_ts_ms=since_ms)

    def _acknowledge(self, first: AuditLogLine | End, *, again: bool) -> None:
        """Take the first message, which names the position and brings no event.

        Servers before Omni 1.10 skip the wish to follow and answer with the log as it is. One
        that followed before and says nothing at all is going down.
        """
        if first is END and again:
            raise UnavailableError(
                "the stream ended before it began",
                code=grpc.StatusCode.UNAVAILABLE,
                method=table.READ_AUDIT_LOG.path,
            )
        if first is END or first.audit_log:
            raise UnimplementedError(
                "the server does not support following the audit log",
                code=grpc.StatusCode.UNIMPLEMENTED,
                method=table.READ_AUDIT_LOG.path,
                hint="Following exists from Omni 1.10; read or export the log by days instead",
            )
        if self.position.checkpoint is None:
            self.position.checkpoint = first.id

    def _deliver(self, stream: Running[AuditLogLine]) -> Steps[None]:
        """Deliver the events of one stream, up to its end."""
        while (line := (yield from following(stream))) is not END:
            last = self.position.checkpoint or 0
            if not line.audit_log or line.id <= 0:
                raise InternalError(
                    f"a message without event or id came after event {last}",
                    code=grpc.StatusCode.INTERNAL,
                    method=table.READ_AUDIT_LOG.path,
                )
            if line.id <= last:
                continue  # had it
            if self._resumed and line.id > last + 1 and not self.allow_gaps:
                raise MissingEventsError(
                    f"the server went on with event {line.id} after {last}: it may have removed "
                    f"events {last + 1} to {line.id - 1} before they were read; follow with "
                    f"checkpoint={line.id - 1}, or with allow_gaps=True, to go on",
                    first_id=last + 1,
                    last_id=line.id - 1,
                    checkpoint=line.id - 1,
                )
            # Within one stream ids may skip; only where two streams meet can events be lost.
            self._resumed = False
            event = self.reader.event(line.audit_log, line.id)
            # Afterwards: a line that was refused was not handed out, and comes again.
            self.position.checkpoint = line.id
            if event is not SKIPPED:
                yield Give(event)

    def _lost(self) -> MissingEventsError:
        last = self.position.checkpoint or 0
        return MissingEventsError(
            f"the server's audit log ends before event {last}, behind which to go on: it was "
            "replaced or restored and events may be missing, or the checkpoint is another "
            "server's; start anew, without a checkpoint",
            first_id=last + 1,
            last_id=None,
            checkpoint=None,
        )

"""Reads the lines of an audit log as events, and says what becomes of lines that are none.

A log is evidence: a line that cannot be read is never passed over in silence, and never costs the
rest of the log unless the caller wants that. What an event is stands in `event.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import attrs

from omni_api._core.arguments import boolean, function
from omni_api._core.call import SKIPPED, Call, Skipped
from omni_api._core.values import redacted
from omni_api._gen.models import AuditLogLine
from omni_api.audit.event import AuditEvent
from omni_api.errors import InvalidInputError, MalformedEventError
from omni_api.rows import Value

__all__ = ["EventReader", "MalformedEvent"]

logger = logging.getLogger("omni_api")


@attrs.frozen(kw_only=True)
class MalformedEvent(Value):
    """A line of an audit log that is no event.

    Attributes:
        position: Number of the line in its stream, from 1.
        id: Id of the event; 0 where the stream has no ids.
        raw: The line exactly as it came; hidden in the repr.
        reason: What is wrong with it; never shows contents.
    """

    position: int
    id: int
    raw: bytes = attrs.field(repr=redacted)
    reason: str


class EventReader:
    """Reads the lines of one stream, in order.

    A line that is no event is reported and skipped: to `on_malformed`, or else as a warning of
    the logger `omni_api`, with position and reason but without contents.

    Args:
        strict: Raise instead of reporting and skipping.
        on_malformed: Called with each line that is no event, by whoever reads the stream.

    Raises:
        InvalidInputError: `strict` is no bool, `on_malformed` cannot be called, or both are given.

    Example:
        >>> from omni_api.audit import EventReader
        >>> found = []
        >>> reader = EventReader(on_malformed=found.append)
        >>> reader.event(b'{"event_type":"update","event_ts":1795479369548}').type
        'update'
        >>> reader.event(b"{}")
        <Skipped.SKIPPED: 'skipped'>
        >>> found
        [MalformedEvent(position=2, id=0, raw=<2 hidden>, reason='it has no usable event_ts')]
    """

    def __init__(
        self,
        *,
        strict: bool = False,
        on_malformed: Callable[[MalformedEvent], None] | None = None,
    ) -> None:
        self._strict = boolean("strict", strict)
        if strict and on_malformed is not None:
            raise InvalidInputError(
                "strict=True raises at the first malformed line, so on_malformed would never be "
                "called; pass one of them"
            )
        self._on_malformed = function("on_malformed", on_malformed)
        self._position = 0

    def event(self, raw: bytes, id: int = 0) -> AuditEvent | Skipped:
        """Read the next line.

        Args:
            raw: The line, with its line break.
            id: Id of the event; 0 where the stream has no ids.

        Returns:
            The event; SKIPPED for a line that is none and was reported.

        Raises:
            MalformedEventError: The line is no event, and the reader is strict.
        """
        self._position += 1
        try:
            return AuditEvent(raw, id)
        except MalformedEventError as error:
            reason = error.reason
        if self._strict:
            raise MalformedEventError(
                f"line {self._position} of the audit log is no event: {reason}",
                position=self._position,
                id=id,
                reason=reason,
            )
        if self._on_malformed is not None:
            self._on_malformed(
                MalformedEvent(position=self._position, id=id, raw=raw, reason=reason)
            )
        else:
            logger.warning(
                "line %d of the audit log (id %d) is no event and is skipped: %s",
                self._position,
                id,
                reason,
            )
        return SKIPPED


def as_events(
    call: Call[AuditLogLine],
    *,
    strict: bool = False,
    on_malformed: Callable[[MalformedEvent], None] | None = None,
) -> Call[AuditEvent]:
    """Return the same call of ReadAuditLog, its answers read as events.

    Raises:
        InvalidInputError: As `EventReader` says.
    """

    def reader() -> Callable[[bytes], AuditEvent | Skipped]:
        from omni_api._core.reading import value
        from omni_api._gen.management_pb2 import ReadAuditLogResponse

        def itself(message: ReadAuditLogResponse) -> ReadAuditLogResponse:
            return message

        parse = value(ReadAuditLogResponse, itself, call.method.path)()
        event = EventReader(strict=strict, on_malformed=on_malformed).event

        def read(data: bytes) -> AuditEvent | Skipped:
            message = parse(data)
            return event(message.audit_log, message.id)

        return read

    reader()  # What is wrong with the options is said now, before anything is sent.
    return call.read_by(reader, lambda event: len(event.raw))

"""The audit log, with days as people mean them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from omni_api._core import arguments
from omni_api._core.call import Call
from omni_api._core.dates import Day, day_after, day_range
from omni_api._core.durations import UNSET, Seconds, Timeout, to_seconds
from omni_api._core.following import Following, beginning
from omni_api._core.steps import Composite
from omni_api._gen import calls
from omni_api._gen.models import (
    AuditLogEventType,
    AuditLogLine,
    AuditLogOrderByDir,
    AuditLogOrderByField,
)
from omni_api.audit import AuditEvent, EventReader, MalformedEvent
from omni_api.audit.reader import as_events


def read(
    start: Day | None = None,
    end: Day | None = None,
    *,
    event_type: AuditLogEventType | int = AuditLogEventType.UNSPECIFIED,
    resource_type: str = "",
    resource_id: str = "",
    cluster_id: str = "",
    actor: str = "",
    search: str = "",
    order_by_field: AuditLogOrderByField | int = AuditLogOrderByField.UNSPECIFIED,
    order_by_dir: AuditLogOrderByDir | int = AuditLogOrderByDir.UNSPECIFIED,
    timeout: Timeout = UNSET,
) -> Call[AuditLogLine]:
    """Read the audit log from the first to the last of the named days, both included.

    Days are the server's local days. The server itself leaves the named end day out (recorded
    from Omni 1.10), so the day after it is sent; `management.read_audit_log` passes days on
    unchanged.

    Args:
        start: First day, `YYYY-MM-DD` or a date. Default: 29 days ago.
        end: Last day, included. Default: up to now.
        event_type: Only events of this kind.
        resource_type: Only events on resources of this type, e.g. `Clusters.omni.sidero.dev`.
        resource_id: Only events on the resource with this id.
        cluster_id: Only events on this cluster.
        actor: Only events caused by the account with this e-mail address.
        search: Only events that contain this text; case is ignored, `%` and `_` are wildcards.
        order_by_field: Sort by this field. Default: time.
        order_by_dir: Sort upwards or downwards. Default: upwards.
        timeout: Seconds or timedelta for the whole stream, None for no limit (the default).

    Returns:
        A stream of lines: `audit_log` is one JSON object and a line break, as bytes.

    Raises:
        InvalidInputError: A day is malformed, or `start` is after `end`. Nothing was sent.
        PermissionDeniedError: The role is neither Auditor nor Admin (Operator is not enough).
        CallError: The server refused for another reason, or the stream broke.

    Example:
        >>> from datetime import UTC, datetime, timedelta
        >>> today = datetime.now(UTC).date()
        >>> with omni.audit_log.read(today - timedelta(days=7), today) as lines:
        ...     for line in lines:
        ...         assert line.audit_log.startswith(b"{")
        >>> lines.chunks > 0
        True
    """
    first, last = day_range(start, end)
    return calls.read_audit_log(
        start_time=first,
        end_time=None if last is None else day_after(last),
        event_type=event_type,
        resource_type=resource_type,
        resource_id=resource_id,
        cluster_id=cluster_id,
        actor=actor,
        search=search,
        order_by_field=order_by_field,
        order_by_dir=order_by_dir,
        timeout=timeout,
    )


def events(
    start: Day | None = None,
    end: Day | None = None,
    *,
    event_type: AuditLogEventType | int = AuditLogEventType.UNSPECIFIED,
    resource_type: str = "",
    resource_id: str = "",
    cluster_id: str = "",
    actor: str = "",
    search: str = "",
    order_by_field: AuditLogOrderByField | int = AuditLogOrderByField.UNSPECIFIED,
    order_by_dir: AuditLogOrderByDir | int = AuditLogOrderByDir.UNSPECIFIED,
    strict: bool = False,
    on_malformed: Callable[[MalformedEvent], None] | None = None,
    timeout: Timeout = UNSET,
) -> Call[AuditEvent]:
    """Read the audit log as typed events, from the first to the last of the named days.

    The same stream as `read` gives, day rules included, with each line decoded. A line that is no
    event (no JSON object, or without a time) is reported and skipped, so one of them does not cost
    the rest of the log.

    Args:
        start: First day, `YYYY-MM-DD` or a date. Default: 29 days ago.
        end: Last day, included. Default: up to now.
        event_type: Only events of this kind.
        resource_type: Only events on resources of this type, e.g. `Clusters.omni.sidero.dev`.
        resource_id: Only events on the resource with this id.
        cluster_id: Only events on this cluster.
        actor: Only events caused by the account with this e-mail address.
        search: Only events that contain this text; case is ignored, `%` and `_` are wildcards.
        order_by_field: Sort by this field. Default: time.
        order_by_dir: Sort upwards or downwards. Default: upwards.
        strict: Raise at the first line that is no event, instead of skipping it.
        on_malformed: Called with each line that is no event, between two steps of your loop.
            Default: a warning of the logger `omni_api`, without contents.
        timeout: Seconds or timedelta for the whole stream, None for no limit (the default).

    Returns:
        A stream of events. `event.raw` is the line as it came, with its line break.

    Raises:
        InvalidInputError: A day is malformed, `start` is after `end`, or `strict` comes with
            `on_malformed`. Nothing was sent.
        PermissionDeniedError: The role is neither Auditor nor Admin (Operator is not enough).
        MalformedEventError: A line is no event, and `strict` is set.
        CallError: The server refused for another reason, or the stream broke.

    Example:
        >>> from datetime import UTC, datetime, timedelta
        >>> today = datetime.now(UTC).date()
        >>> people = set()
        >>> with omni.audit_log.events(today - timedelta(days=7), today) as events:
        ...     for event in events:
        ...         if event.cluster == "talos-default" and not event.actor.is_internal:
        ...             people.add(event.actor.email)
        >>> "operator@example.org" in people
        True
    """
    lines = read(
        start,
        end,
        event_type=event_type,
        resource_type=resource_type,
        resource_id=resource_id,
        cluster_id=cluster_id,
        actor=actor,
        search=search,
        order_by_field=order_by_field,
        order_by_dir=order_by_dir,
        timeout=timeout,
    )
    return as_events(lines, strict=strict, on_malformed=on_malformed)


def follow(
    since: datetime | Seconds | Literal["oldest"] | None = None,
    *,
    checkpoint: int | None = None,
    allow_gaps: bool = False,
    patience: Seconds | None = None,
    strict: bool = False,
    on_malformed: Callable[[MalformedEvent], None] | None = None,
) -> Composite[AuditEvent]:
    """Follow the audit log for ever: each event once, in the order of its id.

    The stream goes on by itself when the server ends it, which it does every hour, and when the
    connection is lost, a proxy resets it or the server restarts. It ends with `close()`, or with
    an error where going on would not help: a key that has expired, a role, events that are gone.

    Entering its `with` block waits until the server has named the position: what happens from
    then on is delivered. `checkpoint` of the stream is the id of the last event handed out. Keep
    it once you are done with the event, and hand it back to go on, also in another process.

    Args:
        since: Where to start: a moment (aware datetime), seconds or a timedelta before now, or
            "oldest" for everything that the server still has, 30 days. Default: with what happens
            next.
        checkpoint: Start behind the event with this id instead.
        allow_gaps: Go on behind events that the server removed before they could be read.
            Default False: that is a `MissingEventsError`.
        patience: Longest outage, in seconds or as a timedelta, before its error is raised; None
            for no limit (the default). The first connection is tried like any call.
        strict: Raise an error for a line that is no event. Default False: it is reported and
            left out.
        on_malformed: Called with such a line. Default: a warning in the log `omni_api`.

    Returns:
        A stream of events. `reconnects` counts how often it was opened again.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        UnimplementedError: The server is older than Omni 1.10: it would send the log as it is.
        MissingEventsError: Events may be missing; the error says which, and how to go on.
        MalformedEventError: With `strict`, a line is no event.
        PermissionDeniedError: The role is neither Auditor nor Admin.
        CallError: The server refused for another reason.

    Example:
        >>> with omni.audit_log.follow() as events:
        ...     omni.management.create_join_token(name="rack-7").id != ""
        ...     for event in events:
        ...         print(event.type, event.resource_type)
        ...         break
        True
        create JoinTokens.omni.sidero.dev
        >>> with omni.audit_log.follow(checkpoint=events.checkpoint) as more:
        ...     more.checkpoint == events.checkpoint
        True
    """
    return Following(
        begin=beginning(since, checkpoint),
        allow_gaps=arguments.boolean("allow_gaps", allow_gaps),
        patience=None if patience is None else to_seconds("patience", patience),
        reader=EventReader(strict=strict, on_malformed=on_malformed),
    ).composite()

"""The audit log, with days as people mean them."""

from __future__ import annotations

from collections.abc import Callable

from omni_api._core.call import Call
from omni_api._core.dates import Day, day_after, day_range
from omni_api._core.durations import UNSET, Timeout
from omni_api._gen import calls
from omni_api._gen.models import (
    AuditLogEventType,
    AuditLogLine,
    AuditLogOrderByDir,
    AuditLogOrderByField,
)
from omni_api.audit import AuditEvent, MalformedEvent
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

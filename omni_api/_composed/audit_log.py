"""The audit log, with days as people mean them."""

from __future__ import annotations

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

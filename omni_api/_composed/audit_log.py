"""The audit log, with days as people mean them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

from omni_api._core import arguments
from omni_api._core.call import StreamCall
from omni_api._core.dates import Day, day_after, day_range
from omni_api._core.durations import UNSET, Seconds, Timeout, to_seconds
from omni_api._core.following import Following, beginning
from omni_api._core.steps import Composite, Steps
from omni_api._gen import calls
from omni_api._gen.models import (
    AuditLogEventType,
    AuditLogLine,
    AuditLogOrderByDir,
    AuditLogOrderByField,
)
from omni_api.audit import AuditEvent, EventReader, ExportResult, MalformedEvent
from omni_api.audit._tables.gather import gathered
from omni_api.audit.reader import as_events
from omni_api.audit.table import EventTable
from omni_api.progress import Progress


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
) -> StreamCall[AuditLogLine]:
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
        actor: Only events caused by the account with this e-mail address; a service account's is
            `NAME@serviceaccount.omni.sidero.dev`.
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
) -> StreamCall[AuditEvent]:
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
        actor: Only events caused by the account with this e-mail address; a service account's is
            `NAME@serviceaccount.omni.sidero.dev`.
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


def table(
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
) -> Steps[EventTable]:
    """Read the audit log into a table, for data frames of pandas and Polars. Needs `parquet`.

    It reads the same events as `read`, and keeps them all in memory. The columns are `time` (UTC,
    milliseconds), `event_type`, `resource_type`, `resource_id`, `cluster`, `actor` (e-mail
    address), `user_id`, `role`, `fingerprint`, `user_agent` and `raw` (the line). What is absent
    is null; a line that is no event has `raw` alone.

    Args:
        start: First day, `YYYY-MM-DD` or a date. Default: 29 days ago.
        end: Last day, included. Default: up to now.
        event_type: Only events of this kind.
        resource_type: Only events on resources of this type, e.g. `Clusters.omni.sidero.dev`.
        resource_id: Only events on the resource with this id.
        cluster_id: Only events on this cluster.
        actor: Only events caused by the account with this e-mail address; a service account's is
            `NAME@serviceaccount.omni.sidero.dev`.
        search: Only events that contain this text; case is ignored, `%` and `_` are wildcards.
        order_by_field: Sort by this field. Default: time.
        order_by_dir: Sort upwards or downwards. Default: upwards.
        timeout: Seconds or timedelta for the whole stream, None for no limit (the default).

    Returns:
        The table: `to_dataframe("pandas")`, `to_dataframe("polars")`, or `arrow` itself.

    Raises:
        InvalidInputError: A day is malformed, or `start` is after `end`. Nothing was sent.
        MissingLibraryError: pyarrow is not installed (extra `parquet`). Nothing was sent.
        PermissionDeniedError: The role is neither Auditor nor Admin (Operator is not enough).
        CallError: The server refused for another reason, or the stream broke.

    Example:
        >>> table = omni.audit_log.table()
        >>> frame = table.to_dataframe("polars")
        >>> frame.height == len(table) > 0
        True
    """
    return gathered(
        read(
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
    )


def export(
    directory: str | Path,
    start: Day | None = None,
    end: Day | None = None,
    *,
    format: Literal["jsonl", "parquet"] = "jsonl",
    compression: Literal["none", "gzip", "zstd"] = "none",
    storage_options: Mapping[str, object] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    timeout: Timeout = UNSET,
) -> Steps[ExportResult]:
    """Copy the audit log into a directory, a file a day; a second time, only what is new.

    A day that was over on the server when it was read is complete and is not read again, whatever
    its format. The last day, which goes on, is read anew and replaced, and so is the one before
    until the first event of the last is ten minutes old: the server may still be storing events
    from before midnight. So the same call, made every night, keeps the whole log, also of days
    that the server has removed meanwhile: what a file has is never replaced by less. Killed at any
    moment and run again, an export ends with the same files. Days that came too late, because the
    server had removed them before they were exported, are in `missing` of the result, and in a
    warning of the logger `omni_api`.

    `audit-log-2026-11-24.jsonl` (`.jsonl.gz`, `.jsonl.zst`, `.parquet`) holds one server-local day
    in the order of time, byte for byte as the server sent it; `audit-log-2026-11-24.manifest.json`
    its size, SHA-256, count and times; `manifest.json` the manifests of all days, for people
    and other tools. A day without any event has an empty file, a day from before the server's
    oldest event has none. Only the owner can read the files: an audit log holds join tokens.
    `audit.AuditExport` reads them, by the manifests of the days.

    Days are the server's. If its time zone is changed, hours around the change are in two files or
    in none: keep servers in UTC, or export into a new directory after the change.

    Several processes may export different days into one directory at the same time. Each day that
    is read adds an event to the log of today, as all reading does.

    Args:
        directory: Path (`~` is your home), made if it is missing, or a URL that fsspec
            understands, such as `s3://bucket/audit` (extra `fsspec`). Objects are put whole; of
            other remote file systems choose one that replaces files at once.
        start: First day, `YYYY-MM-DD` or a date. Default: the oldest that the server has.
        end: Last day, included. Default: the server's today.
        format: "jsonl", or "parquet" with the columns of `audit.AuditExport` (extra `parquet`).
        compression: "none", "gzip" or "zstd" (extra `zstd`). In Parquet, that of the columns.
        storage_options: What fsspec hands to the file system of a URL.
        on_progress: Called with what is done, at most ten times a second, at the end of each day
            and once with `finished`. `display.bars()` is one.
        timeout: Seconds or timedelta for the reading of each day, None for no limit (the default).

    Returns:
        The days of the range that the directory has now, and which of them were written.

    Raises:
        InvalidInputError: A day, a format or the directory is malformed. Nothing was sent.
        MissingLibraryError: An extra is not installed. Nothing was sent.
        UnsentError: The directory cannot be written to. Nothing was sent.
        StorageError: A file cannot be written or read; the days before it are done.
        PermissionDeniedError: The role is neither Auditor nor Admin.
        CallError: The server refused, or the stream of a day broke three times; the days before
            it are done.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     result = omni.audit_log.export(directory, compression="gzip")
        ...     again = omni.audit_log.export(directory, compression="gzip")
        >>> result.days[-1].complete  # today goes on
        False
        >>> again.written[-1] == result.days[-1].day
        True
    """
    # Imported late: few programs export.
    from omni_api.audit._export.order import export_steps

    return export_steps(
        directory,
        start,
        end,
        format=format,
        compression=compression,
        storage_options=storage_options,
        on_progress=on_progress,
        timeout=timeout,
    )

"""ReadAuditLog: one answer for a window of time, another for following.

The checks stand in the order of the real server. The read is itself audited, before the first
event is sent, and so is part of its own answer unless the window ends earlier.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import attrs

from omni_api._gen import management_pb2
from omni_api.simulator._audit import AuditLog
from omni_api.simulator._audit_history import Event
from omni_api.simulator._audit_message import Row, follow_message, message
from omni_api.simulator._call import Call, Handler, failed_precondition, invalid, unknown
from omni_api.simulator._go import DateError, milliseconds, parse_date, rfc3339

DEFAULT_WINDOW = timedelta(days=29)
_BATCH = 500
_FILTERS = ("resource_type", "resource_id", "cluster_id", "actor")
_NOT_WITH_FOLLOW = (
    "start_time",
    "end_time",
    "order_by_field",
    "order_by_dir",
    "search",
    "event_type",
    *_FILTERS,
)
_EVENT_TYPES = {
    number: name.removeprefix("AUDIT_LOG_EVENT_TYPE_").lower()
    for name, number in management_pb2.AuditLogEventType.items()
    if number
}
_COLUMNS = {2: "event_type", 3: "resource_type", 4: "resource_id", 5: "cluster_id", 6: "actor"}
_DESCENDING = 2


def read_audit_log(call: Call, request: Any) -> Iterator[bytes]:
    omni = call.omni
    if omni.legacy:
        call.require("Admin")
        # Omni 1.2 knows two fields of the request and skips the others.
        request = management_pb2.ReadAuditLogRequest(
            start_time=request.start_time, end_time=request.end_time
        )
    else:
        call.require_one_of("Auditor", "Admin")
    for name in ("start_ts_ms", "from_id"):
        if getattr(request, name) < 0:
            raise invalid(f"{name} cannot be negative")
    if request.follow:
        for name in _NOT_WITH_FOLLOW:
            if getattr(request, name):
                raise invalid(f"{name} cannot be combined with follow")
        yield from _follow(call, request)
    else:
        yield from _read(call, request)


def _date(text: str, what: str) -> datetime | None:
    try:
        return parse_date(text) if text else None
    except DateError as error:
        raise invalid(f"invalid {what} time: {error}") from None


def _read(call: Call, request: Any) -> Iterator[bytes]:
    now = call.omni.now()
    # Both days mean their midnight, so the named end day is not part of the answer.
    start = milliseconds(_date(request.start_time, "start") or now - DEFAULT_WINDOW)
    end = milliseconds(_date(request.end_time, "end") or now)
    if request.from_id:
        raise invalid("from_id requires follow")
    _refuse_when_disabled(call)
    start = request.start_ts_ms or start
    event_type = _EVENT_TYPES.get(request.event_type, "")
    fields = {name: getattr(request, name) for name in ("search", *_FILTERS)}
    fields |= {"start": rfc3339(start), "end": rfc3339(end), "event_type": event_type}
    call.omni.audit.record(
        call, "audit_log_access", data={"audit_log_access": fields}, at_ms=milliseconds(now)
    )
    selection = _Selection(
        start=start,
        end=end,
        exact={
            name: value
            for name, value in {**fields, "event_type": event_type}.items()
            if value and name in (*_FILTERS, "event_type")
        },
        search=_like(request.search) if request.search else None,
    )
    yield from _ordered(call.omni.audit, selection, request.order_by_field, request.order_by_dir)


def _refuse_when_disabled(call: Call) -> None:
    if not call.omni.audit_log_enabled:
        raise unknown("audit logs are disabled")


def _like(search: str) -> re.Pattern[str]:
    """SQL's LIKE '%search%': its wildcards work, and only ASCII letters ignore case."""
    parts = {"%": ".*", "_": "."}
    pattern = "".join(parts.get(char) or re.escape(char) for char in search)
    if search.isascii():
        return re.compile(pattern, re.IGNORECASE | re.ASCII | re.DOTALL)
    # Python cannot ignore the case of ASCII alone, so say it letter by letter.
    pattern = "".join(
        f"[{char.lower()}{char.upper()}]"
        if char.isascii() and char.isalpha()
        else parts.get(char) or re.escape(char)
        for char in search
    )
    return re.compile(pattern, re.DOTALL)


@attrs.frozen(kw_only=True)
class _Selection:
    """Which rows are asked for."""

    start: int
    end: int
    exact: dict[str, str]
    search: re.Pattern[str] | None

    @property
    def everything(self) -> bool:
        return not self.exact and self.search is None

    def takes(self, row: Row | Event) -> bool:
        if any(getattr(row, name) != value for name, value in self.exact.items()):
            return False
        columns = (row.event_type, row.resource_type, row.resource_id, row.actor, row.cluster_id)
        return self.search is None or any(map(self.search.search, (*columns, row.data)))

    def verdict(self, event: Event) -> bool | None:
        """Are all repetitions of this line of the script taken, or none? None: it depends."""
        if event.arguments == 0:
            return self.takes(event)
        ruled_out = any(
            "~" not in getattr(event, name) and getattr(event, name) != value
            for name, value in self.exact.items()
        )
        return False if ruled_out else None


def _ordered(log: AuditLog, wanted: _Selection, field: int, direction: int) -> Iterator[bytes]:
    descending = direction == _DESCENDING
    oldest = log.oldest_id()
    live = [
        row
        for row in log.live_rows(oldest)
        if wanted.start <= row.ts <= wanted.end and wanted.takes(row)
    ]
    history = log.history
    first = max(history.first_at(wanted.start), oldest - 1)
    last = history.first_at(wanted.end + 1)
    if field not in _COLUMNS:
        live.sort(key=lambda row: row.ts, reverse=descending)
        # A clock that was turned back puts new events between old ones: then sort them all.
        if (
            live
            and history.count
            and min(live[0].ts, live[-1].ts) < history.time(history.count - 1)
        ):
            rows = [*_past(log, wanted, first, last), *live]
            rows.sort(key=lambda row: row.ts, reverse=descending)
            return (message(row.line) for row in rows)
        lines = (message(row.line) for row in live)
        past = _past_messages(log, wanted, first, last, descending=descending)
        return _chain(lines, past) if descending else _chain(past, lines)
    column = _COLUMNS[field]
    # Python's sort keeps equal rows in their order, which is that of the ids, in both directions.
    keys = [(getattr(row, column), row.id) for row in _past(log, wanted, first, last)]
    keys += [(getattr(row, column), row.id) for row in live]
    keys.sort(key=lambda key: key[0], reverse=descending)
    lines_by_id = {row.id: row.line for row in live}
    return (
        message(lines_by_id[id_] if id_ > history.count else history.line(id_ - 1))
        for _, id_ in keys
    )


def _chain(*parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield from part


def _past_messages(
    log: AuditLog, wanted: _Selection, first: int, last: int, *, descending: bool
) -> Iterator[bytes]:
    if not wanted.everything:
        rows = _past(log, wanted, first, last, descending=descending)
        return (message(row.line) for row in rows)
    if descending:
        return (message(log.history.line(index)) for index in range(last - 1, first - 1, -1))
    return log.history.messages(first, last)


def _past(
    log: AuditLog, wanted: _Selection, first: int, last: int, *, descending: bool = False
) -> Iterator[Row]:
    history = log.history
    verdicts = {id(event): wanted.verdict(event) for event in (*history.once, *history.script)}
    # Most lines of the script are ruled out once, instead of a million times.
    for index in history.indexes(
        first, last, lambda event: verdicts[id(event)] is not False, descending=descending
    ):
        row = history.row(index)
        if verdicts[id(history.event(index)[0])] or wanted.takes(row):
            yield row


def _follow(call: Call, request: Any) -> Iterator[bytes]:
    _refuse_when_disabled(call)
    log = call.omni.audit
    fields: dict[str, Any] = {"from_id": request.from_id, "follow": True}
    if request.start_ts_ms:
        fields["start"] = rfc3339(request.start_ts_ms)
    # Written before the position is resolved, so a start at the tail does not deliver it.
    log.record(call, "audit_log_access", data={"audit_log_access": fields})
    position = log.newest_id
    if request.from_id:
        position = request.from_id - 1
    elif request.start_ts_ms:
        position = log.first_id_at(request.start_ts_ms) - 1
    over = _lease(call, log)
    yield follow_message(b"", position)
    while True:
        if position > log.newest_id:
            raise failed_precondition("the follow position no longer exists")
        if not call.wait_until(_news(log, position, over)) or over():
            return
        first = max(position + 1, log.oldest_id())
        position = min(first + _BATCH - 1, log.newest_id)
        yield from log.follow(first, position)


def _news(log: AuditLog, position: int, over: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: over() or log.newest_id != position


def _lease(call: Call, log: AuditLog) -> Callable[[], bool]:
    """Is the time of a follow stream, which starts now, over?"""
    lease, clock = log.follow_lease, call.omni.now()

    def over() -> bool:
        if call.begun <= log.leases_expired:
            return True
        waited = timedelta(seconds=time.monotonic() - call.begun)
        return waited >= lease or call.omni.now() - clock >= lease

    return over


HANDLERS: dict[str, Handler] = {"/management.ManagementService/ReadAuditLog": read_audit_log}

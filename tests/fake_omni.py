"""An Omni that is a list of lines, in any time zone; it carries out steps itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any, TypeVar

import attrs
import grpc
from by_hand import failure

from omni_api._core.call import Call
from omni_api._core.dates import Day
from omni_api._core.steps import END, Fill, Moment, Next, Now, Pause, Run, Start, Steps, Stop
from omni_api._gen.management_pb2 import ReadAuditLogRequest
from omni_api._gen.models import AuditLogLine
from omni_api.audit._export.manifest import ExportResult
from omni_api.audit._export.order import export_steps

T = TypeVar("T")

READ = "/management.ManagementService/ReadAuditLog"


def line_at(ms: int, number: int = 0) -> bytes:
    """An event of a moment."""
    return (
        b'{"event_type":"create","resource_id":"r%d","event_data":{"session":{}},"event_ts":%d}\n'
        % (
            number,
            ms,
        )
    )


@attrs.define
class FakeOmni:
    """Answers ReadAuditLog: inclusive windows from local midnights, and every read an event."""

    utc: datetime
    zone: tzinfo = UTC
    audited: bool = True
    rows: list[tuple[int, bytes]] = attrs.field(factory=list)
    reads: list[tuple[str, str]] = attrs.field(factory=list)
    pauses: list[float] = attrs.field(factory=list)
    breaks: dict[date, list[int]] = attrs.field(factory=dict)
    """Day -> after how many lines its next streams break."""
    breaks_with: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    seconds: float = 0.0
    pace: float = 0.0
    """Seconds that pass with each look at the clock."""

    def add(self, ms: int, line: bytes | None = None) -> bytes:
        line = line_at(ms, len(self.rows)) if line is None else line
        self.rows.append((ms, line))
        return line

    def midnight(self, day: date) -> int:
        return int(datetime.combine(day, time(), self.zone).timestamp() * 1000)

    def day_of(self, ms: int) -> date:
        return (
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))
            .astimezone(self.zone)
            .date()
        )

    def lines_of(self, day: date) -> bytes:
        """What the file of a day has to hold."""
        rows = sorted((row for row in self.rows if self.day_of(row[0]) == day), key=lambda r: r[0])
        return b"".join(line for _, line in rows)

    def forget(self, before_ms: int) -> None:
        """What the retention does."""
        self.rows = [row for row in self.rows if row[0] >= before_ms]

    def export(
        self, directory: Path | str, start: Day | None = None, end: Day | None = None, **more: Any
    ) -> ExportResult:
        options: dict[str, Any] = {
            "format": "jsonl",
            "compression": "none",
            "storage_options": None,
            "on_progress": None,
            "timeout": None,
        }
        return self.carry_out(export_steps(directory, start, end, **{**options, **more}))

    def carry_out(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    result = self._perform(step)
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as done:
            value: T = done.value
            return value
        finally:
            steps.close()

    def _perform(self, step: object) -> object:
        match step:
            case Now():
                self.seconds += self.pace
                return Moment(self.utc, self.seconds)
            case Run():
                return step.function()
            case Start():
                return self._read(step.call)
            case Next():
                return next(step.stream, END)  # type: ignore[call-overload]
            case Fill():
                for _, line in zip(range(step.most), step.stream, strict=False):  # type: ignore[call-overload]
                    step.into.append(line)
            case Pause():
                self.pauses.append(step.seconds)
            case _:
                assert isinstance(step, Stop)
        return None

    def _read(self, call: Call[Any]) -> Iterator[AuditLogLine]:
        request = ReadAuditLogRequest.FromString(call.request)
        self.reads.append((request.start_time, request.end_time))
        now = int(self.utc.timestamp() * 1000)
        if self.audited:
            self.add(now, json.dumps({"event_type": "read", "event_ts": now}).encode() + b"\n")
        start = self.midnight(date.fromisoformat(request.start_time))
        end = self.midnight(date.fromisoformat(request.end_time))
        found = sorted((row for row in self.rows if start <= row[0] <= end), key=lambda row: row[0])
        first, behind = map(date.fromisoformat, (request.start_time, request.end_time))
        after = self.breaks.get(first, []) if behind - first == timedelta(days=1) else []
        return self._lines(found, after.pop(0) if after else None)

    def _lines(self, rows: list[tuple[int, bytes]], breaks: int | None) -> Iterator[AuditLogLine]:
        for number, (_, line) in enumerate(rows):
            if number == breaks:
                error = failure(self.breaks_with, "connection lost", READ)
                error.chunks = number
                raise error
            yield AuditLogLine(audit_log=line, id=0)

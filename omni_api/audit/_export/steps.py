"""Which days of the audit log are copied, and when one is done. Decides; writes nothing itself.

Each day is a stream of its own, so what was copied stays copied. A day that was over on the server
before it was read is complete and is not read again. The server's time zone is nowhere assumed: its
days are asked for by name, and where one begins follows from what it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final

import attrs

from omni_api._core import steps
from omni_api._core.dates import day_after
from omni_api._core.durations import Timeout, Unset
from omni_api._core.flow import logger
from omni_api._core.resuming import passing
from omni_api._core.steps import END, Fill, Pause, Steps, Stop
from omni_api._gen import calls
from omni_api._gen.models import AuditLogLine
from omni_api.audit._export.clock import is_over, is_settled
from omni_api.audit._export.day import DayWriter
from omni_api.audit._export.ledger import look, not_kept, spans, write_manifest
from omni_api.audit._export.lines import time_ms
from omni_api.audit._export.manifest import Compression, DayFile, ExportResult, Format
from omni_api.audit._export.older import Older
from omni_api.audit._export.progress import Reports
from omni_api.audit._export.store import Store
from omni_api.errors import CallError, DeadlineExceededError, StorageError
from omni_api.progress import Progress
from omni_api.rows import Rows

_DAY: Final = timedelta(days=1)
_LONG_AGO: Final = date(1970, 1, 1)
_BATCH: Final = 1_000
_PAUSES: Final = (1.0, 2.0)
"""Seconds before a day is read again whose stream broke."""


@attrs.define(kw_only=True)
class Export:
    """One export; `steps` carries it out.

    Attributes:
        place: Where the files go.
        start: First day; None for the oldest that the server has.
        end: Last day; None for the server's today.
        kind: Format of new files.
        compression: Compression of new files.
        timeout: Limit for the reading of one day.
        on_progress: Called at most ten times a second, and at the end of each day.
    """

    place: Store
    start: date | None
    end: date | None
    kind: Format
    compression: Compression
    timeout: Timeout
    on_progress: Callable[[Progress], None] | None = None
    _sizes: dict[str, int] = attrs.field(factory=dict, init=False)
    _days: dict[date, DayFile] = attrs.field(factory=dict, init=False)
    _written: list[date] = attrs.field(factory=list, init=False)
    _first: date | None = attrs.field(default=None, init=False)
    """The first day that the server was asked for; the days before it are gone there."""
    _gone: list[date] = attrs.field(factory=list, init=False)
    """Days that it was asked for, and has nothing of."""

    def steps(self) -> Steps[ExportResult]:
        """Copy every day that is not complete, and write the manifest of all."""
        yield from steps.run(self._prepare)
        try:
            yield from self._copy()
        except CallError:
            if self._written:  # what was copied is good, and somebody may want to use it
                yield from steps.run(partial(write_manifest, self.place))
            raise
        everything = yield from steps.run(partial(write_manifest, self.place))
        for day in everything:
            # Days that the server no longer has are part of the range all the same.
            if self.start is not None and self.start <= day.day <= (self.end or date.max):
                self._days.setdefault(day.day, day)
        days = Rows((self._days[day] for day in sorted(self._days)), of=DayFile)
        return ExportResult(
            days=days,
            written=tuple(self._written),
            skipped=tuple(one.day for one in days if one.day not in self._written),
            missing=self._missing(everything),
            events=sum(one.events for one in days),
            bytes=sum(one.bytes for one in days),
        )

    def _missing(self, everything: Sequence[DayFile]) -> tuple[date, ...]:
        first = self.start or min((one.day for one in everything), default=None)
        if first is None or self._first is None:
            return ()
        last = self._first - _DAY if self.end is None else min(self.end, self._first - _DAY)
        missing = not_kept(everything, first, last)
        missing += tuple(day for day in self._gone if day > first)
        if missing:
            logger.warning(
                "%s lacks events that the server no longer has: %s",
                self.place.place,
                spans(missing),
            )
        return missing

    def _prepare(self) -> None:
        self.place.prepare()
        self._sizes = self.place.sizes()

    def _copy(self) -> Steps[None]:
        moment = yield from steps.now()
        today = moment.utc.date()
        if self.start is not None and self.start > today + _DAY:
            return
        oldest_ms = yield from self._first_ms(self.start or _LONG_AGO)
        if oldest_ms is None:
            return
        # The oldest event is of this day or, west of Greenwich, of the one before.
        oldest = datetime.fromtimestamp(oldest_ms // 1000, UTC).date()
        day = self._first = max(self.start or date.min, oldest - _DAY)
        total = (min(self.end or today, today) - day).days + 1
        reports = Reports(self.on_progress, moment.monotonic, max(total, 0))
        begun = True
        # A day behind which none has begun is the server's today, and the last to have events.
        while begun and (self.end is None or day <= self.end):
            known, older = yield from steps.run(partial(look, self.place, self._sizes, day))
            if known is None or not known.complete:
                begun, over = yield from self._is_over(day)
                known = yield from self._export(
                    day, older, reports, over=over, keep_empty=begun and day >= oldest
                )
                if known is not None:
                    self._written.append(day)
                if over and (known is None or not known.complete):
                    self._gone.append(day)
            if known is not None:
                self._days[day] = known
            reports.finished(day, known, (yield from steps.now()).monotonic)
            day += _DAY
        reports.ended((yield from steps.now()).monotonic)

    def _is_over(self, day: date) -> Steps[tuple[bool, bool]]:
        """Return whether the next day has begun, and whether this one has all its events."""
        now = (yield from steps.now()).utc
        over = is_over(day, now)
        if over is not None:
            return over, over
        # Reading is itself an event, so if the next day has begun it is not empty. That event may
        # be stored before one that happened earlier.
        first_ms = yield from self._first_ms(day_after(day))
        return first_ms is not None, first_ms is not None and is_settled(first_ms, now)

    def _first_ms(self, day: date) -> Steps[int | None]:
        """Return the time of the first event from a day on."""
        # The end is named, and later than now everywhere on earth: without one the window would
        # end before the event of this very call.
        today = (yield from steps.now()).utc.date()
        stream = yield from steps.start(
            calls.read_audit_log(
                start_time=day, end_time=max(today, day) + 3 * _DAY, timeout=self.timeout
            )
        )
        found: int | None = None
        while found is None:
            line = yield from steps.following(stream)
            if line is END:
                return None
            found = time_ms(line.audit_log)
        yield Stop(stream)
        return found

    def _export(
        self, day: date, older: Older | None, reports: Reports, *, over: bool, keep_empty: bool
    ) -> Steps[DayFile | None]:
        """Write the file of a day; read it again when the stream breaks."""
        for pause in (*_PAUSES, None):
            new = partial(DayWriter, self.place, day, self.kind, self.compression, older)
            writer = yield from steps.run(new)
            try:
                midnight = yield from self._fill(writer, day, reports)
                return (
                    yield from steps.run(
                        partial(writer.finish, midnight=midnight, over=over, keep_empty=keep_empty)
                    )
                )
            except CallError as error:
                if pause is None or not error.chunks or not self._outlives(error):
                    raise
                logger.debug("audit log of %s: %s; reading it again", day, error.code.name)
            except StorageError as error:
                raise StorageError(
                    f"{error} ({day}, after {writer.received} events; the days before are done)",
                    path=error.path,
                ) from error.__cause__
            finally:
                writer.discard()
            yield Pause(pause)
        return None

    def _fill(self, writer: DayWriter, day: date, reports: Reports) -> Steps[bool]:
        """Write all lines of a day; return whether those held back are of the next midnight."""
        stream = yield from steps.start(
            calls.read_audit_log(start_time=day, end_time=day_after(day), timeout=self.timeout)
        )
        while True:
            batch: list[AuditLogLine] = []
            yield Fill(stream, batch, _BATCH)
            if not batch:
                break
            yield from steps.run(partial(writer.add, [line.audit_log for line in batch]))
            reports.reading(day, writer, (yield from steps.now()).monotonic)
        yield Stop(stream)
        if writer.lines.undecided_ms is None:
            return False
        return (yield from self._first_ms(day_after(day))) == writer.lines.undecided_ms

    def _outlives(self, error: CallError) -> bool:
        limited = self.timeout is not None and not isinstance(self.timeout, Unset)
        return passing(error) and not (limited and isinstance(error, DeadlineExceededError))

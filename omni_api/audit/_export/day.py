"""The file of one day on its way: what is new, after what only the older file has.

Knows nothing of servers. One rule is decided here: the server forgets, so a day that is read again
may lack its beginning, and what an older file has from before the first new event stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import attrs

from omni_api.audit._export.formats import line_writer, read_lines
from omni_api.audit._export.lines import Lines, time_ms, times
from omni_api.audit._export.manifest import (
    Compression,
    DayFile,
    Format,
    data_name,
    manifest_name,
    to_day_manifest,
)
from omni_api.audit._export.store import Store, write
from omni_api.errors import StorageError

_BATCH = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DayWriter:
    """The new file of one day: staged, filled, and published with its manifest."""

    def __init__(
        self,
        place: Store,
        day: date,
        kind: Format,
        compression: Compression,
        older: Older | None = None,
    ) -> None:
        self.lines = Lines()
        self.received = 0
        self._place, self._day, self._older = place, day, older
        self._kind, self._compression = kind, compression
        self._begun = False
        self._waiting: list[bytes] = []
        self._part = place.stage(str(day))
        try:
            self._writer = line_writer(kind, compression, self._part)
        except BaseException:
            self._part.discard()
            raise

    def add(self, lines: Sequence[bytes]) -> None:
        """Append what the server sent."""
        self.received += len(lines)
        if not self._begun:
            self._waiting += lines
            first = next(times(self._waiting), None)
            if first is None:
                return
            self._begin(first)
            lines, self._waiting = self._waiting, []
        self._writer.write(self.lines.take(lines))

    def finish(self, *, midnight: bool, complete: bool, keep_empty: bool) -> DayFile | None:
        """Publish the file, then its manifest.

        Args:
            midnight: What was held back belongs to the next day.
            complete: The day was over on the server before it was read.
            keep_empty: Whether a day without any event has a file.

        Returns:
            What the manifest says; None where there is nothing to say.
        """
        if not self._begun:
            self._begin(None)
            self._writer.write(self.lines.take(self._waiting))
        self._writer.write(self.lines.release(midnight=midnight))
        lines, part = self.lines, self._part
        if not lines.events and not keep_empty:
            return None
        self._writer.finish()
        made = DayFile(
            day=self._day,
            file=data_name(self._day, self._kind, self._compression),
            format=self._kind,
            compression=self._compression,
            events=lines.events,
            malformed=lines.malformed,
            bytes=part.size,
            sha256=part.sha256,
            first=_moment(lines.first_ms),
            last=_moment(lines.last_ms),
            complete=complete,
        )
        self._place.publish(part, made.file)
        write(self._place, manifest_name(self._day), to_day_manifest(made))
        lines.report(self._day)
        if self._older is not None and self._older.file != made.file:
            self._place.remove(self._older.file)
        return made

    def discard(self) -> None:
        """Remove what was not published."""
        self._part.discard()

    def _begin(self, first_ms: int | None) -> None:
        """Write what only the older file has: everything before the first new event."""
        self._begun = True
        if self._older is not None:
            for batch in self._older.before(self._place, first_ms):
                self._writer.write(self.lines.take(batch))


@attrs.frozen
class Older:
    """The file that a day has already.

    Attributes:
        file: Its name.
        kind: Its format.
        compression: Its compression.
        first: Time of its first event where a manifest says so, else None.
    """

    file: str
    kind: Format
    compression: Compression
    first: datetime | None = None

    def before(self, place: Store, first_ms: int | None) -> Iterator[list[bytes]]:
        """Yield the lines from before a moment in batches, all of them when it is None."""
        first = _moment(first_ms)
        if first is not None and self.first is not None and first <= self.first:
            return
        batch: list[bytes] = []
        try:
            with place.open(self.file) as file:
                for line in read_lines(self.kind, self.compression, file):
                    if first_ms is not None and (time_ms(line) or first_ms - 1) >= first_ms:
                        break
                    batch.append(line)
                    if len(batch) == _BATCH:
                        yield batch
                        batch = []
        except StorageError:
            raise
        except Exception as error:
            raise StorageError(
                f"cannot read {self.file} in {place.place}, which may hold events that the server "
                f"no longer has: {error}. Move it away to export the day without it",
                path=self.file,
            ) from error
        yield batch


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)

"""The file of one day on its way: filled, finished, and published with its manifest.

Knows nothing of servers. What of an older file stays in the new one is decided in `older.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from omni_api.audit._export.formats import line_writer
from omni_api.audit._export.lines import Lines, times
from omni_api.audit._export.manifest import (
    Compression,
    DayFile,
    Format,
    data_name,
    manifest_name,
    to_day_manifest,
)
from omni_api.audit._export.older import Kept, Older
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
        self._kept: Kept | None = None
        self._part = place.stage(str(day))
        try:
            self._writer = line_writer(kind, compression, self._part)
        except BaseException:
            self._part.discard()
            raise

    def add(self, lines: Sequence[bytes]) -> None:
        """Append what the server sent."""
        self.received += len(lines)
        if self._older is None:
            self._writer.write(self.lines.take(lines))
            return
        if self._kept is None:
            self._kept = Kept(self._older.lines(self._place, next(times(lines), None)))
        self._take(self._kept.beside(lines))

    def finish(self, *, midnight: bool, over: bool, keep_empty: bool) -> DayFile | None:
        """Publish the file, then its manifest.

        Args:
            midnight: What was held back belongs to the next day.
            over: The day had all its events on the server before it was read. It is complete
                then, unless the server may have removed them all.
            keep_empty: The server still has older events: a day without any has an empty file.

        Returns:
            What the manifest says; None where there is nothing to say.
        """
        if self._older is not None:
            kept = self._kept or Kept(self._older.lines(self._place, None))
            self._take(kept.rest())
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
            complete=over and (keep_empty or self.received > 0),
        )
        self._place.publish(part, made.file)
        write(self._place, manifest_name(self._day), to_day_manifest(made))
        lines.report(self._day)
        if self._older is not None and self._older.file != made.file:
            # Another export of this day may have taken ours for one that a killed one left.
            if made.file not in self._place.sizes():
                raise StorageError(
                    f"{made.file} is gone from {self._place.place}: another process exports the "
                    "same day into another format; export it again when that is done",
                    path=made.file,
                )
            self._place.remove(self._older.file)
        return made

    def discard(self) -> None:
        """Remove what was not published."""
        self._part.discard()

    def _take(self, lines: Iterator[bytes]) -> None:
        while batch := list(itertools.islice(lines, _BATCH)):
            self._writer.write(self.lines.take(batch))


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)

"""The file of one day on its way: what is new, and what only the older file has.

Knows nothing of servers. One rule is decided here: a server forgets, is restored from a backup, or
is made to forget, so a day that is read again may lack events, and what an older file has stays.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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


class Kept:
    """The lines of an older file, let through in the order of time as new ones come by.

    A line that both have comes once. A line without a time stays behind the one before it.
    """

    def __init__(self, older: Iterator[bytes]) -> None:
        self._older = older
        self._next = next(older, None)
        self._at = -math.inf
        self._same: Counter[bytes] = Counter()
        """Older lines of the moment `_at` that no new one was compared with yet."""

    def beside(self, new: Iterable[bytes]) -> Iterator[bytes]:
        """Yield new lines, and before each the older ones up to its time."""
        yield from self._up_to(self._at)
        for line in new:
            whole = line if line[-1:] == b"\n" else line + b"\n"
            if whole == self._next:  # as almost always
                self._next = next(self._older, None)
                yield whole
                continue
            moment = time_ms(whole)
            if moment is not None and moment != self._at:
                yield from self._up_to(moment)
            if self._same[whole] > 0:
                self._same[whole] -= 1
            else:
                yield whole

    def rest(self) -> Iterator[bytes]:
        """Yield the older lines from after the last new one."""
        return self._up_to(math.inf)

    def _up_to(self, moment: float) -> Iterator[bytes]:
        while self._next is not None:
            time = time_ms(self._next)
            if time is not None and time > moment:
                break
            if time is not None and time != self._at:
                self._at = time
                self._same.clear()
            line, self._next = self._next, next(self._older, None)
            self._same[line] += 1
            yield line
        if self._at != moment:
            self._at = moment
            self._same.clear()


@attrs.frozen
class Older:
    """The file that a day has already.

    Attributes:
        file: Its name.
        kind: Its format.
        compression: Its compression.
        whole: Whether a manifest vouches for it.
    """

    file: str
    kind: Format
    compression: Compression
    whole: bool = False

    def lines(self, place: Store, first_ms: int | None) -> Iterator[bytes]:
        """Yield its lines; of a file that may be damaged, those from before the first new event."""
        try:
            with place.open(self.file) as file:
                found = read_lines(self.kind, self.compression, file)
                yield from found if self.whole or first_ms is None else _before(found, first_ms)
        except StorageError:
            raise
        except Exception as error:
            raise StorageError(
                f"cannot read {self.file} in {place.place}, which may hold events that the server "
                f"no longer has: {error}. Move it away to export the day without it",
                path=self.file,
            ) from error


def _before(lines: Iterable[bytes], moment: int) -> Iterator[bytes]:
    """Yield the lines from before a moment, and what has no time between them."""
    undecided: list[bytes] = []
    for line in lines:
        time = time_ms(line)
        if time is not None and time >= moment:
            return
        undecided.append(line)
        if time is not None:
            yield from undecided
            undecided.clear()
    yield from undecided


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)

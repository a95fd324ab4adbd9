"""The file that a day has already, and its lines beside those that come anew.

One rule is decided here: a server forgets, is restored from a backup, or is made to forget, so a
day that is read again may lack events, and what an older file has stays.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

import attrs

from omni_api.audit._export.formats import read_lines
from omni_api.audit._export.lines import time_ms
from omni_api.audit._export.manifest import Compression, Format
from omni_api.audit._export.store import Store
from omni_api.errors import StorageError


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

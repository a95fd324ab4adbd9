"""What a directory has: which files of a day can be trusted, and the manifest of all days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from omni_api._core.flow import logger
from omni_api.audit._export import manifest as _manifest
from omni_api.audit._export.manifest import MANIFEST, DayFile
from omni_api.audit._export.older import Older
from omni_api.audit._export.store import Store, read, write

_LOOKS = 10
"""More than one is needed only where others write; a cached file system could ask for ever."""


def look(place: Store, sizes: Mapping[str, int], day: date) -> tuple[DayFile | None, Older | None]:
    """Return what the directory has of a day: what a manifest vouches for, and any file."""
    files = sorted(name for name in sizes if _manifest.is_data_of(day, name))
    manifest = _manifest.manifest_name(day)
    known = read_day(place, manifest) if manifest in sizes else None
    if known is not None and sizes.get(known.file) == known.bytes:
        for file in files:
            if file != known.file:  # left by an export into another format that was killed
                place.remove(file)
        return known, Older(known.file, known.format, known.compression, whole=True)
    return None, Older(files[0], *_manifest.format_of(files[0])) if files else None


def read_day(place: Store, name: str) -> DayFile | None:
    """Return what the manifest of a day says, None if it is damaged."""
    try:
        return _manifest.from_day_manifest(read(place, name))
    except ValueError as error:
        logger.warning("%s in %s is damaged and not used: %s", name, place.place, error)
        return None


def write_manifest(place: Store) -> tuple[DayFile, ...]:
    """Write the manifest of all days that are there, and return it.

    Others may export further days at the same time and write it too. Whoever writes looks again
    afterwards, so the last one has seen the days of all.
    """
    for _ in range(_LOOKS):
        names = place.sizes()
        found = (read_day(place, name) for name in names if _manifest.is_day_manifest(name))
        days = tuple(sorted((day for day in found if day is not None), key=lambda one: one.day))
        data = _manifest.to_manifest(days)
        if MANIFEST in names and read(place, MANIFEST) == data:
            break
        write(place, MANIFEST, data)
    return days


def not_kept(days: Iterable[DayFile], first: date, last: date) -> tuple[date, ...]:
    """Return the days from the first to the last that have no complete file."""
    kept = {one.day for one in days if one.complete}
    every = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return tuple(day for day in every if day not in kept)


def spans(days: Sequence[date]) -> str:
    """Return days in words, of those that follow each other the first and the last."""
    found: list[list[date]] = []
    for day in days:
        if found and day - found[-1][-1] == timedelta(days=1):
            found[-1][1:] = [day]
        else:
            found.append([day])
    return ", ".join(" to ".join(map(str, span)) for span in found)

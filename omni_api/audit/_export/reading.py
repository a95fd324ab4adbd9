"""Reads the lines of a day out of an export."""

from __future__ import annotations

from collections.abc import Iterator

from omni_api.audit._export.formats import read_lines, require
from omni_api.audit._export.manifest import DayFile
from omni_api.audit._export.store import Store
from omni_api.errors import ExportError, OmniError


def lines(place: Store, day: DayFile) -> Iterator[bytes]:
    """Yield the lines of a day, with their line breaks, without holding them all.

    Raises:
        StorageError: The file is missing, or the place cannot be reached.
        ExportError: The file is damaged.
        MissingLibraryError: The library for its format is not installed.
    """
    require(day.format, day.compression)
    with place.open(day.file) as file:
        try:
            yield from read_lines(day.format, day.compression, file)
        except OmniError:
            raise
        except Exception as error:
            # The libraries of the formats have an error class each.
            raise ExportError(
                f"{place.url(day.file)} cannot be read to its end: {type(error).__name__}: {error}"
            ) from error

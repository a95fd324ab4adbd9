"""What `omni.audit_log.export` was asked for: its arguments, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from omni_api._core.dates import Day, day_after, day_range
from omni_api._core.durations import Timeout, Unset, to_seconds
from omni_api._core.steps import Steps
from omni_api.audit._export.formats import require
from omni_api.audit._export.manifest import Compression, ExportResult, Format
from omni_api.audit._export.steps import Export
from omni_api.audit._export.store import store
from omni_api.errors import InvalidInputError
from omni_api.progress import Progress

T = TypeVar("T")

_FORMATS: Final[dict[str, Format]] = {"jsonl": "jsonl", "parquet": "parquet"}
_COMPRESSIONS: Final[dict[str, Compression]] = {"none": "", "gzip": "gzip", "zstd": "zstd"}


def export_steps(
    directory: str | Path,
    start: Day | None,
    end: Day | None,
    *,
    format: str,
    compression: str,
    storage_options: Mapping[str, object] | None,
    on_progress: Callable[[Progress], None] | None,
    timeout: Timeout,
) -> Steps[ExportResult]:
    """Return the steps of `omni.audit_log.export`, whose arguments these are, checked.

    Raises:
        InvalidInputError: An argument is malformed.
        MissingLibraryError: What the format or the directory needs is not installed.
    """
    first, last = day_range(start, end)
    for day in (first, last):
        if day is not None:
            day_after(day)
    if not isinstance(timeout, Unset | None):
        timeout = to_seconds("timeout", timeout)
    export = Export(
        place=store(directory, storage_options),
        start=first,
        end=last,
        kind=_one_of("format", format, _FORMATS),
        compression=_one_of("compression", compression, _COMPRESSIONS),
        timeout=timeout,
        on_progress=on_progress,
    )
    require(export.kind, export.compression)
    return export.steps()


def _one_of(name: str, value: str, allowed: Mapping[str, T]) -> T:
    if not isinstance(value, str) or value not in allowed:
        listed = " or ".join(f'"{one}"' for one in allowed)
        raise InvalidInputError(f"{name} must be {listed}, not {value!r}")
    return allowed[value]

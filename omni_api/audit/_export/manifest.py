"""What an export says of itself: one `DayFile` a day, and how it is written down.

Pure: names, and JSON to and from values. Nothing here depends on when or where an export ran, so
the same events give the same bytes. Which days are read is `steps.py`'s to decide, and how files
come to be `store.py`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final, Literal, TypeAlias

import attrs

from omni_api.rows import Rows, Value

Format: TypeAlias = Literal["jsonl", "parquet"]
Compression: TypeAlias = Literal["", "gzip", "zstd"]

MANIFEST: Final = "manifest.json"
"""Name of the file that holds the manifests of all days. It is for people and other tools: the
package itself reads those of the days, since several workers may write at the same time."""

_DATA = re.compile(r"audit-log-(\d{4}-\d{2}-\d{2})\.(?:parquet|jsonl(?:\.gz|\.zst)?)")
_DAY_MANIFEST = re.compile(r"audit-log-(\d{4}-\d{2}-\d{2})\.manifest\.json")
_SUFFIXES: dict[Compression, str] = {"": "", "gzip": ".gz", "zstd": ".zst"}
_SHA256 = re.compile(r"[0-9a-f]{64}")


@attrs.frozen(kw_only=True)
class DayFile(Value):
    """The file of one day in an export, as its manifest describes it.

    Attributes:
        day: The day, in the server's local time.
        file: Name of the file, in the directory of the export.
        format: "jsonl": JSON lines, byte for byte as the server sent them. "parquet": a table.
        compression: "gzip", "zstd", or "" for none. In Parquet files it is that of the columns.
        events: Lines in the file, malformed ones included.
        malformed: How many of them are no JSON object; they are kept as they came.
        bytes: Size of the file.
        sha256: Hash of the file, in hexadecimal digits.
        first: Time of the first event; None without any.
        last: Time of the last event; None without any.
        complete: The day was over on the server before it was read, so it is not read again.
    """

    day: date
    file: str
    format: Format
    compression: Compression
    events: int
    malformed: int
    bytes: int
    sha256: str
    first: datetime | None
    last: datetime | None
    complete: bool


@attrs.frozen(kw_only=True)
class ExportResult(Value):
    """What an export did.

    Attributes:
        days: All days of the range that the directory has now, in order.
        written: The days that were read and written.
        skipped: The days that were left as they are: complete, or older than what the server has.
        missing: Days whose events are lost to this export: the server no longer has them (or never
            had), and the directory has no file of theirs, or one that was written before the day
            was over. They are counted from `start`, without one from the first day that the
            directory has. The day after them may lack its beginning.
        events: Lines in all these days.
        bytes: Size of all these files.
    """

    days: Rows[DayFile]
    written: tuple[date, ...]
    skipped: tuple[date, ...]
    missing: tuple[date, ...]
    events: int
    bytes: int


def data_name(day: date, kind: Format, compression: Compression) -> str:
    """Return the name of a day's data file."""
    packed = _SUFFIXES[compression]
    suffix = ".parquet" if kind == "parquet" else f".jsonl{packed}"
    return f"audit-log-{day}{suffix}"


def manifest_name(day: date) -> str:
    """Return the name of a day's manifest."""
    return f"audit-log-{day}.manifest.json"


def format_of(name: str) -> tuple[Format, Compression]:
    """Return format and compression that the name of a data file tells; none for Parquet."""
    if name.endswith(".parquet"):
        return "parquet", ""
    packed = [kind for kind, suffix in _SUFFIXES.items() if suffix and name.endswith(suffix)]
    return "jsonl", packed[0] if packed else ""


def is_data_of(day: date, name: str) -> bool:
    """Whether `name` is that of a data file of the day, in any format."""
    found = _DATA.fullmatch(name)
    return found is not None and found[1] == str(day)


def is_day_manifest(name: str) -> bool:
    """Whether `name` is that of the manifest of any day."""
    return _DAY_MANIFEST.fullmatch(name) is not None


def to_day_manifest(day: DayFile) -> bytes:
    """Return the manifest of one day, the same bytes for the same values."""
    return _dumps(_to_members(day))


def from_day_manifest(data: bytes) -> DayFile:
    """Read the manifest of one day; members that it does not know are ignored.

    Raises:
        ValueError: It is damaged: no JSON, or a member is missing or of the wrong form.
    """
    return _from_members(json.loads(data))


def to_manifest(days: Iterable[DayFile]) -> bytes:
    """Return the manifest of a whole export."""
    ordered = sorted(days, key=lambda one: one.day)
    return _dumps({"days": [_to_members(day) for day in ordered]})


def from_manifest(data: bytes) -> tuple[DayFile, ...]:
    """Read the manifest of a whole export.

    Raises:
        ValueError: It is damaged.
    """
    found = json.loads(data)
    if not isinstance(found, dict) or not isinstance(found.get("days"), list):
        raise ValueError("the manifest has no list of days")  # noqa: TRY004 - it is damaged
    return tuple(_from_members(members) for members in found["days"])


def _dumps(members: dict[str, object]) -> bytes:
    return json.dumps(members, indent=2, sort_keys=True).encode() + b"\n"


def _to_members(day: DayFile) -> dict[str, object]:
    return {
        name: value.isoformat(timespec="milliseconds")
        if isinstance(value, datetime)
        else value.isoformat()
        if isinstance(value, date)
        else value
        for name, value in attrs.asdict(day).items()
    }


def _from_members(members: object) -> DayFile:
    if not isinstance(members, dict):
        raise ValueError("the manifest of a day is no JSON object")  # noqa: TRY004 - it is damaged
    try:
        day = date.fromisoformat(members["day"])
        kind, compression = members["format"], members["compression"]
        counts = [members[name] for name in ("events", "malformed", "bytes")]
        file, sha256, complete = members["file"], members["sha256"], members["complete"]
        first, last = _moment(members["first"]), _moment(members["last"])
        # The name follows from the rest. Another one could lead out of the directory.
        good = file == data_name(day, kind, compression) and kind in {"jsonl", "parquet"}
        good = good and all(type(count) is int and count >= 0 for count in counts)
        good = good and isinstance(complete, bool) and _SHA256.fullmatch(sha256) is not None
    except (KeyError, TypeError) as error:
        raise ValueError(f"the manifest of a day lacks {error} or has it wrong") from error
    if not good:
        raise ValueError(f"the manifest of {day} has members that do not go together")
    events, malformed, size = counts
    return DayFile(
        day=day,
        file=file,
        format=kind,
        compression=compression,
        events=events,
        malformed=malformed,
        bytes=size,
        sha256=sha256,
        first=first,
        last=last,
        complete=complete,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)

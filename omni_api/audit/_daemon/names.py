"""Names of the daemon's files: what they say, their order, and which files are old. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date

from omni_api.audit._daemon.sinks import Line

_NAME = re.compile(r"audit-log-(\d{8})T(\d{6})Z-(\d+)\.jsonl")


def is_name(name: str) -> bool:
    """Whether a file is one of the daemon's."""
    return _NAME.fullmatch(name) is not None


def name_of(line: Line) -> str:
    """Return the name of the file that begins with a line."""
    when = line.time.astimezone(UTC)
    # %Y is not padded on every system, and a server may well say year 1.
    return f"audit-log-{when.year:04}{when:%m%dT%H%M%SZ}-{line.id}.jsonl"


def order(name: str) -> tuple[date, str, int]:
    """Return what a file is sorted by: day and time of its first event, and its id."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name} is no name of a rotated file")
    return date.fromisoformat(found[1]), found[2], int(found[3])


def follows(name: str, other: str) -> bool:
    """Whether a file began later, by time and by id: a clock may jump, and ids begin anew."""
    (*when, id_), (*other_when, other_id) = order(name), order(other)
    return when > other_when and id_ > other_id


def outdated(
    names: Iterable[str],
    current: str,
    today: date,
    *,
    keep_files: int | None,
    keep_days: int | None,
) -> list[str]:
    """Return the files that are to go, oldest first; never the current one.

    Args:
        names: The files of the directory.
        current: The one that is open.
        today: The day by this machine's clock.
        keep_files: How many stay, the current one included; None for all.
        keep_days: How many days before the current file's stay; None for all. One event of a
            server whose clock ran ahead makes no other file old: no day is later than today.
    """
    closed = sorted((name for name in names if name != current), key=order)
    surplus = 0 if keep_files is None else len(closed) + 1 - keep_files
    latest = min(order(current)[0], today)
    return [
        name
        for number, name in enumerate(closed)
        if number < surplus
        or (keep_days is not None and (latest - order(name)[0]).days > keep_days)
    ]

"""Days of the audit log: the one validator that both facades share.

The server reads a day as midnight of its own local time and compares both bounds with the event
time, so the end day that it is given is *excluded* although its proto calls it inclusive
(recorded from Omni 1.10: from the 24th to the 24th gave no event, to the 25th gave 197). The
typed rpc passes days on as the server reads them; the convenience layer speaks of inclusive days
and asks `day_after` for what to send. A day is never shifted to another time zone: which hours it
has is the server's to say.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from omni_api.errors import InvalidInputError

Day = str | date
"""A calendar day: `YYYY-MM-DD` or a `date`."""

_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def to_date(name: str, value: Day) -> date:
    """Return the calendar day that `value` names.

    Args:
        name: Name of the argument, for the error.
        value: `YYYY-MM-DD` (ASCII digits, a real day) or a `date`; no `datetime`.

    Raises:
        InvalidInputError: `value` is anything else. The error names it and the allowed form.
    """
    if isinstance(value, datetime):
        raise InvalidInputError(
            f"{name} must be a day, not the moment {value.isoformat()}: the server cuts at its own "
            "local midnight, so an hour cannot be kept; pass value.date() or 'YYYY-MM-DD'"
        )
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        if not _FORM.fullmatch(value):
            raise InvalidInputError(
                f"{name} must be a day as YYYY-MM-DD (for example 2026-11-24), not {value!r}"
            )
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise InvalidInputError(
                f"{name} must be a real day as YYYY-MM-DD, not {value!r}: {error}"
            ) from error
    raise InvalidInputError(
        f"{name} must be a day as YYYY-MM-DD or a date, not {type(value).__name__}"
    )


def day_range(start: Day | None, end: Day | None) -> tuple[date | None, date | None]:
    """Return the days of a range, refused when it runs backwards.

    Raises:
        InvalidInputError: A day is malformed, or `start` is after `end`.
    """
    first = None if start is None else to_date("start", start)
    last = None if end is None else to_date("end", end)
    if first is not None and last is not None and first > last:
        raise InvalidInputError(f"start {first} is after end {last}; pass the earlier day as start")
    return first, last


def day_after(day: date) -> date:
    """Return the day to send as end when `day` itself shall be included."""
    try:
        return day + timedelta(days=1)
    except OverflowError as error:
        raise InvalidInputError(
            f"end {day} is the last day of the calendar; leave end away"
        ) from error

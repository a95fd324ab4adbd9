"""When a day of the server is over, as far as a clock can tell that knows no time zone. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

_DAY: Final = timedelta(days=1)

# Local time is at most 14 hours ahead of UTC and 12 behind. Signatures are refused when the clocks
# differ by more than five minutes.
_AHEAD: Final = timedelta(hours=14, minutes=5)
_BEHIND: Final = timedelta(hours=12, minutes=5)
_SETTLED: Final = timedelta(minutes=10)
"""How old the first event of a day has to be for the day before to have all of its own: the server
takes an event's time before it stores it."""


def is_over(day: date, now: datetime) -> bool | None:
    """Return whether a day of the server is over, None where only the server can know.

    Args:
        day: The day, in the server's local time, which may be any.
        now: This machine's time.
    """
    end = datetime.combine(day, datetime.min.time(), UTC) + _DAY
    if now >= end + _BEHIND:
        return True
    return False if now < end - _AHEAD else None


def is_settled(first_ms: int, now: datetime) -> bool:
    """Return whether nothing from before the first event of a day can still be stored."""
    return first_ms <= (now - _SETTLED).timestamp() * 1000

"""The server's clock, which faults and tests turn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def _real() -> datetime:
    return datetime.now(UTC)


class Clock:
    """Calling it gives the server's time: a source of time plus an offset.

    Args:
        source: A function that returns aware datetimes, a moment at which the clock stands
            still until it is turned, or None for the real time.
    """

    def __init__(self, source: Callable[[], datetime] | datetime | None = None) -> None:
        self.offset = timedelta(0)
        if isinstance(source, datetime):
            moment = _aware(source)
            self._source: Callable[[], datetime] = lambda: moment
        else:
            self._source = source or _real

    def __call__(self) -> datetime:
        return self._source().astimezone(UTC) + self.offset

    def turn_to(self, moment: datetime) -> None:
        """Show this moment now, and run on from there."""
        self.offset = _aware(moment) - self._source()


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        msg = "a datetime with a time zone is needed, for example datetime(2026, 1, 1, tzinfo=UTC)"
        raise ValueError(msg)
    return moment.astimezone(UTC)

"""What an export says on its way, and how often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Final

from omni_api.progress import PartProgress, Progress

if TYPE_CHECKING:
    from omni_api.audit._export.day import DayWriter
    from omni_api.audit._export.manifest import DayFile

_BETWEEN: Final = 0.1


class Reports:
    """Counts days and events, and tells a callback at most ten times a second.

    The end of a day is always told. Days that are complete already count with their events, days
    that have no file do not count.
    """

    def __init__(
        self, callback: Callable[[Progress], None] | None, began: float, total: int
    ) -> None:
        self._callback, self._began, self._total = callback, began, total
        self._days = 0
        self._events = 0
        self._malformed = 0
        self._told = began - _BETWEEN

    def reading(self, day: date, writer: DayWriter, now: float) -> None:
        """Tell how far a day is, unless something was told just before."""
        if now - self._told >= _BETWEEN:
            self._tell(
                f"{day}: {writer.received:,} events",
                now,
                events=writer.received,
                malformed=writer.lines.malformed,
            )

    def finished(self, day: date, done: DayFile | None, now: float) -> None:
        """Tell that a day is done."""
        if done is None:
            self._total = max(self._total - 1, self._days)
            return
        self._days += 1
        self._total = max(self._total, self._days)  # the server's today may be ours of tomorrow
        self._events += done.events
        self._malformed += done.malformed
        self._tell(f"{day}: {done.events:,} events, done", now)

    def ended(self, now: float) -> None:
        """Tell that all is done."""
        self._total = self._days
        days = "1 day" if self._days == 1 else f"{self._days} days"
        self._tell(f"{days}, {self._events:,} events", now, finished=True)

    def _tell(
        self,
        latest: str,
        now: float,
        *,
        events: int = 0,
        malformed: int = 0,
        finished: bool = False,
    ) -> None:
        self._told = now
        if self._callback is None:
            return
        days = PartProgress(name="days", done=self._days, total=self._total, unit="days")
        lines = PartProgress(
            name="events",
            done=self._events + events,
            errors=self._malformed + malformed,
            unit="events",
        )
        self._callback(
            Progress(
                parts=(days, lines), elapsed=now - self._began, latest=latest, finished=finished
            )
        )

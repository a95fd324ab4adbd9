"""How a figure is taken and shown: the sides in turn, medians, ratios within one run, a target.

Single figures depend on the machine and on the day. So the plain stub and this library run in
turn, whatever else the machine does falls on both, and the ratio is the median of the ratios of
neighbours. CPU time is this process's, user and system.
"""

from __future__ import annotations

import gc
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import attrs


@attrs.frozen
class Timing:
    """What a piece of work took."""

    count: int
    wall_s: float
    cpu_s: float

    @property
    def cpu_us(self) -> float:
        """CPU microseconds per item."""
        return self.cpu_s / self.count * 1e6

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.count / self.wall_s


def timed(work: Callable[[], int]) -> Timing:
    """Do the work, which returns how many items it did."""
    wall, cpu = time.perf_counter(), time.process_time()
    count = work()
    return Timing(count, time.perf_counter() - wall, time.process_time() - cpu)


def in_turn(*sides: Callable[[], int], runs: int) -> tuple[tuple[Timing, ...], ...]:
    """Run the sides in turn, `runs` times, and return the timings of each side."""
    for side in sides:
        side()  # connections, imports and caches: once for all of them
    return tuple(zip(*([timed(side) for side in sides] for _ in range(runs)), strict=True))


def resident_kib() -> float:
    """Return how much memory this process holds. Linux only: it reads `/proc`."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1024


@attrs.frozen
class Target:
    """What has to be so: of the ratio, of the figure itself, or of the difference."""

    of: Literal["ratio", "figure", "difference"]
    sign: Literal["<=", ">="]
    bound: float

    def __str__(self) -> str:
        before = {"ratio": "x ", "figure": "", "difference": "+ "}[self.of]
        return f"{self.sign} {before}{self.bound:g}"

    def is_met(self, row: Row) -> bool:
        found = {
            "ratio": row.ratio,
            "figure": row.ours,
            "difference": None if row.plain is None else row.ours - row.plain,
        }[self.of]
        if found is None:
            return False
        return found <= self.bound if self.sign == "<=" else found >= self.bound


@attrs.frozen(kw_only=True)
class Row:
    """One line of the table; `plain` and `ratio` are None where there is nothing beside it."""

    what: str
    unit: str
    plain: float | None = None
    ours: float
    ratio: float | None = None
    target: Target | None = None

    def __str__(self) -> str:
        verdict = "" if self.target is None else "yes" if self.target.is_met(self) else "MISSED"
        cells = (
            self.what,
            self.unit,
            "" if self.plain is None else _figure(self.plain),
            _figure(self.ours),
            "" if self.ratio is None else f"{self.ratio:.2f}",
            "" if self.target is None else str(self.target),
            verdict,
        )
        return _line(cells)


def compared(
    what: str,
    unit: str,
    plain: Iterable[float],
    ours: Iterable[float],
    target: Target | None = None,
) -> Row:
    """Return the row of two sides that ran in turn."""
    plain, ours = tuple(plain), tuple(ours)
    return Row(
        what=what,
        unit=unit,
        plain=statistics.median(plain),
        ours=statistics.median(ours),
        ratio=statistics.median(ou / pl for pl, ou in zip(plain, ours, strict=True)),
        target=target,
    )


def heading() -> str:
    """Return the first two lines of the table."""
    cells = ("what", "unit", "plain stub", "this library", "ratio", "target", "met")
    return f"{_line(cells)}\n{_line(tuple('-' * width for width in _WIDTHS))}"


_WIDTHS = (62, 13, 10, 12, 5, 10, 6)


def _line(cells: Sequence[str]) -> str:
    return (
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True))} |"
    )


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"

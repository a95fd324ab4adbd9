"""The lines of a day as they come: their times, their form, and which may be of the next day.

A window of the server includes the moment of its end, so an event of exactly midnight comes with
two days. What may be of midnight is held back until somebody knows. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import attrs

from omni_api._core.flow import logger
from omni_api.audit._time import usable_time

_MINUTE_MS = 60_000
_NAMED = 10
_TIME = b'"event_ts":'
_LONGEST = 19
"""Digits of a 64-bit number."""


@attrs.define
class Lines:
    """The lines of a day as they pass: counted, mended, and held back at what may be midnight.

    Attributes:
        events: Lines that were let through.
        malformed: How many of them are no JSON object.
        first_ms: Time of the first of them; None before there is one.
        last_ms: Time of the last of them.
    """

    events: int = 0
    malformed: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    _positions: list[int] = attrs.field(factory=list)
    _held: list[bytes] = attrs.field(factory=list)
    _held_ms: int = 0

    def take(self, lines: Sequence[bytes]) -> list[bytes]:
        """Return what is surely of this day, each line with its line break."""
        whole = self._held + [line if line[-1:] == b"\n" else line + b"\n" for line in lines]
        self._held = []
        last = next(times(reversed(whole)), None)
        if last is not None and last % _MINUTE_MS == 0:
            # No time zone has its midnight off the minute.
            at = _start_of_last_run(whole, last)
            self._held, self._held_ms = whole[at:], last
            del whole[at:]
        self._count(whole)
        return whole

    @property
    def undecided_ms(self) -> int | None:
        """The time of the lines that are held back; None without any."""
        return self._held_ms if self._held else None

    def release(self, *, midnight: bool) -> list[bytes]:
        """Return what was held back, nothing if it is the midnight that begins the next day."""
        lines, self._held = self._held, []
        if midnight:
            return []
        self._count(lines)
        return lines

    def report(self, day: date) -> None:
        """Log where lines are malformed. Their content may be secret."""
        if self.malformed:
            named = ", ".join(map(str, self._positions))
            logger.warning(
                "audit log of %s: %d of %d lines are no JSON objects and were kept as they came: "
                "lines %s%s",
                day,
                self.malformed,
                self.events,
                named,
                ", ..." if self.malformed > len(self._positions) else "",
            )

    def _count(self, lines: Sequence[bytes]) -> None:
        for position, line in enumerate(lines, self.events + 1):
            if not _well_formed(line):
                self.malformed += 1
                if len(self._positions) < _NAMED:
                    self._positions.append(position)
        self.events += len(lines)
        if self.first_ms is None:
            self.first_ms = next(times(lines), None)
        self.last_ms = next(times(reversed(lines)), self.last_ms)


def time_ms(line: bytes) -> int | None:
    """Return the time of an event in Unix milliseconds, None where the line has none."""
    # The server writes it last, and looking there is much faster than decoding the line.
    at = line.rfind(_TIME) if line[-2:] == b"}\n" else -1
    digits = line[at + len(_TIME) : -2] if at >= 0 else b""
    if digits.isdigit() and len(digits) < _LONGEST:
        value: object = int(digits)
    else:
        event = _decoded(line)
        value = event.get("event_ts") if isinstance(event, dict) else None
    return value if usable_time(value) else None


def times(lines: Iterable[bytes]) -> Iterator[int]:
    return (time for time in map(time_ms, lines) if time is not None)


def _start_of_last_run(lines: Sequence[bytes], last_ms: int) -> int:
    """Return where the lines of the last moment begin; what has no time goes with it."""
    start = len(lines)
    for at in range(len(lines) - 1, -1, -1):
        time = time_ms(lines[at])
        if time == last_ms:
            start = at
        elif time is not None:
            break
    return start


def _well_formed(line: bytes) -> bool:
    # The shape is a good guess, and decoding each line would take longer than all the rest.
    shaped = line[:1] == b"{" and line[-2:] == b"}\n"
    if line.find(b"\n") != len(line) - 1:
        return False  # more than one line to whoever reads the file
    if shaped and line.isascii():
        return True
    return isinstance(_decoded(line), dict)  # DuckDB reads no line that is no UTF-8


def _decoded(line: bytes) -> object:
    import orjson

    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None

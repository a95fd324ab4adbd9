"""Where in the log of a machine we were: found by content, since its lines have no ids.

After an interruption the server is asked for all stored lines again. The last lines that were
received are looked for among them; what stands behind them is new. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from omni_api.machine_log import LogRecord

REMEMBERED = 200
"""How many of the last lines are remembered."""


@attrs.frozen
class Place:
    """Where to go on.

    Attributes:
        index: The first line that may be new.
        certain: Whether all before it was received, and nothing from it on.
    """

    index: int
    certain: bool


def place_among(
    remembered: Sequence[LogRecord], stored: Sequence[LogRecord], *, late: bool = False
) -> Place:
    """Find where the remembered lines end among the stored ones.

    The log is a ring: its oldest lines go. So the remembered lines may have lost their beginning,
    and then what is left of them stands at the very beginning of the stored ones.

    Where the lines can stand in several places, the first is taken: to repeat lines is better
    than to lose them. Or the last, if `late`: for who wants no old lines.

    A place is certain if it is the only one where a line with a time stands, since no other line
    resembles that, or if it is the only one at all and has all remembered lines.
    """
    if not remembered:
        return Place(0, certain=True)
    known = [record.raw for record in remembered]
    lines = [record.raw for record in stored]
    ends = [end for end in range(1, len(lines) + 1) if _agree(known, lines, end)]
    if not ends:
        return Place(0, certain=False)
    timed = [
        end
        for end in ends
        if any(record.time is not None for record in stored[max(0, end - len(known)) : end])
    ]
    if len(timed) == 1:
        return Place(timed[0], certain=True)
    whole = ends[0] >= len(known)
    return Place(ends[-1 if late else 0], certain=len(ends) == 1 and whole)


def _agree(known: list[bytes], lines: list[bytes], end: int) -> bool:
    """Whether the lines before `end` are the last known ones, as far back as both reach."""
    if lines[end - 1] != known[-1]:
        return False
    length = min(end, len(known))
    return lines[end - length : end] == known[len(known) - length :]


def goes_on_here(remembered: Sequence[LogRecord], stored: Sequence[LogRecord]) -> bool:
    """Whether the next line is certainly new, whatever comes later.

    So it is where all remembered lines just came by and one of them has no double.
    """
    if stored[-1].raw != remembered[-1].raw:
        return False
    known = [record.raw for record in remembered]
    if known != [record.raw for record in stored[-len(known) :]]:
        return False
    return any(one.time is not None and known.count(one.raw) == 1 for one in remembered)

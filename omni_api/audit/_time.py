"""Which `event_ts` is the time of an event: decided once, for events, tables and exports. Pure."""

from __future__ import annotations

from typing import Final, TypeGuard

EARLIEST: Final = -62_135_596_800_000
LATEST: Final = 253_402_300_799_999
"""Years 1 to 9999 in Unix milliseconds: what a `datetime` can hold."""


def usable_time(value: object) -> TypeGuard[int]:
    """Whether a decoded `event_ts` is a moment: a whole number, of a year that Python knows."""
    return type(value) is int and EARLIEST <= value <= LATEST

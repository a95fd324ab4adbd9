"""Durations: what a caller writes as seconds or `timedelta` becomes float seconds, once."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Final

from omni_api.errors import InvalidInputError

Seconds = float | timedelta
"""A duration: seconds as a number, or a `timedelta`."""


class Unset:
    """The type of `UNSET`, which marks an option that was not given where None means something."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()
"""Marks an option that was not given, where None means something else."""

Timeout = Seconds | None | Unset
"""Time for a whole call: a duration, None for no limit, UNSET for the client's default."""


def to_seconds(name: str, value: Seconds) -> float:
    """Return `value` in seconds.

    Args:
        name: Name of the argument, for the error.
        value: Positive seconds, or a positive `timedelta`.

    Raises:
        InvalidInputError: `value` is not a positive, finite duration.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidInputError(
            f"{name} must be seconds (a number) or a timedelta, not {type(value).__name__}"
        )
    try:
        seconds = float(seconds)
    except OverflowError:  # an int beyond every float
        seconds = math.inf
    if not math.isfinite(seconds) or seconds <= 0:
        raise InvalidInputError(f"{name} must be a positive duration, not {value}")
    return seconds

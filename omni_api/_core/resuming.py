"""When a stream that was interrupted is opened again, and after how long. Pure.

For streams that can go on where they were: the followed audit log by id, a machine log by its
content. Reading repeats nothing on the server, so any failure that may pass is outlived: lost
connections, restarts, resets by a proxy, deadlines of an hour. What will not pass (a key, a role,
an argument) ends the stream.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import grpc

from omni_api._core.advice import untrusted
from omni_api.errors import CallError

_Code = grpc.StatusCode
_PASSING = frozenset(
    {
        _Code.UNAVAILABLE,
        _Code.ABORTED,
        _Code.CANCELLED,
        _Code.DEADLINE_EXCEEDED,
        _Code.RESOURCE_EXHAUSTED,
    }
)

_CONNECTION = ("Stream removed", "RST_STREAM", "GOAWAY", "end of stream", "Missing :status")

AFTER_CLEAN_END = 0.5
"""Seconds before a stream that ended with OK is opened again, as the official client waits."""

_FIRST_WAIT = 0.2
_LONGEST_WAIT = 30.0


def passing(error: Exception) -> bool:
    """Whether a stream that broke with this error is worth opening again."""
    if not isinstance(error, CallError):
        return False
    # Both can be a fault of the server that comes again with every try, or of the connection:
    # then grpc itself names it.
    if error.code in {_Code.UNKNOWN, _Code.INTERNAL}:
        return any(text in error.details for text in _CONNECTION)
    return error.code in _PASSING and not untrusted(error.details)


def waits(chance: random.Random | None = None) -> Iterator[float]:
    """Yield the waits of one outage, in seconds: doubled up to 30, half of each is chance.

    Args:
        chance: Source of the jitter; one of its own when None.
    """
    chance = random.Random() if chance is None else chance  # noqa: S311 - jitter, no secret
    longest = _FIRST_WAIT
    while True:
        yield longest * (0.5 + chance.random() / 2)
        longest = min(longest * 2, _LONGEST_WAIT)

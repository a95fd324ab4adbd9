"""Where the daemon begins: what `--start` means, and what a checkpoint says. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Literal

import attrs

from omni_api.errors import InvalidInputError


@attrs.frozen
class Start:
    """Where to begin.

    Attributes:
        checkpoint: Behind the event with this id; wins over the others.
        wanted: With the event with this id, which the log must have.
        since: At a moment, or with the oldest event; None for what happens next.
        last_time: Time of the last event that is in the output already, if known.
    """

    checkpoint: int | None = None
    wanted: int | None = None
    since: datetime | Literal["oldest"] | None = None
    last_time: datetime | None = None


def start_from(text: str) -> Start:
    """Return what `--start` means.

    Raises:
        InvalidInputError: It is of no form that there is.
    """
    if text == "now":
        return Start()
    if text == "oldest":
        return Start(since="oldest")
    if text.isascii() and text.isdigit() and 0 < int(text) < 2**63:
        return Start(wanted=int(text))
    try:
        if len(text) == len("2026-11-24"):
            return Start(since=datetime.combine(date.fromisoformat(text), time(), UTC))
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInputError(
            "--start must be now, oldest, the id of an event, a day (YYYY-MM-DD, UTC) or a moment "
            f"with a time zone (2026-11-24T08:00:00Z), not {text!r}"
        )
    return Start(since=moment)

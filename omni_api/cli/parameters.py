"""What the program's options take that click has no type for: durations as people write them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import click

__all__ = ["DURATION"]

_UNITS: Final = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")
_WHOLE: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[dhms]))+")


class _Duration(click.ParamType[timedelta]):
    """`90s`, `1h30m`, `8760h` as the official tool writes them; `7d`; a plain number of seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        text = str(value).strip()
        if text.isascii() and text.replace(".", "", 1).isdigit():
            text += "s"
        if not text.isascii() or not _WHOLE.fullmatch(text):
            self.fail(f"{value!r} is no duration; write it as 90s, 1h30m or 7d", param, ctx)
        try:
            return timedelta(
                seconds=sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(text))
            )
        except OverflowError:
            self.fail(f"{value!r} is longer than any clock can tell", param, ctx)


DURATION: Final = _Duration()

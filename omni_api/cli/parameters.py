"""What the program's options take that click has no type for: durations, days, addresses."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Final

import click

__all__ = ["ADDRESS", "DAY", "DURATION"]

_HIGHEST_PORT: Final = 65_535
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


class _Day(click.ParamType[date]):
    """`2026-11-24`, as the audit log counts days: the server's own."""

    name = "day"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").date()  # noqa: DTZ007 - a day has none
        except ValueError:
            self.fail(f"{value!r} is no day; write it as 2026-11-24", param, ctx)


class _Address(click.ParamType[tuple[str, int]]):
    """`9100`, `0.0.0.0:9100`: where to listen; without a host only this machine can reach it."""

    name = "address"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":")
        if not port.isascii() or not port.isdigit() or int(port) > _HIGHEST_PORT:
            self.fail(f"{value!r} is no address; write it as 9100 or 0.0.0.0:9100", param, ctx)
        return host or "127.0.0.1", int(port)


ADDRESS: Final = _Address()
DURATION: Final = _Duration()
DAY: Final = _Day()

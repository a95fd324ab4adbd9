"""How answers look: tables for people, JSON and YAML for programs, names for loops of a shell.

Values are shown as they are; what must not be shown is a command's to leave out. Nothing here
calls a server.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar

import attrs
import click

if TYPE_CHECKING:
    import yaml

__all__ = ["FORMATS", "Column", "Output", "as_yaml", "coloured", "moment", "plain", "printable"]

T = TypeVar("T")

FORMATS: Final = ("table", "json", "yaml", "name")

Column = tuple[str, Callable[[T], object]]
"""Title of a column, and what a value has in it."""


class Output:
    """Writes answers to standard output in one of the formats.

    Args:
        format: One of `FORMATS`.
    """

    def __init__(self, format: str) -> None:
        self.format = format

    def show(
        self,
        values: Iterable[T],
        columns: Sequence[Column[T]],
        *,
        name: Callable[[T], str],
        record: Callable[[T], object] | None = None,
    ) -> None:
        """Show a list of values.

        Args:
            values: What there is.
            columns: Of the table.
            name: What identifies a value, for `-o name`.
            record: What JSON and YAML show of a value. Default: all of it.
        """
        found = tuple(values)
        if self.format == "name":
            for value in found:
                self.line(name(value))
        elif self.format == "table":
            self.table(
                [title for title, _ in columns],
                [[_cell(cell(value)) for _, cell in columns] for value in found],
            )
        else:
            self.document([value if record is None else record(value) for value in found])

    def document(self, value: object) -> None:
        """Show one value as JSON or YAML; where neither was asked for, as YAML, to be read."""
        tidy = plain(value)
        if self.format == "json":
            text = json.dumps(tidy, indent=2, ensure_ascii=_lacks_letters(sys.stdout))
            self.line(printable(text) if sys.stdout.isatty() else text)
        else:
            self.line(as_yaml(tidy))

    def table(self, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show rows in aligned columns, three spaces apart, as the official tool does."""
        from rich.cells import cell_len

        shown = [[printable(cell) for cell in row] for row in (titles, *rows)]
        widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
        for number, row in enumerate(shown):
            cells = [
                cell + " " * (width - cell_len(cell))
                for cell, width in zip(row, widths, strict=True)
            ]
            line = "   ".join(cells).rstrip()
            self.line(click.style(line, bold=True) if number == 0 else line)

    def line(self, text: str) -> None:
        """Write one line. Styles are left out where there is no terminal that shows them."""
        click.echo(text, color=self._coloured)

    @cached_property
    def _coloured(self) -> bool:
        return coloured(sys.stdout)  # once, not for each line: it makes a console of rich


def coloured(stream: TextIO) -> bool:
    """Whether to colour what goes there: a terminal, and nobody who set NO_COLOR."""
    if not stream.isatty():
        return False
    from rich.console import Console

    console = Console(file=stream)
    return console.color_system is not None and not console.no_color


def plain(value: object) -> Any:  # noqa: PLR0911 - a row for each kind of value
    """Return a value as JSON and YAML have it: mappings, lists, texts, numbers."""
    kind = type(value)
    if attrs.has(kind):
        names = (field.name for field in attrs.fields(kind))
        return {name: plain(getattr(value, name)) for name in names if not name.startswith("_")}
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Iterable):
        return [plain(member) for member in value]
    return str(value)


def as_yaml(value: object) -> str:
    """Return a plain value as a YAML document, without its last line break."""
    import yaml

    text: str = yaml.dump(
        value, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=10_000
    )
    return text.removesuffix("\n")  # one only: a text of several lines may end in more


@cache
def _dumper() -> type[yaml.SafeDumper]:
    """Make what writes a text of several lines as such, to be read and copied."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper


def moment(time: datetime | None, absent: str = "") -> str:
    """Return a time as RFC 3339 has it, to the second, or what stands for none."""
    if time is None:
        return absent
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


def printable(text: str) -> str:
    """Return text that cannot steer a terminal: it may come from a server."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


def _lacks_letters(stream: TextIO) -> bool:
    """Whether a stream has not all letters; ASCII is none of those: click writes UTF-8 then."""
    encoding = (stream.encoding or "utf-8").lower()
    return not encoding.startswith(("utf", "ascii", "us-ascii", "ansi_x3.4"))


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    return "" if value is None else str(value).replace("\n", " ")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return base64.b64encode(data).decode("ascii")

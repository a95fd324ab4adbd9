"""How a stream is written: as it comes, as fast as it comes, never able to steer a terminal.

Where nobody looks, bytes go out unchanged and in blocks. `output.py` writes what is known as a
whole.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

import click

from omni_api.cli.output import as_yaml, coloured, plain, printable

__all__ = ["Lines", "Rows"]


class Lines:
    """Standard output, for a stream.

    Args:
        live: Whether each line is to be read at once, also in a pipe.
    """

    def __init__(self, *, live: bool = False) -> None:
        self._out = sys.stdout.buffer
        self.terminal = sys.stdout.isatty()
        self.coloured = coloured(sys.stdout)
        self._at_once = live or self.terminal

    def raw(self, line: bytes) -> None:
        """Write a line as it came, with its line break; a terminal gets what it can show."""
        if self.terminal:
            line = printable(line.decode(errors="replace")).encode()
        self._out.write(line)
        if self._at_once:
            self._out.flush()

    def text(self, text: str) -> None:
        """Write a line that was made here. What a server said in it was made printable before."""
        self._out.write(f"{text}\n".encode(errors="replace"))
        if self._at_once:
            self._out.flush()

    def styled(self, text: str, colour: str | None = None, *, bold: bool = False) -> str:
        """Return text that can be shown, in colour where there are colours."""
        if self.terminal:
            text = printable(text)
        return click.style(text, fg=colour, bold=bold or None) if self.coloured else text

    def json(self, value: object) -> None:
        """Write a value as one line of JSON."""
        text = json.dumps(plain(value), ensure_ascii=False)
        self.text(printable(text) if self.terminal else text)

    def yaml(self, value: object) -> None:
        """Write a value as a YAML document of its own."""
        self.text("---")
        self.text(as_yaml(plain(value)))


class Rows:
    """A table whose rows are shown as they come: a column grows with what it has to hold.

    Args:
        lines: Where to write.
        columns: Title of each column, and its least width.
    """

    def __init__(self, lines: Lines, columns: Mapping[str, int]) -> None:
        self._lines = lines
        self._titles: Sequence[str] | None = tuple(columns)
        self._widths = [max(len(title), least) for title, least in columns.items()]

    def row(self, cells: Sequence[str]) -> None:
        """Show a row; the first one brings the titles with it."""
        shown = [printable(cell.replace("\n", " ")) for cell in cells]
        self._widen(shown)
        self.begin()
        self._lines.text(self._aligned(shown))

    def begin(self) -> None:
        """Show the titles, unless that has been done."""
        if self._titles is not None:
            titles, self._titles = self._titles, None
            self._lines.text(self._lines.styled(self._aligned(titles), bold=True))

    def _widen(self, cells: Sequence[str]) -> None:
        from rich.cells import cell_len

        self._widths = [
            max(width, cell_len(cell)) for width, cell in zip(self._widths, cells, strict=True)
        ]

    def _aligned(self, cells: Sequence[str]) -> str:
        from rich.cells import cell_len

        return "   ".join(
            cell + " " * (width - cell_len(cell))
            for cell, width in zip(cells, self._widths, strict=True)
        ).rstrip()

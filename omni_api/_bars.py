"""Draws progress: in a terminal, in a notebook, or not at all.

Libraries are imported when a painter is made. What is drawn, and when, is `display.py`'s.
"""

from __future__ import annotations

import html
import sys
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from omni_api._core.extras import extra
from omni_api._core.flow import logger
from omni_api.errors import MissingLibraryError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from omni_api.progress import PartProgress, Progress


class Painter(Protocol):
    """Draws reports between its beginning and its end."""

    def begin(self) -> None:
        """Take the terminal."""

    def paint(self, progress: Progress) -> None:
        """Draw a report in the place of the one before."""

    def end(self) -> None:
        """Leave what was drawn last, and give the terminal back."""


def painter(style: str, file: TextIO) -> Painter:
    """Return the painter of a style; "auto" looks at the output and at what runs this code."""
    if style == "auto":
        try:
            return _KINDS[_fitting(file)](file)
        except MissingLibraryError as error:
            logger.info("no progress is shown: %s", error)
            return Silence(file)
    return _KINDS[style](file)


def _fitting(file: TextIO) -> str:
    # Whoever runs in a kernel of Jupyter has imported IPython already.
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is not None:
        return "notebook"
    return "rich" if not file.closed and file.isatty() else "none"


class Silence:
    """Draws nothing."""

    def __init__(self, file: TextIO) -> None:
        """Take the output, and leave it alone."""

    def begin(self) -> None:
        """Do nothing."""

    def paint(self, progress: Progress) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


class Rich:
    """Draws in a terminal. What is printed meanwhile appears above the bars."""

    def __init__(self, file: TextIO) -> None:
        with extra("progress"):
            from rich import console, live, progress, text
        self._text = text.Text
        # Whoever made this wants bars, also where rich sees no terminal.
        self._console = console.Console(file=file, force_terminal=True)
        self._bars = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TextColumn("{task.fields[count]}", markup=False),
            progress.TextColumn("{task.fields[failed]}", style="red", markup=False),
            progress.TimeElapsedColumn(),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._line = self._text("")
        self._group = console.Group
        # What goes into a pipe must go on into it, and not to the terminal with the bars.
        self._live = live.Live(
            console=self._console,
            refresh_per_second=10,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )

    def begin(self) -> None:
        self._live.start()

    def paint(self, progress: Progress) -> None:
        for part in progress.parts:
            if part.name not in self._tasks:
                self._tasks[part.name] = self._bars.add_task(
                    printable(part.name), total=part.total, count="", failed=""
                )
            task = self._tasks[part.name]
            self._bars.update(
                task,
                completed=part.done,
                total=part.total,
                count=counted(part),
                failed=failed(part),
            )
            if progress.finished:
                self._bars.stop_task(task)
        line = self._text(printable(progress.latest), no_wrap=True, overflow="ellipsis")
        self._live.update(self._group(self._bars, line))

    def end(self) -> None:
        self._live.stop()


class Notebook:
    """Draws in a notebook: one table, replaced where it stands. It needs no widgets."""

    def __init__(self, file: TextIO) -> None:  # noqa: ARG002 - it draws below the cell
        with extra():
            from IPython import display
        self._html: Any = display.HTML
        self._display: Any = display.display
        self._shown: Any = None

    def begin(self) -> None:
        """Draw nothing before there is something to draw."""

    def paint(self, progress: Progress) -> None:
        lines = "".join(map(_line, progress.parts))
        drawn = self._html(f"<table>{lines}</table><p>{_escaped(progress.latest)}</p>")
        if self._shown is None:
            self._shown = self._display(drawn, display_id=True)
        else:
            self._shown.update(drawn)

    def end(self) -> None:
        """Leave what was drawn last: it is the output of the cell."""


def _line(part: PartProgress) -> str:
    # Without a total there is nothing to fill, and a bar without a value would move for ever.
    bar = "" if part.total is None else f'<progress value="{part.done}" max="{part.total}">'
    cells = (_escaped(part.name), bar, _escaped(counted(part)), failed(part))
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _escaped(text: str) -> str:
    return html.escape(printable(text))


class Tqdm:
    """Draws with tqdm: its widgets in a notebook where they are installed; else plain text."""

    def __init__(self, file: TextIO) -> None:
        with extra("progress"):
            from tqdm.auto import tqdm
        # A bar of tqdm's own would start a thread for all bars of the process, which never ends.
        self._kind: Any = type("Bar", (tqdm,), {"monitor_interval": 0})
        self._file = file
        self._bars: dict[str, Any] = {}
        self._line: Any = None

    def begin(self) -> None:
        """Draw nothing before there is something to draw."""

    def paint(self, progress: Progress) -> None:
        # The line stands first: bars that come later would take its place.
        if self._line is None:
            self._line = self._bar(bar_format="{desc}", total=0, position=0)
        self._line.set_description_str(printable(progress.latest))
        for part in progress.parts:
            if part.name not in self._bars:
                self._bars[part.name] = self._bar(
                    desc=printable(part.name),
                    total=part.total,
                    unit=f" {part.unit}",
                    position=len(self._bars) + 1,
                )
            bar = self._bars[part.name]
            bar.total, bar.n = part.total, part.done
            bar.set_postfix_str(failed(part), refresh=False)
            bar.refresh()

    def end(self) -> None:
        for bar in (*self._bars.values(), self._line):
            if bar is not None:
                bar.close()

    def _bar(self, **options: Any) -> Any:
        return self._kind(file=self._file, leave=True, **options)


_KINDS: dict[str, type[Silence | Rich | Notebook | Tqdm]] = {
    "none": Silence,
    "rich": Rich,
    "notebook": Notebook,
    "tqdm": Tqdm,
}


def counted(part: PartProgress) -> str:
    """Return how many units of a part are done."""
    return f"{part.done:,}" + ("" if part.total is None else f"/{part.total:,}") + f" {part.unit}"


def failed(part: PartProgress) -> str:
    """Return how many units of a part failed, as words; empty where none did."""
    return f"{part.errors:,} failed" if part.errors else ""


def printable(text: str) -> str:
    """Return text that cannot steer a terminal: it may come from a server."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)

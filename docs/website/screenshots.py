"""`python -m docs.website.screenshots`: pictures of the terminal, taken of the program itself.

Each command runs in a terminal of its own against a simulated Omni. What its screen shows in the
end becomes an SVG. Ids, keys and times differ each time, so `shape` tells whether two screens say
the same; a test holds the pictures against what the program prints today.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Final

import attrs
import pexpect
import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

from omni_api.simulator import Simulator

IMAGES: Final = Path(__file__).parents[1] / "images"
_ROWS: Final = 60


@attrs.frozen(kw_only=True)
class Shot:
    """A picture to take.

    Attributes:
        name: Of the file.
        command: What is typed, behind the program's name.
        columns: How wide the terminal is.
        rows: How many lines of it are kept, from the first.
        steady: Whether it says the same each time, but for what `shape` leaves out.
    """

    name: str
    command: Sequence[str]
    columns: int = 100
    rows: int = 24
    steady: bool = True


_MACHINES = ("10001802-c798-4da7-a410-f09abb48c8d8", "10021802-c798-4da7-a410-f09abb48c8d8")
SHOTS: Final = (
    Shot(name="whoami", command=("whoami",), columns=132),
    Shot(
        name="support",
        command=("support", "-c", "talos-default", "--no-encryption"),
    ),
    Shot(
        name="machine-logs",
        command=("machine-logs", *_MACHINES, "--tail", "8", "--log-format", "omni"),
        columns=130,
        steady=False,
    ),
    Shot(
        name="sync-manifests",
        command=("sync-manifests", "talos-default"),
    ),
    Shot(
        name="audit-log",
        command=("audit-log", "-o", "table", "--event-type", "k8s_access"),
        columns=130,
        rows=12,
        steady=False,
    ),
    Shot(
        name="serviceaccounts",
        command=("serviceaccount", "list"),
        columns=166,
    ),
    Shot(name="help", command=("--help",), rows=80),
)


def screens(shots: Sequence[Shot] = SHOTS) -> Iterator[tuple[Shot, Text]]:
    """Run the commands, and return what their terminals show."""
    with _omni() as environment:
        for shot in shots:
            yield shot, _screen(shot, environment)


def shape(text: str) -> str:
    """Return a screen without what differs each time: ids, keys, times, counts and spaces."""
    text = re.sub(r"[0-9a-f]{8,}(-[0-9a-f]{4,})*", "ID", text)
    text = re.sub(r"\d[\d.,:TZ-]*", "N", text)
    return " ".join(re.sub(r"[━╸╺]+", "━", text).split())


def picture(shot: Shot, screen: Text) -> str:
    """Draw a screen, with the command above it."""
    console = Console(record=True, width=shot.columns, file=io.StringIO())
    console.print(Text.assemble(("$ ", "bold green"), " ".join(("omni-api", *shot.command))))
    console.print(screen)
    # A fixed name, so that the same screen gives the same file.
    drawn = console.export_svg(title="omni-api", unique_id=f"omni-{shot.name}")
    # rich asks a server for its font; the reader's own will do.
    return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL).replace(
        "Fira Code, monospace", "monospace"
    )


@contextmanager
def _omni() -> Iterator[Mapping[str, str]]:
    with Simulator() as simulator, tempfile.TemporaryDirectory() as home:
        for role in ("Reader", "Operator"):
            simulator.service_account_key(role)
        yield {**simulator.environment(), "HOME": home, "TERM": "xterm-256color"}


def _screen(shot: Shot, environment: Mapping[str, str]) -> Text:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "omni_api", *shot.command],
        cwd=environment["HOME"],
        env={"PATH": os.defpath, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        encoding="utf-8",
        timeout=30,
        dimensions=(_ROWS, shot.columns),
    )
    child.expect(pexpect.EOF)
    child.close()
    if child.exitstatus not in {0, 4}:
        raise RuntimeError(f"{shot.name} ended with {child.exitstatus}: {child.before}")
    screen = pyte.Screen(shot.columns, 200)
    pyte.Stream(screen).feed((child.before or "").replace(environment["HOME"], "/home/ana"))
    lines = [_line(screen, row) for row in range(screen.cursor.y + 1)][: shot.rows]
    while lines and not lines[-1].plain.strip():
        lines.pop()
    return Text("\n").join(lines)


def _line(screen: pyte.Screen, row: int) -> Text:
    text = Text()
    cells = (screen.buffer[row][column] for column in range(screen.columns))
    for (colour, bold), run in groupby(cells, key=lambda cell: (cell.fg, cell.bold)):
        # One of the 256 colours comes as its red, green and blue.
        named = None if colour == "default" else _RICH.get(colour, f"#{colour}")
        style = Style(color=named, bold=bold)
        text.append("".join(cell.data for cell in run), style)
    text.rstrip()
    return text


# pyte has names of its own for the colours of a terminal.
_NAMES: Final = ("black", "red", "green", "blue", "magenta", "cyan", "white")
_RICH: Final = {
    "brown": "yellow",
    "brightbrown": "bright_yellow",
    **{name: name for name in _NAMES},
    **{f"bright{name}": f"bright_{name}" for name in _NAMES},
}


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for one, shown in screens():
        (IMAGES / f"{one.name}.svg").write_text(picture(one, shown), encoding="utf-8")

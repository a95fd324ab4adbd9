"""The pages of the documentation, and what tests look for in them."""

from __future__ import annotations

import configparser
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MORE_PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


@attrs.frozen
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block, in order."""
    language, start = None, 0
    lines: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if language is None and line.startswith("```"):
            language, start, lines = line[3:].strip(), number + 1, []
        elif language is not None and line == "```":
            yield Block(page, start, language, "".join(f"{one}\n" for one in lines))
            language = None
        else:
            lines.append(line)
    assert language is None, f"{page}:{start}: a block without end"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def rows(page: Path, header: str) -> list[list[str]]:
    """The cells of every table of a page that has this header."""
    found: list[list[str]] = []
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        inside = line == header or (inside and line.startswith("|"))
        if inside and line != header and not line.startswith("| ---"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


@cache
def help_of(module: str) -> str:
    """What a command of the package says when it is asked for help."""
    return subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    ).stdout


def _ini(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


CONFIGS: dict[str, Callable[[str], Any]] = {
    "yaml": yaml.safe_load,
    "toml": tomllib.loads,
    "ini": _ini,
}
"""Readers of configurations, by the language of their blocks."""

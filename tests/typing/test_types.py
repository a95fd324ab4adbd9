"""What type checkers accept and refuse, as mypy sees it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ERROR = re.compile(r"^(?P<file>.*?):(?P<line>\d+): error: .*\[(?P<code>[a-z-]+)\]$")

Found = dict[int, set[str]]


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    """The codes of mypy's errors by file and line, from one run over both files."""
    done = subprocess.run(
        [
            sys.executable,
            *(
                "-m",
                "mypy",
                "--strict",
                "--no-error-summary",
                "--no-pretty",
                "--hide-error-context",
            ),
            *("--cache-dir", str(tmp_path_factory.mktemp("mypy"))),
            *(str(HERE / name) for name in ("positive.py", "negative.py")),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found: dict[str, Found] = {"positive.py": {}, "negative.py": {}}
    for line in done.stdout.splitlines():
        if match := ERROR.match(line):
            lines = found.setdefault(Path(match["file"]).name, {})
            lines.setdefault(int(match["line"]), set()).add(match["code"])
    return found


def marked(name: str) -> Found:
    """The codes that a file expects, by line."""
    marks: Found = {}
    for number, line in enumerate((HERE / name).read_text().splitlines(), start=1):
        if "# E: " in line:
            marks[number] = set(line.partition("# E: ")[2].split(","))
    return marks


def test_the_main_calls_have_the_types_that_we_promise(errors: dict[str, Found]) -> None:
    assert errors["positive.py"] == {}
    assert marked("positive.py") == {}


def test_wrong_code_is_refused_in_the_marked_lines_and_nowhere_else(
    errors: dict[str, Found],
) -> None:
    assert errors["negative.py"] == marked("negative.py")
    assert len(errors["negative.py"]) > 30


def test_both_packages_say_that_they_are_typed() -> None:
    for package in ("omni_api", "omni_api_async"):
        assert (ROOT / package / "py.typed").exists()

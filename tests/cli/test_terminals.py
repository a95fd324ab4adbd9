"""The program in terminals as people have them: narrow, dumb, without UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pyte
import pytest
from cli_program import Open, commands_of_program

from omni_api import OmniClient
from omni_api.simulator import Simulator


def screen_of(child: pexpect.spawn[str], columns: int) -> list[str]:
    """What the terminal shows when the program has ended, line by line."""
    child.expect(pexpect.EOF)
    child.close()
    screen = pyte.Screen(columns, 80)
    pyte.Stream(screen).feed(child.before or "")
    assert not screen.cursor.hidden, "the cursor is still gone"
    return [line.rstrip() for line in screen.display if line.strip()]


@pytest.mark.parametrize("columns", [40, 100])
def test_there_is_a_bar_for_each_source_and_it_fits_the_terminal(
    terminal: Open, tmp_path: Path, columns: int
) -> None:
    child = terminal(
        "support", "-c", "talos-default", "--no-encryption", "-O", str(tmp_path / "b.zip"),
        columns=columns,
    )  # fmt: skip
    shown = screen_of(child, columns)
    assert child.exitstatus == 4
    bars = [line for line in shown if "━" in line]
    assert [line.split()[0] for line in bars] == ["omni", "cluster"]
    assert any("SOURCE" in line for line in shown)


def test_bars_go_on_in_a_terminal_that_is_made_narrow(terminal: Open, tmp_path: Path) -> None:
    child = terminal(
        "support", "-c", "talos-default", "--no-encryption", "-O", str(tmp_path / "b.zip")
    )
    child.expect_exact("━")
    child.setwinsize(40, 50)
    child.expect(r"cluster .*411/411 steps")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 4


def test_ctrl_c_in_the_midst_of_bars_gives_the_terminal_back(
    terminal: Open, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.delay("GetSupportBundle", 20.0)
    child = terminal(
        "support", "-c", "talos-default", "--no-encryption", "-O", str(tmp_path / "b.zip")
    )
    assert simulator.wait_for(lambda: simulator.count("GetSupportBundle") == 1)
    child.sendintr()
    shown = screen_of(child, 100)
    simulator.clear_faults()
    assert child.exitstatus == 130
    assert shown[-1] == "interrupted"
    assert not [file for file in tmp_path.iterdir() if file.suffix in {".zip", ".part"}]


@pytest.mark.parametrize("term", ["dumb", "unknown-terminal"])
def test_a_terminal_that_can_nothing_gets_plain_text(terminal: Open, term: str) -> None:
    child = terminal("user", "list", env={"TERM": term})
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "admin@example.org" in (child.before or "")
    assert term != "dumb" or "\x1b" not in (child.before or "")


@pytest.mark.parametrize(
    ("encoding", "shape", "shown"),
    [
        ("ascii", "table", "räck-ł   ".encode()),  # click takes it for a mistake, writes UTF-8
        ("latin-1", "table", b"r\xe4ck-\\u0142   "),
        ("latin-1", "json", b'"r\\u00e4ck-\\u0142"'),
        ("utf-8", "json", '"räck-ł"'.encode()),
    ],
)
def test_names_that_the_terminal_cannot_write_are_no_defect(
    environment: dict[str, str], encoding: str, shape: str, shown: bytes
) -> None:
    with OmniClient.from_env(environ=environment) as omni:
        omni.join_tokens.create("räck-ł")
    listed = subprocess.run(
        [sys.executable, "-m", "omni_api", "jointoken", "list", "-o", shape],
        env={"PATH": os.defpath, "PYTHONIOENCODING": encoding, **environment},
        capture_output=True,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr
    assert shown in listed.stdout


def test_a_full_disk_is_told(environment: dict[str, str]) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "omni_api", "user", "list"],
            env={"PATH": os.defpath, **environment},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_help_fits_80_columns_and_is_quick() -> None:
    took = {}
    for words, command in commands_of_program():
        began = time.perf_counter()
        context = command.context_class(
            command, info_name=words, terminal_width=80, max_content_width=80
        )
        lines = command.get_help(context).splitlines()
        took[words] = time.perf_counter() - began
        examples = [line for line in lines if line.startswith("    omni-api")]
        assert all(len(line) <= 80 for line in lines if line not in examples), words
    assert max(took.values()) < 0.1, took

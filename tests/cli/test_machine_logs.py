"""`omni-api machine-logs`: of one machine or several, as they came or for people, followed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pexpect
import pytest
from cli_program import Open, Run, interrupted

from omni_api.simulator import Simulator

ONE = "aaaaaaaa-0000-4000-8000-000000000001"
TWO = "aaaaaaaa-0000-4000-8000-000000000002"
OTHER = "bbbbbbbb-0000-4000-8000-000000000003"
RED, YELLOW, END = "\x1b[31m", "\x1b[33m", "\x1b[0m"


def line(message: str, second: int, level: str = "info", **fields: object) -> bytes:
    moment = f"2026-11-24T10:00:{second:02}.5Z"
    said = {"msg": f"{message}\n", "talos-level": level, "talos-time": moment, **fields}
    return json.dumps(said).encode()


@pytest.fixture(autouse=True)
def _machines(simulator: Simulator) -> Iterator[None]:
    fleet = simulator.state.fleet
    fleet.log_lines = 0  # their logs begin here
    for machine_id in (ONE, TWO, OTHER):
        fleet.add_machine(machine_id)
    fleet.append_log(ONE, line("first", 1))
    fleet.append_log(ONE, line("third", 3, "error", facility="kern", clock=1231337))
    fleet.append_log(TWO, line("second", 2, "warning"))
    fleet.append_log(TWO, b"\xff no JSON \x1b[2J")
    yield
    simulator.clear_faults()


def test_lines_of_one_machine_come_unchanged(run: Run, simulator: Simulator) -> None:
    ended = run("machine-logs", ONE)
    assert (ended.status, ended.err) == (0, "")
    assert (
        ended.out.encode()
        == line("first", 1)
        + b"\n"
        + line("third", 3, "error", facility="kern", clock=1231337)
        + b"\n"
    )
    assert run("machine-logs", ONE, "--tail", "1").lines == ended.lines[1:]
    assert run("machine-logs", ONE, "--tail", "0").out == ""


def test_the_formats_of_the_official_tool_are_there_and_no_others(run: Run) -> None:
    assert run("machine-logs", ONE, "--log-format", "dmesg").lines == [
        "first",
        "[    1.231337] kern: third",
    ]
    assert run("machine-logs", ONE, "--log-format", "omni").lines == [
        "2026-11-24T10:00:01.500Z info  first",
        "2026-11-24T10:00:03.500Z error kern: third",
    ]
    ended = run("machine-logs", ONE, "--log-format", "pretty")
    assert ended.status == 2
    assert "is not one of 'raw', 'omni', 'dmesg'" in ended.err


def test_several_machines_are_merged_by_time_behind_the_shortest_prefix_that_tells_them_apart(
    run: Run,
) -> None:
    lines = run("machine-logs", OTHER, TWO, ONE, "--log-format", "omni").lines
    assert [(text.split()[0], text.split()[-1]) for text in lines] == [
        (ONE, "first"),
        (TWO, "second"),
        (TWO, r"\x1b[2J"),
        (ONE, "third"),
    ]
    short = run("machine-logs", OTHER, ONE).lines
    assert short[0] == f"aaaaaaaa {line('first', 1).decode()}"


def test_programs_get_objects(run: Run) -> None:
    ended = run("machine-logs", ONE, TWO, "-o", "json")
    found = [json.loads(text) for text in ended.lines]
    assert [one["message"] for one in found if one["machine_id"] == ONE] == ["first", "third"]
    assert found[-1]["time"] == "2026-11-24T10:00:03.500000Z"
    assert found[-1]["service"] == "kern"
    assert found[-1]["fields"] == {"clock": 1231337}
    assert run("machine-logs", ONE, "-o", "yaml").out.count("---\n") == 2
    assert run("machine-logs", ONE, "-o", "name").status == 2


def test_a_machine_that_does_not_exist_is_named_and_nothing_is_shown(run: Run) -> None:
    ended = run("machine-logs", ONE, "nobody")
    assert (ended.status, ended.out) == (7, "")
    assert "nobody" in ended.err


def test_a_terminal_shows_machines_and_levels_in_colours_and_cannot_be_steered(
    terminal: Open,
) -> None:
    child = terminal("machine-logs", ONE, TWO, columns=300)
    child.expect(pexpect.EOF)
    shown = child.before or ""
    lines = shown.splitlines()
    assert lines[0].startswith(f"\x1b[36m{ONE}{END} {{")
    assert lines[1].startswith(f"\x1b[35m{TWO}{END} {YELLOW}{{")
    assert lines[3].startswith(f"\x1b[36m{ONE}{END} {RED}{{")
    assert "\x1b[2J" not in shown
    plain = terminal("machine-logs", ONE, TWO, columns=300, env={"NO_COLOR": "1"})
    plain.expect(pexpect.EOF)
    shown = plain.before or ""
    assert "\x1b" not in shown
    assert shown.startswith(f"{ONE} {{")


@pytest.mark.parametrize("machines", [[ONE], [ONE, TWO, OTHER]])
def test_a_followed_log_shows_lines_as_they_come_until_ctrl_c(
    terminal: Open, simulator: Simulator, machines: list[str]
) -> None:
    child = terminal("machine-logs", *machines, "-f", "--tail", "1", "--log-format", "dmesg")
    child.expect_exact("kern: third")
    simulator.state.fleet.append_log(ONE, line("fresh", 5))
    child.expect_exact("fresh")
    took = interrupted(child)
    assert took < 0.3


def test_a_followed_log_can_be_read_from_a_pipe_line_by_line(
    environment: dict[str, str], simulator: Simulator
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "omni_api", "machine-logs", ONE, OTHER, "--follow", "--tail", "0"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert simulator.wait_for(lambda: simulator.active_streams("MachineLogs") == 2)
        simulator.state.fleet.append_log(OTHER, line("one", 7))
        assert re.match(r"bbbbbbbb \{.*one", child.stdout.readline())
        child.stdout.close()  # the reader has had enough
        simulator.state.fleet.append_log(ONE, line("two", 8))
        assert child.stderr is not None
        assert (child.stderr.read(), child.wait()) == ("", 0)

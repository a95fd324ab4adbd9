"""What holds for every command: options, formats, errors, exit codes, pipes, Ctrl-C, speed."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest
from cli_program import Open, Run, interrupted, parsed

import omni_api.cli
from omni_api.cli.app import COMMANDS, app
from omni_api.simulator import Simulator

PACKAGE = Path(omni_api.cli.__file__).parent
NAMES = [name for section in COMMANDS.values() for name in section]


def test_users_are_listed_in_the_official_columns(run: Run) -> None:
    ended = run("user", "list")
    assert ended.status == 0
    assert ended.lines[0].split() == ["ID", "EMAIL", "ROLE", "LAST", "ACTIVE", "LABELS"]
    assert ended.lines[1].split()[1:] == ["admin@example.org", "Admin", "Never"]


def test_programs_get_json_and_yaml_and_loops_get_names(run: Run) -> None:
    assert run("user", "list", "-o", "json").json[0]["email"] == ("admin@example.org")
    assert "email: admin@example.org" in run("-o", "yaml", "user", "list").out
    assert run("user", "-o", "name", "list").lines[0] == "admin@example.org"


def test_an_option_of_every_command_may_stand_before_and_after_it_and_the_last_counts(
    run: Run,
) -> None:
    assert run("-o", "json", "user", "list", "-o", "name").lines[0] == "admin@example.org"


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ("support -c c --no-encryption=true", {"no_encryption": True}),
        ("support -c c --no-encryption=false", {"no_encryption": False}),
        ("machine-logs m -f=T --tail=5", {"follow": True, "tail": 5}),
        ("kubeconfig -c c --merge=False --force=1", {"merge": False, "force": True}),
        ("sa create ci -u=0", {"use_user_role": False}),
        ("audit-log --follow=true", {"follow": True}),
    ],
)
def test_flags_can_be_given_a_value_as_the_official_tool_has_it(
    spelled: str, meant: dict[str, object]
) -> None:
    assert parsed(spelled.split()).params.items() >= meant.items()


def test_a_flag_of_every_command_can_be_given_a_value(run: Run, simulator: Simulator) -> None:
    assert run("user", "create", "a@example.org", "-r", "Reader", "--read-only=true").status == 2
    assert run("user", "create", "a@example.org", "-r", "Reader", "--read-only=false").status == 0
    assert simulator.count("CreateUser") == 1


def test_a_refusal_is_one_paragraph_with_the_next_step_and_a_status(
    run: Run, simulator: Simulator
) -> None:
    ended = run(
        "user", "list", env={"OMNI_SERVICE_ACCOUNT_KEY": simulator.service_account_key("Reader")}
    )
    assert ended.status == 5
    assert ended.out == ""
    assert 'insufficient role: "Reader"' in ended.err
    assert "Use a key with that role" in ended.err


@pytest.mark.parametrize(
    ("arguments", "env", "status", "said"),
    [
        (["user", "list"], {"OMNI_SERVICE_ACCOUNT_KEY": None}, 2, "there is no omniconfig"),
        (["user", "list"], {"OMNI_SERVICE_ACCOUNT_KEY": "x"}, 5, "cut off or mistyped"),
        (["user", "list"], {"OMNI_ENDPOINT": None}, 2, "set OMNI_ENDPOINT"),
        (["user", "list", "--endpoint", "grpc://127.0.0.1:1", "--timeout", "1s"], {}, 6, "Check"),
        (["user", "create", "new@example.org", "-r", "Reader", "--read-only"], {}, 2, "read_only"),
        (["user", "delete", "nobody@example.org"], {}, 7, "not found"),
        (["user", "list", "--timeout", "soon"], {}, 2, "90s, 1h30m or 7d"),
        (["user", "lost"], {}, 2, "No such command"),
    ],
)  # fmt: skip
def test_each_kind_of_failure_has_its_status(
    run: Run, arguments: list[str], env: dict[str, str | None], status: int, said: str
) -> None:
    ended = run(*arguments, env=env)
    assert (ended.status, ended.out) == (status, "")
    assert said in " ".join(ended.err.split())
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("name", NAMES)
def test_the_summary_of_a_command_is_the_beginning_of_its_own_help(name: str) -> None:
    module, summary = next(section[name] for section in COMMANDS.values() if name in section)
    assert module
    command = app.get_command(app.context_class(app), name)
    assert command is not None
    assert command.help is not None
    assert command.help.splitlines()[0] == summary


def test_the_program_is_a_guest_that_imports_public_names_only() -> None:
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("omni_api"):
                parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                private = [
                    part for part in parts if part.startswith("_") and not part.endswith("__")
                ]
                assert not private, f"{file.name} imports {parts}"


def test_a_pipe_that_is_closed_early_ends_the_program_quietly(environment: dict[str, str]) -> None:
    script = '"$0" -m omni_api user list -o json | head -c 1; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable],
        env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("[0\n", "")


def test_help_is_there_within_300_ms(environment: dict[str, str]) -> None:
    def once() -> float:
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "omni_api", "--help"],
            env=environment, check=True, capture_output=True,
        )  # fmt: skip
        return time.perf_counter() - began

    assert min(once() for _ in range(5)) < 0.3


def test_there_is_colour_in_a_terminal_and_none_elsewhere(run: Run, terminal: Open) -> None:
    assert "\x1b" not in run("user", "list").out
    child = terminal("user", "list")
    child.expect_exact("\x1b[1mID")
    child.expect(pexpect.EOF)
    plain = terminal("user", "list", env={"NO_COLOR": "1"})
    plain.expect(pexpect.EOF)
    assert "\x1b[" not in (plain.before or "")


def test_ctrl_c_ends_a_call_within_300_ms(terminal: Open, simulator: Simulator) -> None:
    def once() -> float:
        simulator.delay("ListUsers", 20.0)
        before = simulator.count("ListUsers")
        child = terminal("user", "list")
        assert simulator.wait_for(lambda: simulator.count("ListUsers") > before)
        took = interrupted(child)
        simulator.clear_faults()
        return took

    # On a machine that is busy with other things one of three has to do.
    assert any(once() < 0.3 for _ in range(3))


@pytest.mark.parametrize("option", ["--endpoint", "--context"])
def test_an_option_that_is_empty_does_not_mean_what_the_environment_says(
    run: Run, simulator: Simulator, option: str
) -> None:
    ended = run("user", "list", option, "")
    assert ended.status == 2
    assert "is a variable of your shell not set?" in " ".join(ended.err.split())
    assert simulator.count("ListUsers") == 0

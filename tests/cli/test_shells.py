"""Real shells complete command lines once they have read what `omni-api completion` prints."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

SHELLS = {
    "bash": (["--norc", "--noprofile"], "source <(omni-api completion bash)", "PS1='@ '"),
    "zsh": (["-f"], "autoload -U compinit; compinit -u; source <(omni-api completion zsh)",
            "unsetopt prompt_sp; PS1='@ '"),
    "fish": (["-N"], "omni-api completion fish | source", "function fish_prompt; echo '@ '; end"),
}  # fmt: skip

Shell = Callable[[str], "pexpect.spawn[str]"]


@pytest.fixture
def shell(environment: dict[str, str], tmp_path: Path) -> Iterator[Shell]:
    """Start a shell that knows the program, and how to complete its command lines."""
    program = tmp_path / "omni-api"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m omni_api "$@"\n')
    program.chmod(0o755)
    opened: list[pexpect.spawn[str]] = []

    def start(name: str) -> pexpect.spawn[str]:
        arguments, source, prompt = SHELLS[name]
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
        child = pexpect.spawn(
            name,
            arguments,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "TERM": "dumb", **environment},
            encoding="utf-8",
            timeout=20,
            dimensions=(40, 100),
        )
        opened.append(child)
        child.sendline(prompt)
        # What is typed does not hold the word that is waited for.
        child.sendline(f"{source}; echo kn''own")
        child.expect_exact("known")
        child.expect_exact("@ ")
        return child

    yield start
    for child in opened:
        child.close(force=True)


@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_completes_commands_options_choices_and_names_of_the_server(
    shell: Shell, name: str
) -> None:
    child = shell(name)
    for typed, completed in (
        ("omni-api serv", "omni-api serviceaccount "),
        ("omni-api user list -o js", "omni-api user list -o json "),
        ("omni-api --ti", "omni-api --timeout "),
        ("omni-api user delete op", "omni-api user delete operator@example.org "),
    ):
        child.send(f"{typed}\t")
        child.expect_exact(completed)
        child.send("\x15")  # empties the line; Ctrl-C would also lose what is typed too early


def test_a_second_tab_lists_what_bash_could_go_on_with(shell: Shell) -> None:
    child = shell("bash")
    child.send("omni-api user \t\t")
    child.expect(r"create\s+delete\s+list\s+set-role")


def test_what_fails_leaves_the_line_of_bash_alone(shell: Shell) -> None:
    child = shell("bash")
    child.sendline("export OMNI_ENDPOINT=grpc://127.0.0.1:1")
    child.expect_exact("@ ")
    child.send("omni-api user delete op\t")
    child.send("X")
    child.expect_exact("omni-api user delete op")
    child.expect("^\x07?X")

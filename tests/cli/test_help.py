"""The help of every command: it is there, and each of its examples is a command line that works."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from cli_program import Run

from omni_api.cli.app import COMMANDS, PROGRAM, app

NAMES = [name for section in COMMANDS.values() for name in section]


def commands(name: str) -> Iterator[tuple[list[str], click.Command]]:
    """Go through a command and all that are below it, each with the words that lead to it."""
    command = app.get_command(app.context_class(app), name)
    assert command is not None
    pending = [([name], command)]
    while pending:
        path, command = pending.pop()
        yield path, command
        if isinstance(command, click.Group):
            below = [(key, command.get_command(command.context_class(command), key))
                     for key in command.list_commands(command.context_class(command))]  # fmt: skip
            pending += [([*path, key], found) for key, found in below if found is not None]


def examples(command: click.Command) -> list[list[str]]:
    """Return the command lines of this program among the examples, without what a shell adds."""
    _, _, block = (command.help or "").partition("Examples:\n")
    found = []
    for line in block.splitlines():
        for part in re.split(r"[|;]|&&|\$\(|<\(", line):
            words = shlex.split(part.strip().rstrip(")"), comments=True)
            if words[:1] == [PROGRAM]:
                until = next((i for i, word in enumerate(words) if word in {">", ">>", "<"}), None)
                found.append(words[1:until])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_understood_by_the_command_that_shows_it(name: str) -> None:
    for path, command in commands(name):
        for words in examples(command):
            context = app.make_context(PROGRAM, list(words), resilient_parsing=False)
            current: click.Command = app
            while isinstance(current, click.Group):
                rest = [*context._protected_args, *context.args]
                key, found, arguments = current.resolve_command(context, rest)
                assert found is not None, words
                context = found.make_context(key, arguments, parent=context)
                current = found
            assert current is command or isinstance(command, click.Group), (path, words)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_says_what_it_does_and_what_each_of_its_options_means(name: str) -> None:
    for path, command in commands(name):
        assert command.help, path
        assert command.help.splitlines()[0].endswith("."), path
        for param in command.params:
            if isinstance(param, click.Option):
                assert param.help or param.hidden, (path, param.name)


@pytest.mark.parametrize("words", [[], ["user"], ["user", "list"], ["audit-log"]])
def test_help_is_also_had_by_its_short_name(run: Run, words: list[str]) -> None:
    ended = run(*words, "-h")
    assert ended.status == 0
    assert ended.out == run(*words, "--help").out
    assert "-h, --help" in ended.out

"""How a run of the program is described to the tests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import click
import pexpect

from omni_api.cli.app import PROGRAM, app

Run = Callable[..., "Ended"]
Open = Callable[..., "pexpect.spawn[str]"]


@attrs.frozen(kw_only=True)
class Ended:
    """How the program ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def parsed(words: Sequence[str]) -> click.Context:
    """Read a command line as the program does, and do nothing.

    Raises:
        click.ClickException: It is none of the program's.
    """
    context = app.make_context(PROGRAM, list(words))
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, command, rest = context.command.resolve_command(context, rest)
        assert command is not None
        context = command.make_context(name, rest, parent=context)
    return context


def commands_of_program() -> Iterator[tuple[str, click.Command]]:
    """Every command and every group of commands, with what one types to reach it."""
    waiting: list[tuple[str, click.Command]] = [(PROGRAM, app)]
    while waiting:
        words, command = waiting.pop()
        yield words, command
        if isinstance(command, click.Group):
            context = command.context_class(command)
            for name in command.list_commands(context):
                member = command.get_command(context, name)
                assert member is not None, name
                waiting.append((f"{words} {name}", member))


def options_of_program() -> set[str]:
    """Every option of every command."""
    return {
        name
        for _, command in commands_of_program()
        for param in command.get_params(command.context_class(command))
        for name in (*param.opts, *param.secondary_opts)
    }


def interrupted(child: pexpect.spawn[str]) -> float:
    """Type Ctrl-C, and return how many seconds later the program had ended as it should."""
    child.delaybeforesend = None
    began = time.perf_counter()
    child.sendintr()
    child.expect_exact("interrupted")
    child.expect(pexpect.EOF)
    took = time.perf_counter() - began
    child.close()
    assert child.exitstatus == 130
    return took

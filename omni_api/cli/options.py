"""The options that every command takes, before or after its name, and how flags are spelled.

What is said goes into the `Session`. What it means for the client is decided there.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import click

from omni_api.cli.names import CONTEXT
from omni_api.cli.output import FORMATS
from omni_api.cli.parameters import DURATION
from omni_api.cli.session import Session

__all__ = ["Command", "Group"]

# As Go reads a bool.
_TRUE: Final = ("1", "t", "T", "true", "TRUE", "True")
_FALSE: Final = ("0", "f", "F", "false", "FALSE", "False")


def _everywhere() -> list[click.Parameter]:
    """Make the options that every command has, and every group of commands."""
    directory = click.Path(file_okay=False, path_type=Path)
    file = click.Path(dir_okay=False, path_type=Path)
    return [
        _Everywhere(
            ["-o", "--output"],
            type=click.Choice(FORMATS),
            help="How to show the answer.  [default: table]",
        ),
        _Everywhere(
            ["--context"],
            type=CONTEXT,
            metavar="NAME",
            help="Context of the omniconfig to use.",
        ),
        _Everywhere(["--omniconfig"], type=file, help="The omniconfig file to use."),
        _Everywhere(["--endpoint"], metavar="URL", help="URL of Omni, instead of OMNI_ENDPOINT."),
        _Everywhere(
            ["--siderov1-keys-dir"],
            type=directory,
            help="Where the keys of people are, unless SIDEROV1_KEYS_DIR says it.",
        ),
        _Everywhere(["--ca-file"], type=file, help="PEM file with the CAs to trust."),
        _Everywhere(
            ["--insecure", "--insecure-skip-tls-verify"],
            is_flag=True,
            help="Do not check the server's certificate.",
        ),
        _Everywhere(
            ["--read-only"], is_flag=True, help="Refuse what changes something on the server."
        ),
        _Everywhere(
            ["--timeout"], type=DURATION, help="Limit for each call, such as 30s.  [default: 2m]"
        ),
        _Everywhere(
            ["-v", "--verbose"], count=True, help="Say more on standard error; -vv even more."
        ),
    ]


class _Everywhere(click.Option):
    """An option that may stand before and after a command's name; the last one counts."""

    def __init__(self, names: list[str], **settings: Any) -> None:
        super().__init__(names, expose_value=False, callback=self._keep, **settings)

    @staticmethod
    def _keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
        session = ctx.ensure_object(Session)
        assert param.name is not None  # noqa: S101 - for mypy: an option always has one
        if ctx.get_parameter_source(param.name) is click.core.ParameterSource.DEFAULT:
            return
        if value == "":
            raise click.BadParameter("it is empty: is a variable of your shell not set?")
        setattr(session, param.name, value)
        session.given.add(param.name)
        if param.name == "verbose":
            logging.getLogger("omni_api").setLevel(logging.INFO if value == 1 else logging.DEBUG)


class _Context(click.Context):
    """Knows `-h`, too, as the official tool does."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.help_option_names = ["-h", "--help"]


class _Shared(click.Command):
    """Adds those options, and keeps them apart from a command's own in its help."""

    context_class = _Context

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        taken = {name for param in own for name in param.opts}
        shared = _everywhere()
        for option in shared:
            # The official tool's `download --output` is a file; `-o` stays the format there.
            option.opts = [name for name in option.opts if name not in taken]
        return [*own[:-1], *shared, *own[-1:]]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._spelled(ctx, args))

    def _spelled(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Understand `--flag=true` and `--flag=false` as the official tool does.

        Click has `--no-flag` for some; the others are left out where they are false.
        """
        spellings: dict[str, list[str]] = {}
        for option in self.get_params(ctx):
            if isinstance(option, click.Option) and option.is_flag and not option.count:
                for name in option.opts:
                    spellings |= {f"{name}={text}": [name] for text in _TRUE}
                    spellings |= {f"{name}={text}": option.secondary_opts[:1] for text in _FALSE}
        end = args.index("--") if "--" in args else len(args)
        return [*chain.from_iterable(spellings.get(arg, [arg]) for arg in args[:end]), *args[end:]]

    def shown_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters that its help shows."""
        return self.get_params(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for param in self.shown_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                (shared if isinstance(param, _Everywhere) else own).append(record)
        for title, records in (("Options", own), ("Options of every command", shared)):
            with formatter.section(title):
                formatter.write_dl(records)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


class Command(_Shared):
    """A command that takes the options of every command, and may have other names."""

    def __init__(self, name: str | None, *, aliases: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(name, **settings)
        self.aliases = tuple(aliases)


class Group(_Shared, click.Group):
    """A group of commands that takes the options of every command."""

    command_class = Command
    group_class = type

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the whole first line of their help, which click would cut."""
        rows = [
            (name, (command.help or "").partition("\n")[0])
            for name, command in sorted(self.commands.items())
            if not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name or one of its other names."""
        return self.commands.get(cmd_name) or next(
            (
                command
                for command in self.commands.values()
                if cmd_name in getattr(command, "aliases", ())
            ),
            None,
        )

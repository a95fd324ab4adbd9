"""What every command can be told, before or after its name, and the client that follows from it.

Each option of `_everywhere` writes into one `Session`, which a command gets with `@pass_session`.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from omni_api.cli.output import FORMATS, Output, printable
from omni_api.cli.parameters import DURATION

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from omni_api import TLS, OmniClient
    from omni_api.config import Settings

__all__ = ["Command", "Group", "Session", "pass_session", "tracing"]

P = ParamSpec("P")
R = TypeVar("R")

_LOGGER = logging.getLogger("omni_api")
# As Go reads a bool.
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")
_TIMEOUT = timedelta(minutes=2)  # as the client has it for other calls


class Session:
    """What was said on the command line about all commands."""

    def __init__(self) -> None:
        self.output: str = "table"
        self.omniconfig: Path | None = None
        self.context: str | None = None
        self.endpoint: str | None = None
        self.siderov1_keys_dir: Path | None = None
        self.ca_file: Path | None = None
        self.insecure: bool = False
        self.read_only: bool = False
        self.timeout: timedelta | None = None
        self.verbose: int = 0
        self.given: set[str] = set()
        """Names of the options that were given."""
        self._client: OmniClient | None = None
        self._settings: Settings | None = None

    @property
    def out(self) -> Output:
        """Where answers go, in the format that was asked for."""
        return Output(self.output)

    @property
    def interactive(self) -> bool:
        """Whether a person is there to answer a question."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def patience(self) -> timedelta:
        """The limit for a list that the library reads as a stream: those have none of their own."""
        return _TIMEOUT if self.timeout is None else self.timeout

    def settings(self) -> Settings:
        """Find endpoint and key; what was said on the command line wins over the environment.

        Raises:
            ConfigurationError: Something is missing or cannot be used.
        """
        if self._settings is None:
            from omni_api import config

            said: dict[str, Any] = {"endpoint": self.endpoint, "keys_dir": self.siderov1_keys_dir}
            if self.context is None and self.omniconfig is None:
                self._settings = config.from_env(**said)
            else:
                self._settings = config.from_omniconfig(self.omniconfig, self.context, **said)
        return self._settings

    def client(self) -> OmniClient:
        """Return the client; it is made once, and closed when the command ends.

        Raises:
            ConfigurationError: Endpoint or key are missing, or cannot be used.
        """
        if self._client is None:
            from omni_api import OmniClient

            found = self.settings()
            options: dict[str, Any] = {} if self.timeout is None else {"timeout": self.timeout}
            self._client = OmniClient(
                found.endpoint,
                auth=found.auth,
                tls=self.tls(found),
                read_only=self.read_only,
                **options,
            )
            click.get_current_context().find_root().call_on_close(self._client.close)
        return self._client

    def tls(self, found: Settings) -> TLS:
        """Return which servers to trust; the client warns loudly if it is all of them."""
        from omni_api import TLS

        if self.insecure:
            return TLS(insecure_accept_any_certificate=True)
        return found.tls if self.ca_file is None else TLS(ca_file=self.ca_file)

    def warn(self, text: str) -> None:
        """Say something beside the answer, on standard error."""
        with contextlib.suppress(OSError):  # as in `note`
            click.secho(f"warning: {printable(text)}", err=True, fg="yellow")

    def note(self, text: str) -> None:
        """Say what was done, on standard error: answers alone go to standard output."""
        # Where nobody can be told, the answer counts all the more: it may be a key.
        with contextlib.suppress(OSError):
            click.echo(printable(text), err=True)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something is changed that cannot be taken back.

        Args:
            question: What is about to happen, as a question.
            yes: Whether `--yes` was given, which answers it.

        Raises:
            click.UsageError: Nobody is there to answer.
            click.ClickException: The answer is no.
            click.Abort: The answer is Ctrl-C.
        """
        if yes:
            return
        if not self.interactive:
            raise click.UsageError(f"{question} Nobody is there to answer: repeat it with --yes.")
        if not click.confirm(printable(question), err=True):
            raise click.ClickException("The answer is no: nothing was changed.")


pass_session: Callable[[Callable[Concatenate[Session, P], R]], Callable[P, R]] = (
    click.make_pass_decorator(Session, ensure=True)
)
"""Hand the `Session` to a command, as its first argument."""


def tracing() -> bool:
    """Whether `-vv` was given, so that a defect shows where it is."""
    return _LOGGER.isEnabledFor(logging.DEBUG)


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
            metavar="NAME",
            shell_complete=_contexts,
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


def _contexts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from omni_api.cli.names import CONTEXT

    return CONTEXT.shell_complete(ctx, param, incomplete)


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
            _LOGGER.setLevel(logging.INFO if value == 1 else logging.DEBUG)


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

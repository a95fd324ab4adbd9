"""What was said on the command line about all commands, and the client that follows from it.

The options of `options.py` write into one `Session`, which a command gets with `@pass_session`.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from omni_api.cli.output import Output, printable

if TYPE_CHECKING:
    from omni_api import TLS, OmniClient
    from omni_api.config import Settings

__all__ = ["Session", "pass_session", "tracing"]

P = ParamSpec("P")
R = TypeVar("R")

_LOGGER = logging.getLogger("omni_api")
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

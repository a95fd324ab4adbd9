"""`omni-api config`: the contexts of the omniconfig. All of it works without a key or a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from omni_api.cli.configs import told
from omni_api.cli.exits import Exit
from omni_api.cli.failures import Failure
from omni_api.cli.files import INPUT, bytes_of
from omni_api.cli.names import CONTEXT
from omni_api.cli.options import Group
from omni_api.cli.output import Column, printable
from omni_api.cli.session import Session, pass_session
from omni_api.client_configs import merge_omniconfig
from omni_api.omniconfig import Context, Omniconfig

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_COLUMNS: tuple[Column[Context], ...] = (
    ("CURRENT", lambda context: "*" if context.selected else ""),
    ("NAME", lambda context: context.name),
    ("URL", lambda context: context.url),
)

_name = click.argument("name", type=CONTEXT, help="Name of the context.")


def _options_of_a_context(function: FunctionT) -> FunctionT:
    url = click.option(
        "--url", default="grpc://127.0.0.1:8080", show_default=True, help="URL of Omni."
    )
    identity = click.option("--identity", default="", help="Whose key to use: an e-mail address.")
    return url(identity(function))


@click.group(cls=Group)
def command() -> None:
    """List, add, select and change the contexts of the omniconfig.

    The file is that of --omniconfig, else OMNICONFIG, else $TALOS_HOME/omni/config, else
    ~/.talos/omni/config. No key and no server is needed. With a service account's key in the
    environment, other commands use no context.
    """


@command.command(aliases=("get-contexts", "list", "ls"))
@pass_session
def contexts(session: Session) -> None:
    """List the contexts; the selected one has a star.

    \b
    Examples:
      omni-api config contexts
      omni-api config contexts -o name
    """
    session.out.show(_file(session).contexts(), _COLUMNS, name=lambda context: context.name)


@command.command(aliases=("use", "use-context"))
@_name
@pass_session
def context(session: Session, name: str) -> None:
    """Use a context from now on.

    \b
    Examples:
      omni-api config context prod
      omni-api config use prod
    """
    _file(session).select(name)
    session.note(f'context "{name}" is used from now on')


@command.command()
@click.argument("name", help="What to call it.")
@_options_of_a_context
@pass_session
def add(session: Session, *, name: str, url: str, identity: str) -> None:
    """Add a context. The file is made if there is none, and its first context is selected.

    \b
    Examples:
      omni-api config add prod --url https://omni.example.com --identity ana@example.com
    """
    file = _file(session)
    added = file.add(name, url=url, identity=identity)
    session.note(f'added context "{name}" to {file.path}')
    if not added.selected:
        session.note(f"`omni-api config use {name}` selects it")


@command.command()
@click.argument(
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=False,
    help="The file.  [default: ./omniconfig]",
)
@_options_of_a_context
@pass_session
def new(session: Session, *, path: Path | None, url: str, identity: str) -> None:
    """Make a new omniconfig with a context called default.

    \b
    Examples:
      omni-api config new
      omni-api config new prod.yaml --url https://omni.example.com --identity ana@example.com
    """
    file = Omniconfig(Path("omniconfig") if path is None else path)
    if file.path.exists():
        raise Failure(f'omniconfig file already exists: "{file.path}"', Exit.USAGE)
    file.add("default", url=url, identity=identity)
    session.note(f"wrote {file.path}")


@command.command()
@click.argument("file", type=INPUT, help="The omniconfig to merge; `-` for standard input.")
@pass_session
def merge(session: Session, file: Path) -> None:
    """Merge the contexts of another omniconfig, and select the one that is selected there.

    A context whose name is taken by another is renamed.

    \b
    Examples:
      omni-api config merge ~/Downloads/omniconfig.yaml
    """
    told(session, "omniconfig", merge_omniconfig(bytes_of(file), _file(session).path))


@command.command(aliases=("i",))
@pass_session
def info(session: Session) -> None:
    """Show the selected context, or that of --context.

    \b
    Examples:
      omni-api config info
      omni-api config info --context test -o json
    """
    found = _file(session).context(session.context)
    if session.output in ("json", "yaml"):
        session.out.document(found)
    elif session.output == "name":
        session.out.line(printable(found.name))
    else:
        session.out.line(f"Current context:  {printable(found.name)}")
        session.out.line(f"URL:              {printable(found.url)}")
        session.out.line(f"Identity:         {printable(found.identity)}")


@command.command()
@click.argument("url", help="URL of Omni, such as https://omni.example.com.")
@pass_session
def url(session: Session, url: str) -> None:
    """Give the selected context, or that of --context, another URL.

    \b
    Examples:
      omni-api config url https://omni.example.com
      omni-api config url https://test.example.com --context test
    """
    _file(session).set_url(url, session.context)


@command.command()
@click.argument("identity", help="Whose key to use: an e-mail address.")
@pass_session
def identity(session: Session, identity: str) -> None:
    """Say whose key the selected context, or that of --context, uses.

    \b
    Examples:
      omni-api config identity ana@example.com
    """
    _file(session).set_identity(identity, session.context)


@command.command(aliases=("rm", "delete"))
@_name
@pass_session
def remove(session: Session, name: str) -> None:
    """Remove a context. Its key stays: that is in a file of its own.

    \b
    Examples:
      omni-api config remove test
    """
    file = _file(session)
    selected = file.context(name).selected
    file.remove(name)
    session.note(f'removed context "{name}"')
    if selected:
        session.warn("it was the selected one: select another with `omni-api config use NAME`")


def _file(session: Session) -> Omniconfig:
    return Omniconfig(session.omniconfig)

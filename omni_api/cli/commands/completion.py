"""`omni-api completion`: the lines that teach a shell to complete; click writes them."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from omni_api.cli.options import Command
from omni_api.cli.session import Session, pass_session

_SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_OMNI_API_COMPLETE"


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(_SHELLS), help="The shell.")
@pass_session
def command(session: Session, shell: str) -> None:
    """Print what makes a shell complete commands, options and names.

    Names of contexts come from the omniconfig; those of clusters and machines come from the
    server, if it answers within two seconds.

    \b
    Examples:
      source <(omni-api completion bash)
      omni-api completion zsh > "${fpath[1]}/_omni-api"
      omni-api completion fish > ~/.config/fish/completions/omni-api.fish
    """
    root = click.get_current_context().find_root()
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - for mypy: click has all of these shells
    session.out.line(kind(root.command, {}, root.command_path, _VARIABLE).source())

"""`omni-api omniconfig`: what tools need to reach this Omni as the caller."""

from __future__ import annotations

from pathlib import Path

import click

from omni_api.cli.configs import Place, place_options
from omni_api.cli.options import Command
from omni_api.cli.session import Session, pass_session
from omni_api.client_configs import merge_omniconfig
from omni_api.config import omniconfig_file


@click.command(cls=Command)
@place_options(merge=False)
@pass_session
def command(session: Session, *, path: Path | None, merge: bool, force: bool) -> None:
    """Print the omniconfig that the server makes for you, or merge it into your own.

    It names the server and you, and holds no key. With --merge it goes into the omniconfig that
    omnictl and this program read, or into PATH, and its context is used from now on; a context
    whose name is taken by another is renamed, and --force replaces the other. With PATH alone it
    is written there. Any key will do.

    \b
    Examples:
      omni-api omniconfig
      omni-api omniconfig ./omniconfig
      omni-api omniconfig --merge
    """
    if path is None and not merge:
        path = Path("-")
    home = session.omniconfig or omniconfig_file()
    place = Place.of("omniconfig", path, merge=merge, force=force, home=home)
    config = session.client().management.omniconfig().omniconfig
    place.put(
        session,
        config,
        lambda file: merge_omniconfig(config, file, on_clash="overwrite" if force else "rename"),
    )

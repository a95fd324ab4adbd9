"""`omni-api talosconfig`: what talosctl needs to reach the machines of a cluster."""

from __future__ import annotations

from pathlib import Path

import click

from omni_api.cli.configs import Place, place_options
from omni_api.cli.names import CLUSTER
from omni_api.cli.options import Command
from omni_api.cli.session import Session, pass_session
from omni_api.client_configs import merge_talosconfig
from omni_api.config import talosconfig_file
from omni_api.errors import NotFoundError


@click.command(cls=Command)
@place_options(merge=True)
@click.option("-c", "--cluster", type=CLUSTER, help="Name of the cluster.  [default: all of Omni]")
@click.option("--break-glass", is_flag=True, help="Put an operator's key in it, to go around Omni.")
@click.option("--raw", is_flag=True, help="Get the admin's own one: debug builds of Omni only.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before --break-glass.")
@pass_session
def command(
    session: Session,
    *,
    path: Path | None,
    merge: bool,
    force: bool,
    cluster: str | None,
    break_glass: bool,
    raw: bool,
    yes: bool,
) -> None:
    """Get a talosconfig, and merge it into the one of talosctl.

    It is merged into $TALOS_HOME/config, else ~/.talos/config, or into PATH, and its context is
    used from now on. All else in the file stays as it is. A context whose name is taken by another
    is renamed; --force replaces the other. With --no-merge it is written to ./talosconfig or PATH.

    The file holds no secret, except with --break-glass, which needs the role Admin, a server that
    allows it, and marks the cluster as tainted. All else needs the role Reader.

    \b
    Examples:
      omni-api talosconfig
      omni-api talosconfig --cluster talos-default
      omni-api talosconfig ./talosconfig -c talos-default --merge=false --force
    """
    place = Place.of("talosconfig", path, merge=merge, force=force, home=talosconfig_file())
    if not cluster and (break_glass or raw):
        raise click.UsageError("--break-glass and --raw need a --cluster.")
    omni = session.client()
    if cluster:
        try:
            omni.resources.get("Clusters", cluster)
        except NotFoundError:
            # As the official tool has it: the talosconfig is good for a cluster that is to come.
            session.warn(f'there is no cluster "{cluster}" so far')
    if break_glass or raw:
        session.warn(f'who has this talosconfig goes around Omni, and "{cluster}" becomes tainted')
        session.confirm(f'Taint cluster "{cluster}"?', yes=yes)
    config = omni.management.talosconfig(
        cluster=cluster, raw=raw, break_glass=break_glass
    ).talosconfig
    place.put(
        session,
        config,
        lambda file: merge_talosconfig(config, file, on_clash="overwrite" if force else "rename"),
        secret=break_glass or raw,
    )

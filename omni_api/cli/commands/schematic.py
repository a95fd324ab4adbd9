"""`omni-api schematic`: what an image is made of; the answer is the id that it gets."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click
from click.core import ParameterSource

from omni_api import SchematicOverlay
from omni_api.cli.files import INPUT, bytes_of, text_of
from omni_api.cli.options import Group
from omni_api.cli.schematics import Wishes, wishes
from omni_api.cli.schematics import create as create_schematic
from omni_api.cli.session import Session, pass_session

_WITH_RAW = ("raw", "talos_version")


@click.group(cls=Group)
def command() -> None:
    """Create schematics, of which the image factory builds boot media.

    It needs the role Operator.
    """


@command.command(aliases=("c",))
@wishes
@click.option(
    "--meta", multiple=True, metavar="KEY=VALUE", help="Initial meta value; key 10, 12, 13 or 14."
)
@click.option("--overlay", default="", metavar="NAME", help="Overlay of a board: its name.")
@click.option("--overlay-image", default="", metavar="IMAGE", help="Image that has the overlay.")
@click.option("--overlay-options", type=INPUT, help="File with the overlay's options, YAML.")
@click.option(
    "--embedded-machine-config", type=INPUT, help="File with a machine config for the image."
)
@click.option("--raw", type=INPUT, help="File with a whole schematic, taken as it is.")
@pass_session
def create(
    session: Session,
    *,
    meta: tuple[str, ...],
    overlay: str,
    overlay_image: str,
    overlay_options: Path | None,
    embedded_machine_config: Path | None,
    raw: Path | None,
    **said: Unpack[Wishes],
) -> None:
    """Create a schematic and print its id.

    Machines that boot an image of it join your Omni: with the default join token, unless another
    one is named. With --raw the file says everything, and nothing is added to it. Equal schematics
    have the same id.

    \b
    Examples:
      omni-api schematic create --extensions iscsi-tools,qemu-guest-agent
      omni-api schematic create --initial-labels rack=7,zone=a --bootloader uefi
      omni-api schematic create --overlay rpi_generic --overlay-image siderolabs/sbc-raspberrypi
      omni-api schematic create --raw schematic.yaml --talos-version 1.13.8
    """
    if raw is not None:
        _alone()
        made = session.client().management.create_schematic_from_raw(
            raw_schematic=bytes_of(raw), talos_version=said["talos_version"].removeprefix("v")
        )
    else:
        if bool(overlay) != bool(overlay_image) or (overlay_options and not overlay):
            raise click.UsageError("An overlay needs both --overlay and --overlay-image.")
        options = "" if overlay_options is None else text_of(overlay_options)
        config = embedded_machine_config
        made = create_schematic(
            session,
            overlay=SchematicOverlay(name=overlay, image=overlay_image, options=options)
            if overlay
            else None,
            meta_values=dict(_meta(pair) for pair in meta),
            embedded_machine_config="" if config is None else text_of(config),
            **said,
        )
    if session.output in ("json", "yaml"):
        # The YAML of the answer stays out of it: it holds the join token.
        session.out.document(
            {"schematic_id": made.schematic_id, "grpc_tunnel_enabled": made.grpc_tunnel_enabled}
        )
    else:
        session.out.line(made.schematic_id)


def _alone() -> None:
    """Refuse options that a raw schematic would not heed."""
    context = click.get_current_context()
    for param in context.command.params:
        name = param.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in _WITH_RAW:
            raise click.UsageError(f"--raw says everything: leave {param.opts[0]} out.")


def _meta(pair: str) -> tuple[int, str]:
    key, equals, value = pair.partition("=")
    if not equals or not key.isdecimal():
        raise click.UsageError(f"--meta: {pair!r} is not KEY=VALUE with a number as key.")
    return int(key), value

"""What a schematic can be told on the command line, and the call that follows from it.

The options are those of the official tool's `download`. Names of extensions may be parts of names;
what they stand for, the server says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypedDict, TypeVar, Unpack

import click

from omni_api import (
    CreateSchematicResponse,
    SchematicBootloader,
    SchematicOverlay,
    SiderolinkGRPCTunnelMode,
)
from omni_api.cli.exits import Exit
from omni_api.cli.failures import Failure
from omni_api.cli.session import Session
from omni_api.cli.tokens import chosen, token_option

__all__ = ["LABELS", "Wishes", "create", "newest_talos", "numbers", "wishes"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

LABELS: Final = 12
"""The meta key under which a machine finds its first labels."""

# The official tool says what boots, Omni's API which loader does it.
_BOOTLOADERS: Final = {
    "auto": SchematicBootloader.AUTO,
    "dual": SchematicBootloader.DUAL,
    "uefi": SchematicBootloader.SD,
    "sd": SchematicBootloader.SD,
    "bios": SchematicBootloader.GRUB,
    "grub": SchematicBootloader.GRUB,
}
_TUNNEL: Final = {
    None: SiderolinkGRPCTunnelMode.AUTO,
    True: SiderolinkGRPCTunnelMode.ENABLED,
    False: SiderolinkGRPCTunnelMode.DISABLED,
}


class Wishes(TypedDict):
    """The values of the options that `wishes` gives to a command."""

    talos_version: str
    extensions: tuple[str, ...]
    extra_kernel_args: tuple[str, ...]
    initial_labels: tuple[str, ...]
    bootloader: str
    use_siderolink_grpc_tunnel: bool | None
    token_id: str | None
    token_name: str | None


def wishes(function: FunctionT) -> FunctionT:
    """Give a command the options that say what is in an image."""
    options = [
        click.option(
            "--talos-version",
            default="",
            help="Talos version.  [default: the newest stable one that the server offers]",
        ),
        click.option(
            "--extensions",
            multiple=True,
            metavar="NAME,...",
            help="Extensions to install; a part of a name stands for all that have it.",
        ),
        click.option(
            "--extra-kernel-args", multiple=True, metavar="ARG", help="A further kernel argument."
        ),
        click.option(
            "--initial-labels",
            multiple=True,
            metavar="KEY=VALUE,...",
            help="Labels that machines have from the start.",
        ),
        click.option(
            "--bootloader",
            type=click.Choice(list(_BOOTLOADERS)),
            default="auto",
            show_default=True,
            help="Boot loader of the image.",
        ),
        click.option(
            "--use-siderolink-grpc-tunnel/--no-use-siderolink-grpc-tunnel",
            default=None,
            help="Reach Omni through a gRPC tunnel instead of UDP.  [default: as the server has "
            "it]",
        ),
    ]
    function = token_option(function)
    for option in reversed(options):
        function = option(function)
    return function


def create(
    session: Session,
    *,
    media_id: str = "",
    overlay: SchematicOverlay | None = None,
    meta_values: Mapping[int, str] | None = None,
    embedded_machine_config: str = "",
    **said: Unpack[Wishes],
) -> CreateSchematicResponse:
    """Create a schematic, and say on standard error what was understood.

    Raises:
        click.UsageError: A value is malformed. Nothing was sent.
        Failure: There is no such extension or token.
        CallError: The server refused.
    """
    meta = dict(meta_values or {})
    if said["initial_labels"]:
        meta[LABELS] = _labels(_parts(said["initial_labels"]))
    version = said["talos_version"].removeprefix("v")
    extensions = _parts(said["extensions"])
    if extensions:
        version = version or newest_talos(session)
        extensions = _completed(session, extensions, version)
    tunnel = said["use_siderolink_grpc_tunnel"]
    made = session.client().management.create_schematic(
        extensions=extensions,
        extra_kernel_args=said["extra_kernel_args"],
        meta_values=meta,
        talos_version=version,
        media_id=media_id,
        siderolink_grpc_tunnel_mode=_TUNNEL[tunnel],
        join_token=chosen(session, said["token_id"], said["token_name"]),
        overlay=overlay,
        bootloader=_BOOTLOADERS[said["bootloader"]],
        embedded_machine_config=embedded_machine_config,
    )
    if tunnel is False and made.grpc_tunnel_enabled:
        session.warn("the server wants the gRPC tunnel, so machines use it all the same")
    return made


def newest_talos(session: Session) -> str:
    """Return the newest stable Talos version that the server offers, without `v`."""
    with session.client().resources.list("TalosVersions", timeout=session.patience) as releases:
        found = [
            release.id
            for release in releases
            if "-" not in release.id
            and not release.spec.get("deprecated")
            and not release.spec.get("unsupported")
        ]
    if not found:
        raise Failure("the server offers no Talos version: name one with --talos-version")
    return max(found, key=numbers)


def numbers(version: str) -> tuple[int, ...]:
    """Return a version in a form that can be compared; what follows a `-` does not count."""
    parts = version.removeprefix("v").partition("-")[0].split(".")
    return tuple(int(part) for part in parts if part.isdecimal())


def _parts(values: Sequence[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _labels(pairs: Sequence[str]) -> str:
    import yaml

    labels: dict[str, str] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if not key or "=" in value:
            raise click.UsageError(f"--initial-labels: {pair!r} is not KEY or KEY=VALUE.")
        labels[key] = value
    return yaml.safe_dump({"machineLabels": labels}, sort_keys=False, allow_unicode=True)


def _completed(session: Session, wanted: Sequence[str], version: str) -> list[str]:
    """Return the full names of extensions."""
    items = session.client().resources.get("TalosExtensions", version).spec.get("items")
    names = [str(item["name"]) for item in items] if isinstance(items, list | tuple) else []
    found: list[str] = []
    for part in wanted:
        fitting = [part] if part in names else [name for name in names if part in name]
        if not fitting:
            raise Failure(f'Talos {version} has no extension "{part}"', Exit.NOT_FOUND)
        found += fitting
    for name in dict.fromkeys(found):
        session.note(f"extension {name}")
    return list(dict.fromkeys(found))

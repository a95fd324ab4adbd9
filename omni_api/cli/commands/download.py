"""`omni-api download`: an image with which machines join, checked and resumed where it broke."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Unpack

import click

from omni_api import BootAssetKind, SavedBootAsset
from omni_api.cli import media, schematics
from omni_api.cli.media import Medium
from omni_api.cli.names import IMAGE
from omni_api.cli.options import Command
from omni_api.cli.output import Column, printable
from omni_api.cli.schematics import Wishes, wishes
from omni_api.cli.session import Session, pass_session
from omni_api.errors import StorageError

_COLUMNS: tuple[Column[Medium], ...] = (
    ("ID", lambda medium: medium.id),
    ("NAME", lambda medium: medium.name),
    ("ARCH", lambda medium: medium.architecture),
    ("PLATFORM", lambda medium: medium.platform),
    ("OVERLAY", lambda medium: medium.overlay),
)


@click.command(cls=Command)
@click.argument(
    "name", type=IMAGE, required=False, help="`iso`, or an id, name, platform or board."
)
@click.option(
    "--arch",
    type=click.Choice(["amd64", "arm64"]),
    default="amd64",
    show_default=True,
    help="Architecture, where a name has both.",
)
@wishes
@click.option("--secureboot", is_flag=True, help="Take the image that is signed for secure boot.")
@click.option(
    "--output",
    "target",
    type=click.Path(path_type=Path),
    default=".",
    show_default=True,
    help="File, or directory for a file with the usual name.",
)
@click.option("--pxe", is_flag=True, help="Print the URL for a network boot, download nothing.")
@click.option("-f", "--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--list", "listing", is_flag=True, help="List the images that the server offers.")
@pass_session
def command(
    session: Session,
    *,
    name: str | None,
    arch: str,
    secureboot: bool,
    target: Path,
    pxe: bool,
    force: bool,
    listing: bool,
    **said: Unpack[Wishes],
) -> None:
    """Download an image with which machines join Omni.

    It is checked and then appears as a whole. A download that broke off goes on where it stopped,
    if the factory allows it. Standard output gets the path of the file. Here --output is the
    official tool's; -o is the format of the answer. It needs the role Operator.

    \b
    Examples:
      omni-api download --list
      omni-api download iso --arch arm64 --output ~/images
      omni-api download aws --extensions amd-ucode --initial-labels zone=a
      omni-api download rpi_generic --talos-version 1.13.8
      omni-api download iso --pxe
    """
    with session.client().resources.list(
        "InstallationMedias", namespace="ephemeral", timeout=session.patience
    ) as stream:
        known = [Medium.of(resource) for resource in stream]
    if listing:
        session.out.show(known, _COLUMNS, name=lambda medium: medium.id)
        return
    if not name:
        raise click.UsageError("Name an image; --list shows them.")
    medium = media.found(known, name, arch)
    said["talos_version"] = said["talos_version"] or schematics.newest_talos(session)
    version = said["talos_version"]
    media.check(medium, version, secure_boot=secureboot)
    made = schematics.create(session, media_id=medium.id, **said)
    if pxe:
        script = session.client().boot_assets.url(
            made.schematic_id,
            talos_version=version,
            kind=BootAssetKind.PXE,
            platform=medium.platform,
            architecture=medium.architecture,
            secure_boot=secureboot,
        )
        if session.output in ("json", "yaml"):
            session.out.document({"url": script.url, "schematic_id": made.schematic_id})
        else:
            session.out.line(printable(script.url))
        return
    file = media.file_of(medium, target.expanduser(), version, made.schematic_id)
    _make_room(file, overwrite=force)
    session.note(f"downloading {medium.name} with Talos {version.removeprefix('v')} to {file}")
    save = partial(
        session.client().boot_assets.save,
        made.schematic_id,
        file,
        talos_version=version,
        kind=medium.kind,
        platform=medium.platform,
        architecture=medium.architecture,
        format="" if medium.kind is BootAssetKind.ISO else medium.extension,
        secure_boot=secureboot,
        overwrite=force,
    )
    _told(session, _watched(session, save))


def _make_room(file: Path, *, overwrite: bool) -> None:
    if file.exists() and not overwrite:
        raise click.UsageError(f"{file} exists already: --force replaces it.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {file.parent}: {error.strerror}") from error


def _watched(session: Session, save: Callable[..., SavedBootAsset]) -> SavedBootAsset:
    """Download with a bar on standard error."""
    from omni_api import display

    try:
        with display.bars() as show:
            return save(on_progress=show)
    except KeyboardInterrupt:
        session.note("what has come is kept; the same command goes on from there")
        raise


def _told(session: Session, saved: SavedBootAsset) -> None:
    if session.output in ("json", "yaml"):
        session.out.document(saved)
        return
    session.out.line(str(saved.path))
    verified = "fits" if saved.verified else "is not offered by the factory"
    session.note(f"{saved.size:,} bytes; the checksum {verified}; sha256 {saved.sha256}")

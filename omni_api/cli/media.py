"""Which image of the server a name means, and what its file is called: pure, as omnictl has it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import attrs

from omni_api import BootAssetKind, Resource
from omni_api.cli.exits import Exit
from omni_api.cli.failures import Failure
from omni_api.cli.schematics import numbers

__all__ = ["Medium", "check", "file_of", "found"]


@attrs.frozen(kw_only=True)
class Medium:
    """One image that the server offers.

    Attributes:
        id: What `create_schematic` takes.
        name: For people, such as `ISO (amd64)`.
        architecture: `amd64` or `arm64`.
        platform: Talos platform, such as `metal`.
        overlay: Name of the board's overlay; empty for none.
        extension: Ending of the file without the first dot, such as `raw.xz`.
        prefix: What the name of a downloaded file begins with.
        secure_boot: Whether there is one for secure boot.
        since: The first Talos version that has it; empty for all.
    """

    id: str
    name: str
    architecture: str
    platform: str
    overlay: str
    extension: str
    prefix: str
    secure_boot: bool
    since: str

    @classmethod
    def of(cls, resource: Resource) -> Medium:
        """Read the resource of a server."""
        spec = resource.spec

        def text(field: str) -> str:
            return str(spec.get(field) or "")

        return cls(
            id=resource.id,
            name=text("name"),
            architecture=text("architecture"),
            platform=text("profile"),
            overlay=text("overlay"),
            extension=text("extension"),
            prefix=text("destfileprefix"),
            secure_boot=not spec.get("nosecureboot"),
            since=text("mintalosversion"),
        )

    @property
    def kind(self) -> BootAssetKind:
        """What the image factory calls such a file."""
        return BootAssetKind.ISO if self.extension == "iso" else BootAssetKind.DISK


def found(media: Iterable[Medium], name: str, architecture: str) -> Medium:
    """Return the image of a name: its id or name, its platform, or its board.

    Raises:
        Failure: There is none, or more than one.
    """
    known = tuple(media)
    wanted = name.casefold()
    fitting = [medium for medium in known if medium.id == name]
    if not fitting:
        fitting = [medium for medium in known if _fits(medium, wanted)]
    if len(fitting) > 1:
        fitting = [medium for medium in fitting if medium.architecture == architecture]
    if not fitting:
        raise Failure(
            f'there is no image "{name}" for {architecture}; `omni-api download --list` shows all',
            Exit.NOT_FOUND,
        )
    if len(fitting) > 1:
        ids = "\n".join(f"  {medium.id}" for medium in fitting)
        raise Failure(f'"{name}" means several images, so take an id:\n{ids}', Exit.USAGE)
    return fitting[0]


def _fits(medium: Medium, wanted: str) -> bool:
    if wanted == "iso":
        return wanted in medium.name.casefold()
    return wanted in (medium.name.casefold(), medium.platform.casefold(), medium.overlay.casefold())


def check(medium: Medium, version: str, *, secure_boot: bool) -> None:
    """Refuse what there is not.

    Raises:
        Failure: The image is not there for secure boot, or not of this Talos version.
    """
    if secure_boot and not medium.secure_boot:
        raise Failure(f"{medium.name} does not support secure boot", Exit.USAGE)
    if medium.since and numbers(version) < numbers(medium.since):
        raise Failure(f"{medium.name} needs Talos {medium.since} or newer", Exit.USAGE)


def file_of(medium: Medium, output: Path, version: str, schematic_id: str) -> Path:
    """Return the file to write: the output itself, or a named file in that directory.

    As in the official tool, an output without an ending is a directory, and of an ending of two
    parts the last one stays (`.xz`).
    """
    if output.suffix and not output.is_dir():
        return output
    ending = PurePosixPath(medium.extension).suffix or f".{medium.extension}"
    return output / f"{medium.prefix}-{version}-{schematic_id[:6]}{ending}"

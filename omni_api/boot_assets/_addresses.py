"""URLs of boot assets: how they are made, what of them may be shown, and who is told a password.

Pure. The template is the image factory's; servers that know GetBootAssetURL fill it in themselves.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit, urlunsplit

import attrs

from omni_api._core import arguments
from omni_api._gen.models import BootAssetKind
from omni_api.errors import InvalidInputError

PUBLIC_FACTORY = "https://factory.talos.dev"
_SCHEMATIC = re.compile("[0-9a-f]{64}")
_VERSION = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_WORD = re.compile("[a-z][A-Za-z0-9-]*")  # `equinixMetal` is one
_FORMAT = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
_PORTS = {"http": 80, "https": 443}


@attrs.frozen(kw_only=True)
class Wish:
    """A boot asset that somebody asked for, checked."""

    schematic_id: str
    talos_version: str
    kind: BootAssetKind
    platform: str
    architecture: str
    format: str
    secure_boot: bool

    @property
    def _stem(self) -> str:
        secure = "-secureboot" if self.secure_boot else ""
        return f"{self.platform}-{self.architecture}{secure}"

    @property
    def _extension(self) -> str:
        return {BootAssetKind.ISO: ".iso", BootAssetKind.DISK: f".{self.format}"}.get(self.kind, "")

    @property
    def _version(self) -> str:
        return f"v{self.talos_version.removeprefix('v')}"

    @property
    def name(self) -> str:
        """What the file is called: as `omnictl download` does, with the factory's name in front."""
        return f"{self._stem}-{self._version}-{self.schematic_id[:6]}{self._extension}"

    def url(self, factory: str, pxe_factory: str) -> str:
        """Return the URL at a factory."""
        if self.kind is BootAssetKind.PXE:
            return f"{_base(pxe_factory)}/pxe/{self.schematic_id}/{self._version}/{self._stem}"
        file = f"{self._stem}{self._extension}"
        return f"{_base(factory)}/image/{self.schematic_id}/{self._version}/{file}"


def wish(
    schematic_id: str,
    *,
    talos_version: str,
    kind: BootAssetKind,
    platform: str,
    architecture: str,
    format: str,
    secure_boot: bool,
) -> Wish:
    """Check the arguments and return the wish.

    Raises:
        InvalidInputError: One of them cannot be part of a URL of the factory.
    """
    for name, value, form, like in (
        ("schematic_id", schematic_id, _SCHEMATIC, "64 hexadecimal digits"),
        ("talos_version", talos_version, _VERSION, "a version such as 1.13.8"),
        ("platform", platform, _WORD, "a platform such as metal or aws"),
        ("architecture", architecture, re.compile("amd64|arm64"), "amd64 or arm64"),
    ):
        if not form.fullmatch(arguments.text(name, value)):
            raise InvalidInputError(f"{name} must be {like}, not {value!r}")
    if kind not in (BootAssetKind.ISO, BootAssetKind.DISK, BootAssetKind.PXE):
        raise InvalidInputError(f"kind must be BootAssetKind.ISO, DISK or PXE, not {kind!r}")
    if kind is BootAssetKind.DISK and not _FORMAT.fullmatch(arguments.text("format", format)):
        raise InvalidInputError(
            f"format must be that of a disk image, such as raw.zst or qcow2, not {format!r}"
        )
    if kind is not BootAssetKind.DISK and format:
        raise InvalidInputError(f"format is for kind=BootAssetKind.DISK alone, but is {format!r}")
    return Wish(
        schematic_id=schematic_id,
        talos_version=talos_version,
        kind=BootAssetKind(kind),
        platform=platform,
        architecture=architecture,
        format=format,
        secure_boot=arguments.boolean("secure_boot", secure_boot),
    )


def _base(factory: str) -> str:
    return factory.rstrip("/")


def pxe_factory(factory: str) -> str:
    """Return where a factory serves its iPXE scripts, where nobody says it: `pxe.` and its host."""
    scheme, _, rest = factory.partition("://")
    return f"{scheme}://pxe.{rest}"


def shown(url: str) -> str:
    """Return a URL without what may be secret: a password in it, or a signature behind it."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port: what a browser calls the same site."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def without_password(url: str, headers: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """Move credentials from a URL into the header that HTTP has for them."""
    parts = urlsplit(url)
    credentials, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, headers
    basic = base64.b64encode(unquote(credentials).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {basic}"} | dict(
        headers
    )


def beside(url: str, ending: str) -> str:
    """Return the URL of a file beside another: `…/metal-amd64.iso.sha256`."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path + ending))

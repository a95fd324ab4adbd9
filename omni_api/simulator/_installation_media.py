"""What an image factory can build for the simulated Omni: installation media and extensions.

Names, ids and file endings are those of a real Omni; of its boards and extensions there are a few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omni_api.simulator._resource import Resource

if TYPE_CHECKING:
    from omni_api.simulator._state import Omni

_SUFFIX = ".omni.sidero.dev"
_CONTENT = {"gz": "application/gzip", "xz": "application/x-xz", "iso": "application/x-iso-stream"}

# Name, platform, ending of the file. There is each for both architectures.
_IMAGES = (
    ("ISO", "metal", "iso"),
    ("Generic image", "metal", "raw.xz"),
    ("Akamai", "akamai", "raw.gz"),
    ("AWS AMI", "aws", "raw.xz"),
    ("Azure", "azure", "vhd.xz"),
    ("Digital Ocean", "digital-ocean", "raw.gz"),
    ("GCP", "gcp", "raw.tar.gz"),
    ("Hetzner Cloud", "hcloud", "raw.xz"),
    ("Equinix Metal", "equinixMetal", "raw.xz"),
    ("NoCloud", "nocloud", "raw.xz"),
    ("OpenStack", "openstack", "raw.xz"),
    ("Oracle", "oracle", "qcow2.xz"),
    ("Scaleway", "scaleway", "raw.xz"),
    ("Upcloud", "upcloud", "raw.xz"),
    ("VMWare", "vmware", "ova"),
    ("Vultr", "vultr", "raw.xz"),
)
# Name, overlay, the image that it is in, the first Talos that has it.
_BOARDS = (
    ("Raspberry Pi Series", "rpi_generic", "siderolabs/sbc-raspberrypi", "1.7.0"),
    ("Rock64", "rock64", "siderolabs/sbc-rockchip", "1.7.0"),
    ("Radxa ROCK PI 4C", "rockpi_4c", "siderolabs/sbc-rockchip", "1.7.0"),
    ("Turing RK1", "turingrk1", "siderolabs/sbc-rockchip", "1.9.0"),
)
_EXTENSIONS = (
    "amd-ucode",
    "gvisor",
    "hello-world-service",
    "i915",
    "intel-ucode",
    "iscsi-tools",
    "qemu-guest-agent",
    "tailscale",
    "util-linux-tools",
)

MEDIA: dict[str, dict[str, Any]] = {
    f"{platform}-{architecture}.{extension}": {
        "name": f"{name} ({architecture})",
        "architecture": architecture,
        "profile": platform,
        "contentType": _CONTENT.get(extension.rpartition(".")[2], "application/ovf"),
        "dest_file_prefix": f"{platform}-{architecture}-omni-",
        "extension": extension,
    }
    for name, platform, extension in _IMAGES
    for architecture in ("amd64", "arm64")
} | {
    f"{overlay}.raw.xz": {
        "name": name,
        "architecture": "arm64",
        "profile": "metal",
        "contentType": _CONTENT["xz"],
        "dest_file_prefix": f"metal-{overlay}-omni-",
        "extension": "raw.xz",
        "no_secure_boot": True,
        "overlay": overlay,
        "min_talos_version": since,
    }
    for name, overlay, _, since in _BOARDS
}
"""The specs of the media by their ids, but for the name of the account in their files."""

OVERLAYS = {
    f"{overlay}.raw.xz": {"image": image, "name": overlay} for _, overlay, image, _ in _BOARDS
}
"""What media for boards bring into a schematic."""


def installation_media(omni: Omni, id_: str) -> Resource:
    spec = MEDIA[id_]
    return Resource(
        type="InstallationMedias" + _SUFFIX,
        id=id_,
        namespace="ephemeral",
        owner="InstallationMediaController",
        created=omni.fleet.created,
        spec=spec | {"dest_file_prefix": spec["dest_file_prefix"] + omni.account},
    )


def talos_extensions(omni: Omni, id_: str) -> Resource:
    items = [
        {
            "name": f"siderolabs/{name}",
            "author": "Sidero Labs",
            "version": f"v{id_}",
            "description": f"The extension {name}.",
            "ref": f"ghcr.io/siderolabs/{name}:v{id_}",
        }
        for name in _EXTENSIONS
    ]
    return Resource(
        type="TalosExtensions" + _SUFFIX,
        id=id_,
        owner="TalosExtensionsController",
        created=omni.fleet.created,
        spec={"items": items},
    )

"""The Talos and Kubernetes releases that the simulated Omni tracks, and how they compare."""

from __future__ import annotations

import re

import attrs


@attrs.frozen
class TalosRelease:
    """One Talos version as Omni tracks it."""

    version: str
    kubernetes: tuple[str, ...]
    upgrades: tuple[str, ...]
    """Versions a machine may move to from here, older ones of the same minor included."""
    unsupported: bool = False


_K8S = ("1.33.9", "1.34.4", "1.34.6", "1.35.5", "1.35.6", "1.35.7", "1.36.1", "1.36.2", "1.36.3")

TALOS_RELEASES = {
    release.version: release
    for release in (
        TalosRelease("1.9.6", ("1.32.4",), ("1.10.7",), unsupported=True),
        TalosRelease("1.10.7", _K8S[:1], ("1.11.5", "1.12.8", "1.12.11")),
        TalosRelease(
            "1.11.5", _K8S[:3], ("1.10.7", "1.12.8", "1.12.11", "1.13.6", "1.13.7", "1.13.8")
        ),
        TalosRelease("1.12.8", _K8S[:6], ("1.11.5", "1.12.11", "1.13.6", "1.13.7", "1.13.8")),
        TalosRelease("1.12.11", _K8S[:6], ("1.11.5", "1.12.8", "1.13.6", "1.13.7", "1.13.8")),
        TalosRelease("1.13.6", _K8S, ("1.12.8", "1.12.11", "1.13.7", "1.13.8")),
        TalosRelease("1.13.7", _K8S, ("1.12.8", "1.12.11", "1.13.6", "1.13.8")),
        TalosRelease("1.13.8", _K8S, ("1.12.8", "1.12.11", "1.13.6", "1.13.7")),
    )
}
KUBERNETES_VERSIONS = _K8S
DEFAULT_TALOS = "1.13.8"

_SEMVER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")


def minor(version: str) -> tuple[int, int]:
    """`1.13.8` -> (1, 13)."""
    major, minor_, *_ = version.removeprefix("v").split(".")
    return int(major), int(minor_)


def is_semver(version: str) -> bool:
    return _SEMVER.fullmatch(version) is not None

"""What is known of a boot asset before and after its download."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from omni_api._core.values import redacted
from omni_api.boot_assets._addresses import shown
from omni_api.rows import Value

__all__ = ["BootAsset", "SavedBootAsset"]


@attrs.frozen(kw_only=True)
class BootAsset(Value):
    """Where a boot asset is found.

    Attributes:
        url: URL of the asset, or of the iPXE script. It can hold credentials of the factory.
        headers: HTTP headers to send with the download, such as `Authorization`. Usually empty.
        name: What to call the file, for example `metal-amd64-v1.13.8-376567.iso`: what it is, the
            Talos version, and the first digits of the schematic.
        storage_key: Key under which a cache can keep the asset; empty where the server is too old
            to say one.
    """

    url: str = attrs.field(repr=shown)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=redacted, hash=False)
    name: str
    storage_key: str = ""


@attrs.frozen(kw_only=True)
class SavedBootAsset(Value):
    """A boot asset that was downloaded and saved.

    Attributes:
        path: The file, as an absolute path.
        size: Its size in bytes.
        sha256: Its hash, in hexadecimal digits.
        resumed_bytes: How many of the bytes an earlier, interrupted download had left.
        verified: Whether the factory offered a SHA-256, which fits. The public factory offers none.
    """

    path: Path
    size: int
    sha256: str
    resumed_bytes: int = 0
    verified: bool = False

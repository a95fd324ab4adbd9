"""Boot assets of the image factory: where one is found, and its checked, resumable download."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from omni_api import _disk
from omni_api._core import arguments
from omni_api._core.durations import UNSET, Timeout, Unset, to_seconds
from omni_api._core.steps import Steps, now, run
from omni_api._gen.models import BootAssetKind
from omni_api.boot_assets import BootAsset, SavedBootAsset
from omni_api.boot_assets._addresses import wish
from omni_api.boot_assets._downloading import Download
from omni_api.boot_assets._locating import located
from omni_api.errors import InvalidInputError
from omni_api.progress import Progress


def url(
    schematic_id: str,
    *,
    talos_version: str,
    kind: BootAssetKind = BootAssetKind.ISO,
    platform: str = "metal",
    architecture: str = "amd64",
    format: str = "",
    secure_boot: bool = False,
    standalone_url: bool = False,
    timeout: Timeout = UNSET,
) -> Steps[BootAsset]:
    """Find a boot asset: its URL, and the headers to fetch it with.

    Servers up to Omni 1.10 do not know the call for it. Then the URL is made as the official tool
    makes it, at the image factory that the server names.

    Args:
        schematic_id: Id of the schematic, 64 hexadecimal digits, as `create_schematic` returns it.
        talos_version: Talos version, with or without `v`.
        kind: `ISO`, `DISK` for a disk image, or `PXE` for the script of a network boot.
        platform: Talos platform, for example `metal`, `aws` or `nocloud`.
        architecture: `amd64` or `arm64`.
        format: Format of a disk image, for example `raw.zst` or `qcow2`; for `DISK` alone.
        secure_boot: Whether the asset is signed for secure boot.
        standalone_url: Whether credentials of the factory, if it needs any, stand in the URL
            instead of the headers.
        timeout: Seconds or timedelta for each call, None for no limit. Default: the client's
            timeout.

    Returns:
        Where the asset is, and what its file is called. Its repr shows no credentials.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        PermissionDeniedError: The role is not one of `InfraProvider`, `Operator` and `Admin`; for
            older servers it is below `Reader`.
        CallError: The server refused for another reason.

    Example:
        >>> empty = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
        >>> asset = omni.boot_assets.url(empty, talos_version="1.13.8")
        >>> asset.name
        'metal-amd64-v1.13.8-376567.iso'
        >>> asset.url.partition("/image/")[2]
        '376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba/v1.13.8/metal-amd64.iso'
    """
    wanted = wish(
        schematic_id,
        talos_version=talos_version,
        kind=kind,
        platform=platform,
        architecture=architecture,
        format=format,
        secure_boot=secure_boot,
    )
    arguments.boolean("standalone_url", standalone_url)
    limit = timeout if timeout is None or isinstance(timeout, Unset) else _seconds(timeout)
    return located(wanted, standalone=standalone_url, timeout=limit)


def save(
    schematic_id: str,
    path: Path | str | None = None,
    *,
    talos_version: str,
    kind: BootAssetKind = BootAssetKind.ISO,
    platform: str = "metal",
    architecture: str = "amd64",
    format: str = "",
    secure_boot: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    overwrite: bool = False,
    timeout: Timeout = UNSET,
) -> Steps[SavedBootAsset]:
    """Download a boot asset from the image factory and save it as a file.

    The file appears whole or not at all, and only you can read it: a schematic may carry a join
    token. Its length is compared with the one that the factory announced, and its SHA-256 with the
    one that the factory offers, if it does: in a header, or in a file `.sha256` beside it, as the
    enterprise edition has it.

    A broken connection is tried again as the client's `retry` says. What has come lies beside the
    target in `.NAME.part`, also after the process ended, and the next download of the same asset
    to the same place goes on with it, if the factory's storage tells by a validator that it is
    still the same file. If not, it starts over.

    Args:
        schematic_id: Id of the schematic, 64 hexadecimal digits, as `create_schematic` returns it.
        path: File to write, or a directory for a file called like
            `metal-amd64-v1.13.8-376567.iso`; `~` is your home. Default: the current directory.
        talos_version: Talos version, with or without `v`.
        kind: `ISO`, or `DISK` for a disk image.
        platform: Talos platform, for example `metal`, `aws` or `nocloud`.
        architecture: `amd64` or `arm64`.
        format: Format of a disk image, for example `raw.zst` or `qcow2`; for `DISK` alone.
        secure_boot: Whether the asset is signed for secure boot.
        on_progress: Called five times a second or more, and at the end, for example
            `display.bars()`. With the asyncio client it is called in the event loop.
        overwrite: Whether to replace a file that is there already.
        timeout: Seconds or timedelta for everything, None for no limit (the default). The factory
            may take minutes to build an image that it is asked for first.

    Returns:
        The saved file: where it is, its size and hash, and how much of it was there before.

    Raises:
        InvalidInputError: The file is there already, its directory cannot be written to, or
            another argument is malformed. Nothing was sent.
        AssetNotFoundError: The factory has no such asset.
        DownloadError: The factory refused, or the connection broke too often.
        DamagedDownloadError: What came does not fit its checksum, and was removed.
        StorageError: The file could not be written: the disk is full, or another download of it
            is running.
        DeadlineExceededError: The timeout passed. What has come is kept.
        PermissionDeniedError: The role is not one of `InfraProvider`, `Operator` and `Admin`; for
            older servers it is below `Reader`.
        CallError: The server refused for another reason.

    Example:
        >>> import tempfile
        >>> empty = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     saved = omni.boot_assets.save(empty, directory, talos_version="1.13.8")
        ...     saved.path.name, saved.path.stat().st_size == saved.size
        ('metal-amd64-v1.13.8-376567.iso', True)
    """
    wanted = wish(
        schematic_id,
        talos_version=talos_version,
        kind=kind,
        platform=platform,
        architecture=architecture,
        format=format,
        secure_boot=secure_boot,
    )
    if wanted.kind is BootAssetKind.PXE:
        raise InvalidInputError(
            "kind must be BootAssetKind.ISO or DISK: machines fetch the script of a network boot "
            "themselves, from the URL that boot_assets.url() returns"
        )
    named = None if path is None else _disk.named(path)
    arguments.function("on_progress", on_progress)
    arguments.boolean("overwrite", overwrite)
    limit = None if timeout is None or isinstance(timeout, Unset) else _seconds(timeout)

    def steps() -> Steps[SavedBootAsset]:
        place = partial(_disk.place, named or os.curdir, wanted.name, overwrite=overwrite)
        target = yield from run(place)
        began = (yield from now()).monotonic
        asset = yield from located(
            wanted, standalone=False, timeout=UNSET if limit is None else limit
        )
        download = Download(
            asset=asset,
            target=target,
            overwrite=overwrite,
            deadline=None if limit is None else began + limit,
            watch=on_progress,
        )
        return (yield from download.steps())

    return steps()


def _seconds(timeout: Timeout) -> float:
    return to_seconds("timeout", timeout)  # type: ignore[arg-type]

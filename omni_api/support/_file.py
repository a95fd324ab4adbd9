"""The file of a support bundle: where it may appear, whether it is whole, how it is written.

A file is written aside and appears whole or not at all. When that happens is decided in
`_collecting.py`.
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
import zipfile
from pathlib import Path

from omni_api._disk import Aside, expanded, sweep, telling
from omni_api.errors import DamagedBundleError, InvalidInputError
from omni_api.support._reader import AGE, UNREADABLE

_HEADER_END = b"\n--- "


def place(path: str, name: str, *, overwrite: bool) -> Path:
    """Return the file to write, after a proof that one can be written there.

    What an earlier save left that was killed is removed.

    Args:
        path: The file, or a directory.
        name: What the file is called in a directory.
        overwrite: Whether there may be such a file already.

    Raises:
        InvalidInputError: It is there, `~user` is no user, or its directory is not there or cannot
            be written to.
    """
    try:
        target = expanded(path).absolute()
        if target.is_dir():
            target /= name
        elif path.endswith((os.sep, "/")):
            raise InvalidInputError(f"path must be a file or a directory that exists, not {path!r}")
        if target.is_dir():
            raise InvalidInputError(f"path must be a file, and {target} is a directory")
        if not overwrite and os.path.lexists(target):
            raise InvalidInputError(
                f"{target} exists; pass overwrite=True to replace it, or another path"
            )
        # Permissions, quotas and read-only mounts: only the attempt tells.
        sweep(target.parent, glob.escape(target.name))
        Aside(target.parent, target.name).discard()
    except OSError as error:
        raise InvalidInputError(
            f"path must be in a directory that can be written to, not in {target.parent}: "
            f"{error.strerror or error}"
        ) from error
    return target


def check(data: bytes, *, encrypted: bool) -> None:
    """Refuse a bundle that is not whole, or not what was asked for.

    Raises:
        DamagedBundleError: It is no ZIP, its contents do not fit their checksums, or it is
            encrypted where it should not be, or the reverse.
    """
    size = f"{len(data):,} bytes"
    if data.startswith(AGE) != encrypted:
        kind = "encrypted with age, which was not asked for" if not encrypted else "not encrypted"
        raise DamagedBundleError(f"the bundle ({size}) is {kind}; nothing was written")
    if encrypted:
        if _HEADER_END not in data:
            raise DamagedBundleError(f"the encrypted bundle is cut off after {size}")
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            damaged = bundle.testzip()
    except UNREADABLE as error:
        raise DamagedBundleError(
            f"the bundle ({size}) is no ZIP that can be read: {error}; nothing was written"
        ) from error
    if damaged is not None:
        raise DamagedBundleError(
            f"{damaged!r} in the bundle ({size}) does not fit its checksum; nothing was written"
        )


def is_empty(data: bytes) -> bool:
    """Whether a bundle is a ZIP without files; one that cannot be read is left to `check`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            return not bundle.namelist()
    except UNREADABLE:
        return False


def save(target: Path, data: bytes, *, overwrite: bool) -> str:
    """Write the file, readable by its owner alone, and return its SHA-256.

    It is on the disk before it has its name, so that no crash leaves half of it under that name.

    Raises:
        StorageError: The disk is full, or there is a file of that name by now.
    """
    with telling("write", target):
        aside = Aside(target.parent, target.name)
        try:
            aside.file.write(data)
            aside.publish(target, overwrite=overwrite)
        finally:
            aside.discard()
    return hashlib.sha256(data).hexdigest()

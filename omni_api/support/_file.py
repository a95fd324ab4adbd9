"""The file of a support bundle: whether it is whole, how it is written.

A file is written aside and appears whole or not at all. When that happens is decided in
`_collecting.py`.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from omni_api._disk import Aside, telling
from omni_api.errors import DamagedBundleError
from omni_api.support._reader import AGE, UNREADABLE

_HEADER_END = b"\n--- "


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

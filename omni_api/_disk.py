"""Files of this machine: what `~` means, and what they need to outlive a power cut."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from omni_api.errors import InvalidInputError


def expanded(path: str | Path) -> Path:
    """Return a path with the home directory in place of `~` and `~user`.

    Raises:
        InvalidInputError: There is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InvalidInputError(f"path must begin with a home that exists, not {path}") from error


def sync_directory(path: Path) -> None:
    """Put new names in a directory onto the disk."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""What files need to outlive a power cut, beyond being written."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def sync_directory(path: Path) -> None:
    """Put new names in a directory onto the disk."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""A file of an export on its way: written aside, and hashed as it is written.

Where a finished file goes is decided by `store.py`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from omni_api._disk import Aside, telling

LABELS: Final = "audit-log-*"
"""Pattern of the labels of files that are being written."""


class Part:
    """A file on its way into a store.

    Only its owner can read it, since an audit log holds join tokens.
    """

    def __init__(self, directory: Path | None, label: str) -> None:
        self._aside = Aside(directory, f"audit-log-{label}")
        self.path = self._aside.path
        self.size = 0
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The hash of what was written so far."""
        return self._hash.hexdigest()

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._aside.file.closed

    def write(self, data: bytes) -> int:
        """Append bytes; what was discarded takes them and forgets them.

        Compressors write their last bytes when they are closed, which may be later.
        """
        if self.closed:
            return len(data)
        with telling("write", self.path):
            self._aside.file.write(data)
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        """Return how much was written."""
        return self.size

    def flush(self) -> None:
        """Do nothing; `sync` does it once, in the end."""

    def sync(self) -> None:
        """Put everything onto the disk."""
        self._aside.sync()

    def publish(self, target: Path) -> None:
        """Let it be a file of the directory that it was begun in."""
        self._aside.publish(target)

    def discard(self) -> None:
        """Remove the file, if it was not published."""
        self._aside.discard()

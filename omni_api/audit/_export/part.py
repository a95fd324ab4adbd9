"""A file that is written aside, hashed on the way, and locked for as long as somebody writes it.

The lock tells a file that is being written from one that a killed process left. Where a finished
file goes is decided by `store.py`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from omni_api.errors import StorageError

PARTS: Final = ".audit-log-*.part"
"""Pattern of the names of files that are being written."""


class Part:
    """A file on its way into a store. It is hashed as it is written.

    Only its owner can read it, since an audit log holds join tokens.
    """

    def __init__(self, directory: Path | None, label: str) -> None:
        descriptor, self.path = _created(directory, label)
        self.size = 0
        self._hash = hashlib.sha256()
        self._file = os.fdopen(descriptor, "wb")

    @property
    def sha256(self) -> str:
        """The hash of what was written so far."""
        return self._hash.hexdigest()

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._file.closed

    def write(self, data: bytes) -> int:
        """Append bytes; what was discarded takes them and forgets them.

        Compressors write their last bytes when they are closed, which may be later.
        """
        if self.closed:
            return len(data)
        with telling("write", self.path):
            self._file.write(data)
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
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; what it was called may be another file's name by now."""
        self._file.close()

    def discard(self) -> None:
        """Remove the file, if it was not published."""
        if not self.closed:
            # A full disk refuses even what is still to be flushed.
            with contextlib.suppress(OSError):
                self._file.close()
            with contextlib.suppress(OSError):
                self.path.unlink()


@contextlib.contextmanager
def telling(what: str, path: str | Path) -> Iterator[None]:
    """Name the path in errors of the file system, whichever library raises them."""
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        raise StorageError(f"cannot {what} {path}: {words(error)}", path=str(path)) from error


def words(error: BaseException) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _created(directory: Path | None, label: str) -> tuple[int, Path]:
    """Create a file to write aside, and lock it."""
    descriptor, path = tempfile.mkstemp(".part", f".audit-log-{label}.", directory)
    if not lock(descriptor):
        # Somebody who removes what was left behind was faster, so it may be gone.
        os.close(descriptor)
        Path(path).unlink(missing_ok=True)
        descriptor, path = tempfile.mkstemp(".part", f".audit-log-{label}.", directory)
        lock(descriptor)
    return descriptor, Path(path)


def lock(descriptor: int) -> bool:
    """Take a file for ours until it is closed; False where somebody else has it."""
    if sys.platform == "win32":
        return True  # and what somebody has open cannot be removed
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

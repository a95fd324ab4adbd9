"""Files of this machine: what `~` means, where one may be written, how it appears whole.

A file is written aside, and locked for as long as somebody writes it. Then it is put onto the disk,
gets its name, and its directory is synced. The lock tells it from what a killed process left.
"""

from __future__ import annotations

import contextlib
import glob
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from omni_api.errors import InvalidInputError, StorageError


def named(path: str | os.PathLike[str], *, form: str = "a file or a directory") -> str:
    """Return a path as a text that a file system could have.

    Raises:
        InvalidInputError: It is none.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    if not isinstance(text, str) or not text or "\0" in text:
        raise InvalidInputError(f"path must be {form}, not {path!r}")
    return text


def expanded(path: str | Path) -> Path:
    """Return a path with the home directory in place of `~` and `~user`.

    Raises:
        InvalidInputError: There is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InvalidInputError(f"path must begin with a home that exists, not {path}") from error


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


class Aside:
    """A file that is written aside, readable by its owner alone.

    Args:
        directory: Where to; None for that of temporary files.
        label: What its name begins with, for `sweep`.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, directory: Path | None, label: str) -> None:
        descriptor, self.path = _created(directory, label)
        self.file: BinaryIO = os.fdopen(descriptor, "wb")
        self._there = True

    def sync(self) -> None:
        """Put everything that was written onto the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def publish(self, target: Path, *, overwrite: bool = True) -> None:
        """Give it its name, in the same directory; when this returns, it outlives a power cut.

        Raises:
            FileExistsError: There is such a file, which may not be replaced.
            OSError: The disk is full, for example; `target` is as it was.
        """
        self.sync()
        if sys.platform == "win32":
            self.file.close()  # what is open keeps its name there
        if overwrite or not self._linked(target):
            self.path.replace(target)
            self._there = False  # its name may be another file's by now
        self.discard()
        sync_directory(target.parent)

    def discard(self) -> None:
        """Close it, and remove it if it has not become another file."""
        # A full disk refuses even what is still to be flushed.
        with contextlib.suppress(OSError):
            self.file.close()
        if self._there:
            self._there = False
            with contextlib.suppress(OSError):
                self.path.unlink()

    def _linked(self, target: Path) -> bool:
        """Give the file a second name, never that of another; False where there are no links."""
        try:
            # A rename would replace what somebody else has saved meanwhile.
            os.link(self.path, target)
        except FileExistsError:
            raise
        except OSError:
            if os.path.lexists(target):
                raise
            return False
        return True


_RANDOM = "[a-z0-9_]" * 8
"""What `tempfile` puts into a name. `*` would be an ending, too: `disk.raw` and `disk.raw.zst`."""


def sweep(directory: Path, label: str) -> None:
    """Remove what writers left that were killed: files aside that nobody has locked.

    Args:
        directory: Where they are.
        label: Pattern of their labels.
    """
    for path in directory.glob(f".{label}.{_RANDOM}.part"):
        with contextlib.suppress(OSError), path.open("rb+") as file:
            if lock(file.fileno()):
                path.unlink()


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


def sync_directory(path: Path) -> None:
    """Put new names in a directory onto the disk."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def telling(what: str, path: str | Path, catching: type[Exception] = OSError) -> Iterator[None]:
    """Name the path in errors of the file system; other libraries than Python's raise any."""
    try:
        yield
    except StorageError:
        raise
    except catching as error:
        raise StorageError(f"cannot {what} {path}: {words(error)}", path=str(path)) from error


def words(error: BaseException) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _created(directory: Path | None, label: str) -> tuple[int, Path]:
    """Create a file to write aside, and lock it."""
    descriptor, path = tempfile.mkstemp(".part", f".{label}.", directory)
    if not lock(descriptor):
        # Somebody who removes what was left behind was faster, so it may be gone.
        os.close(descriptor)
        Path(path).unlink(missing_ok=True)
        descriptor, path = tempfile.mkstemp(".part", f".{label}.", directory)
        lock(descriptor)
    return descriptor, Path(path)

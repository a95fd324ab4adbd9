"""Disks with faults that are real: full, read-only, or another user's."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

_ROOM = 64 * 1024
_NOBODY = 65_534


@contextlib.contextmanager
def _mounted(directory: Path, options: str) -> Iterator[None]:
    """Mount a file system of its own on a directory, where that is allowed."""
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(directory)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield
    finally:
        # Refused while something is still open there.
        subprocess.run(["umount", str(directory)], check=True)


def full_disk(directory: Path) -> AbstractContextManager[None]:
    """Leave room for 64 KiB in a directory."""
    return _mounted(directory, f"size={_ROOM}")


def make_room(directory: Path) -> None:
    """Make a full disk larger."""
    subprocess.run(["mount", "-o", "remount,size=16m", str(directory)], check=True)


def read_only_disk(directory: Path) -> AbstractContextManager[None]:
    """Let nobody write to a directory, root included."""
    return _mounted(directory, "size=1m,ro")


@contextlib.contextmanager
def limited_files(directory: Path) -> Iterator[None]:
    """Let no file grow beyond 64 KiB, whatever the directory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """Let rights of files bind whoever is root, too, by being nobody."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@contextlib.contextmanager
def foreign_directory(directory: Path) -> Iterator[None]:
    """Take the right to write."""
    directory.chmod(0o555)
    try:
        with without_rights():
            yield
    finally:
        directory.chmod(0o755)


Disk = Callable[[Path], AbstractContextManager[None]]

DISKS: dict[str, tuple[Disk, str]] = {
    "a full disk": (full_disk, "No space left on device"),
    "a limit for files": (limited_files, "File too large"),
    "a read-only disk": (read_only_disk, "Read-only file system"),
    "a directory of another user": (foreign_directory, "Permission denied"),
}
"""With the words of the system for what they do."""

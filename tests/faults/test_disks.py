"""Disks that are full and directories that must not be written to: no half file, and a clear error.

The faults are real: a file system of 64 KiB, a limit for the size of files, a directory of
another user.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from operations import WRITING, Operation

from omni_api import OmniError
from omni_api.simulator import Simulator

_ROOM = 64 * 1024
_NOBODY = 65_534
_TEMPORARY = Path(tempfile.gettempdir())


def mount(directory: Path, options: str) -> None:
    """Mount a small file system on a directory, if that is allowed here."""
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(directory)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")


@contextlib.contextmanager
def full_disk(directory: Path) -> Iterator[None]:
    mount(directory, f"size={_ROOM}")
    try:
        yield
        assert not list(directory.iterdir())
    finally:
        # Refused while something is still open there.
        subprocess.run(["umount", str(directory)], check=True)


@contextlib.contextmanager
def read_only_disk(directory: Path) -> Iterator[None]:
    mount(directory, "size=1m,ro")
    try:
        yield
    finally:
        subprocess.run(["umount", str(directory)], check=True)


@contextlib.contextmanager
def limited_files(directory: Path) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def foreign_directory(directory: Path) -> Iterator[None]:
    """Be nobody, where one is root: root may write everywhere."""
    directory.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        directory.chmod(0o755)


Disk = Callable[[Path], AbstractContextManager[None]]
DISKS: dict[str, tuple[Disk, str]] = {
    "a full disk": (full_disk, "No space left on device"),
    "a limit for files": (limited_files, "File too large"),
    "a read-only disk": (read_only_disk, "Read-only file system"),
    "a directory of another user": (foreign_directory, "Permission denied"),
}


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that every user can reach."""
    made = Path(tempfile.mkdtemp(dir=_TEMPORARY))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("operation", WRITING.values(), ids=list(WRITING))
@pytest.mark.parametrize(("disk", "words"), DISKS.values(), ids=list(DISKS))
def test_a_file_that_cannot_be_written_leaves_nothing_and_names_the_cause(
    omni: Any,
    simulator: Simulator,
    tmp_path: Path,
    directory: Path,
    operation: Operation,
    disk: Disk,
    words: str,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # Once where there is room: it is this disk that fails, and everything is imported.
    operation(omni, simulator, elsewhere)
    with disk(directory), pytest.raises(OmniError, match=words) as caught:
        operation(omni, simulator, directory)
    assert str(directory) in str(caught.value)
    assert not list(directory.iterdir())
    # And with room again it succeeds, as if nothing had been.
    operation(omni, simulator, directory)
    assert {path.name for path in directory.iterdir()} == {
        path.name for path in elsewhere.iterdir()
    }

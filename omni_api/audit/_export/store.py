"""Where the files of an export are kept: a local directory, or a URL that fsspec understands.

A file is written aside and appears whole or not at all. What the files are, and in which order
they are written, is decided elsewhere.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

import attrs

from omni_api._disk import expanded, sweep, telling, words
from omni_api.audit._export.part import LABELS, Part
from omni_api.audit._export.remote import remote
from omni_api.errors import InvalidInputError, UnsentError


class Store(Protocol):
    """A flat directory of files."""

    @property
    def place(self) -> str:
        """What to call it in messages."""

    @property
    def filesystem(self) -> object | None:
        """The file system of fsspec; None for this machine's own."""

    def url(self, name: str) -> str:
        """Return what other libraries find a file by."""

    def prepare(self) -> None:
        """Make it if it is not there, and refuse if nothing can be written to it."""

    def sizes(self) -> dict[str, int]:
        """Return the names of its files, with their sizes."""

    def open(self, name: str) -> BinaryIO:
        """Open a file to read it."""

    def stage(self, label: str) -> Part:
        """Begin a file."""

    def publish(self, part: Part, name: str) -> None:
        """Give a file its name; what had the name before is replaced."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""


def store(directory: str | Path, options: Mapping[str, object] | None = None) -> Store:
    """Return the store at a path or URL; nothing is looked at yet.

    Args:
        directory: Path of a directory, or a URL such as `s3://bucket/prefix`.
        options: What fsspec passes to the file system of a URL.

    Raises:
        InvalidInputError: It is neither, options were given for a path, or `~user` is no user.
        MissingLibraryError: It is a URL, and fsspec or what it needs for this kind of URL is not
            installed.
        UnsentError: Its file system connects at once, and cannot.
    """
    if not isinstance(directory, str | Path) or not str(directory):
        raise InvalidInputError(f"directory must be a path or a URL, not {directory!r}")
    # Also S3://, which fsspec refuses, and simplecache::s3://: a copy must not end up in a
    # directory of such a name.
    if isinstance(directory, str) and "://" in directory.removeprefix("file://"):
        return remote(directory, options or {})
    if options:
        raise InvalidInputError(f"storage_options are for URLs, and {directory} is a path")
    return _Local(expanded(str(directory).removeprefix("file://")))


def read(place: Store, name: str) -> bytes:
    """Return the contents of a small file."""
    with place.open(name) as file, telling("read", f"{place.place}/{name}", Exception):
        return file.read()


def write(place: Store, name: str, data: bytes) -> None:
    """Write a small file."""
    part = place.stage("manifest")
    try:
        part.write(data)
        place.publish(part, name)
    finally:
        part.discard()


@attrs.frozen
class _Local:
    """A directory of this machine. Files are on the disk before they have their name."""

    directory: Path

    @property
    def place(self) -> str:
        return str(self.directory)

    @property
    def filesystem(self) -> None:
        return None

    def url(self, name: str) -> str:
        return str(self.directory / name)

    def prepare(self) -> None:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            sweep(self.directory, LABELS)
            self.stage("probe").discard()
        except OSError as error:
            raise UnsentError(
                f"{self.directory} is no directory that can be written to: "
                f"{words(error.__cause__ or error)}; nothing was sent"
            ) from error

    def sizes(self) -> dict[str, int]:
        sizes = {}
        with telling("list", self.directory), os.scandir(self.directory) as entries:
            for entry in entries:
                # Another worker's unfinished file may be gone by the time it is looked at.
                with contextlib.suppress(FileNotFoundError):
                    if entry.is_file():
                        sizes[entry.name] = entry.stat().st_size
        return sizes

    def open(self, name: str) -> BinaryIO:
        with telling("read", self.directory / name):
            return (self.directory / name).open("rb")

    def stage(self, label: str) -> Part:
        with telling("write into", self.directory):
            return Part(self.directory, label)

    def publish(self, part: Part, name: str) -> None:
        target = self.directory / name
        with telling("write", target):
            part.publish(target)

    def remove(self, name: str) -> None:
        with telling("remove", self.directory / name):
            (self.directory / name).unlink(missing_ok=True)

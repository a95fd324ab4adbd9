"""Reads the files that a command is given; `-` is standard input."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from omni_api.errors import StorageError

__all__ = ["INPUT", "bytes_of", "text_of"]

INPUT = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
"""A file to read, or `-`. It is read when the command runs, not while a shell completes it."""


def bytes_of(path: Path) -> bytes:
    """Return what is in a file.

    Raises:
        StorageError: It cannot be read.
    """
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}", path=str(path)) from error


def text_of(path: Path) -> str:
    """Return the text in a file.

    Raises:
        StorageError: It cannot be read, or is no text in UTF-8.
    """
    try:
        return bytes_of(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        # Not chained: the error would carry the content, which may be secret.
        raise StorageError(f"{path} is no text in UTF-8", path=str(path)) from None

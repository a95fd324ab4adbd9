"""What an output of the daemon is, and the simple one: standard output.

Lines go out byte for byte. Outputs gather them and write in large pieces; a line counts once
`sync` has returned. When to sync, and what a checkpoint says of it, is `loop.py`'s to decide;
files are in `rotation.py`.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from datetime import datetime
from typing import Protocol

import attrs

PIECE = 1 << 20
"""Bytes that are gathered before they are written."""

_POLL = 0.2
_GRACE = 1.0


@attrs.frozen
class Line:
    """A line of the audit log.

    Attributes:
        id: Id of the event.
        raw: The line with its line break.
        time: When it happened.
    """

    id: int
    raw: bytes = attrs.field(repr=False)
    time: datetime


@attrs.frozen
class Covered:
    """What is safe: a file up to a length, or everything that went to standard output."""

    file: str | None = None
    length: int = 0


class Sink(Protocol):
    """An output."""

    @property
    def place(self) -> str:
        """What to call it in messages."""

    def go_on(self, covered: Covered | None) -> None:
        """Begin behind what a checkpoint covers, None without one; called once, before all else."""

    def full(self, line: Line) -> bool:
        """Whether the line belongs into a new file."""

    def turn(self, line: Line) -> None:
        """Begin the file whose first line this is. It stays empty until `write`."""

    def write(self, line: Line) -> None:
        """Take a line."""

    def sync(self) -> Covered:
        """Put everything that was taken to where a crash cannot reach it."""

    def hurry(self) -> None:
        """Wait no longer than a moment for whoever takes the lines, from now on."""

    def close(self) -> None:
        """Let go; what was not synced is lost here and comes again in the next run."""


class StandardOutput:
    """Lines on a pipe, a terminal or whatever standard output is.

    A reader that reads no more must not keep the daemon from ending. So nothing is written that
    could block: a pipe that `select` calls ready takes PIPE_BUF bytes. Where it is a file, it is
    put onto the disk, or a checkpoint could outlive what it covers.
    """

    place = "standard output"

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._hurried = False
        self._pending = bytearray()

    def go_on(self, covered: Covered | None) -> None:
        """Do nothing: what went out cannot be taken back."""

    def full(self, line: Line) -> bool:  # noqa: ARG002 - see Sink
        """Return False: there is one stream."""
        return False

    def turn(self, line: Line) -> None:
        """Do nothing."""

    def write(self, line: Line) -> None:
        """Take a line."""
        self._pending += line.raw
        if len(self._pending) >= PIECE:
            self.sync()

    def sync(self) -> Covered:
        """Write what was taken."""
        data, self._pending = memoryview(self._pending), bytearray()
        while data:
            self._wait()
            data = data[os.write(self._descriptor, data[: select.PIPE_BUF]) :]
        if stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            os.fsync(self._descriptor)
        return Covered()

    def hurry(self) -> None:
        """Give up on a reader that takes nothing for a second."""
        self._hurried = True

    def close(self) -> None:
        """Leave standard output open: it is not ours."""

    def _wait(self) -> None:
        """Wait until something can be written."""
        waited = 0.0
        while not select.select([], [self._descriptor], [], _POLL)[1]:
            waited = waited + _POLL if self._hurried else 0.0
            if waited >= _GRACE:
                raise TimeoutError(errno.ETIMEDOUT, "nobody reads it")

"""The output in files: when a new one begins, and when old ones go; `names.py` says which.

Every event is in the files once, however often the daemon is killed: a checkpoint names the open
file before anything is written to it, and what the checkpoint does not cover is cut off at the
next start. `loop.py` saves the checkpoints.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import attrs

from omni_api._disk import sync_directory
from omni_api.audit._daemon.locks import Lock
from omni_api.audit._daemon.names import follows, is_name, name_of, order, outdated
from omni_api.audit._daemon.sinks import PIECE, Covered, Line
from omni_api.errors import ConfigurationError


@attrs.define
class _Open:
    """The file that is written to."""

    name: str
    day: date
    descriptor: int
    length: int


class Files:
    """Files in a directory, a new one for each day of events (UTC) and beyond a size.

    A file keeps its name from the first byte on, since log shippers follow names. Only their owner
    can read them: events hold join tokens.

    Args:
        directory: Where to; made if it is not there.
        most: Bytes that a file may have; a longer line has a file of its own.
        keep_files: How many files stay, the open one included; None for all.
        keep_days: How many days before that of the open file stay; None for all.

    Raises:
        ConfigurationError: It is no directory, or another daemon writes there.
        OSError: It cannot be written to.
    """

    def __init__(
        self,
        directory: Path,
        *,
        most: int,
        keep_files: int | None = None,
        keep_days: int | None = None,
    ) -> None:
        self.place = str(directory)
        self._directory = directory
        self._most, self._keep_files, self._keep_days = most, keep_files, keep_days
        self._pending = bytearray()
        self._open: _Open | None = None
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise ConfigurationError(f"{directory}: {error.strerror}") from error
        self._lock = Lock.of_directory(directory)

    def go_on(self, covered: Covered | None) -> None:
        """Open the file of the checkpoint, and cut off what the checkpoint does not cover.

        The checkpoint must have been read after this was made: before, another daemon may still
        have been writing files that it does not know of.

        Raises:
            ConfigurationError: Files lie there without a checkpoint, or with an old copy of it.
        """
        filled = [name for name in self._names() if (self._directory / name).stat().st_size]
        if covered is None:
            if filled:
                raise ConfigurationError(
                    f"{self.place} holds files of an earlier run but no checkpoint of it: restore "
                    "the checkpoint, or move the files away"
                )
            return
        if covered.file is None or covered.file not in self._names():
            return  # removed after it was shipped
        newer = [name for name in filled if follows(name, covered.file)]
        if newer:
            raise ConfigurationError(
                f"the checkpoint is older than {min(newer, key=order)} in {self.place}, whose "
                "events would come again: restore the latest one, or move such files away"
            )
        self._open = self._opened(covered.file)
        if self._open.length < covered.length:
            # Somebody cut it, and may do so again: the next event begins a new file.
            self._let_go()
            return
        os.ftruncate(self._open.descriptor, covered.length)
        os.fsync(self._open.descriptor)
        self._open.length = covered.length

    def full(self, line: Line) -> bool:
        """Whether the line is too much for the open file, or of a later day."""
        if self._open is None:
            return True
        length = self._open.length + len(self._pending)
        if length > 0 and length + len(line.raw) > self._most:
            return True
        return line.time.astimezone(UTC).date() > self._open.day

    def turn(self, line: Line) -> None:
        """Close the open file, which must be synced, and begin the next."""
        name = name_of(line)
        self._let_go()
        self._open = self._opened(name)
        sync_directory(self._directory)
        today = datetime.now(UTC).date()
        for old in outdated(
            self._names(), name, today, keep_files=self._keep_files, keep_days=self._keep_days
        ):
            (self._directory / old).unlink(missing_ok=True)

    def write(self, line: Line) -> None:
        """Take a line."""
        self._pending += line.raw
        if len(self._pending) >= PIECE:
            self._flush()

    def sync(self) -> Covered:
        """Put everything onto the disk."""
        if self._open is None:
            return Covered()
        self._flush()
        os.fsync(self._open.descriptor)
        return Covered(self._open.name, self._open.length)

    def hurry(self) -> None:
        """Do nothing: a disk does not keep anybody waiting."""

    def close(self) -> None:
        """Close the open file and let others into the directory."""
        self._let_go()
        self._lock.release()

    def _names(self) -> list[str]:
        return [path.name for path in self._directory.iterdir() if is_name(path.name)]

    def _opened(self, name: str) -> _Open:
        # A crash before the checkpoint named it can leave an empty file of this name.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = os.open(self._directory / name, flags, 0o600)
        return _Open(name, order(name)[0], descriptor, os.fstat(descriptor).st_size)

    def _let_go(self) -> None:
        if self._open is not None:
            os.close(self._open.descriptor)
            self._open = None

    def _flush(self) -> None:
        if self._open is None:
            return
        data, self._pending = memoryview(self._pending), bytearray()
        while data:
            written = os.write(self._open.descriptor, data)
            self._open.length += written
            data = data[written:]

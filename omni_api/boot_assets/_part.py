"""The file that a download grows in, beside its target, until it is whole.

It outlives an interruption: `.NAME.part` holds the bytes, `.NAME.part.json` what they are bytes of.
A schematic carries a join token, so only the owner can read it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from omni_api._disk import Aside, lock, telling
from omni_api.boot_assets._answers import Mark
from omni_api.errors import StorageError

_BLOCK: Final = 1024 * 1024


class Part(Aside):
    """The bytes of a file that have come so far; nobody else writes it meanwhile.

    Args:
        target: What the file will be called.
        source: What it is fetched from. What was fetched from elsewhere is forgotten.

    Attributes:
        mark: What the bytes are known by.
        kept: How many of them were there when the last request was answered.
        resumed: How many of them an earlier download had left; None before there is an answer.
    """

    def __init__(self, target: Path, source: str) -> None:
        self.path = target.parent / f".{target.name}.part"
        self._note = self.path.with_name(f"{self.path.name}.json")
        # The source is only compared, and may hold more than a file should tell.
        self._source = hashlib.sha256(source.encode()).hexdigest()
        self._target = target
        self._there = False
        self.mark = Mark()
        self.kept = 0
        self.resumed: int | None = None
        self._hash = hashlib.sha256()

    def open(self) -> None:
        """Take the file; `leave` gives it back, whether this came to its end or not.

        Raises:
            StorageError: It cannot be written, or another download writes it.
        """
        with telling("write", self.path):
            descriptor = _for_its_owner(str(self.path), os.O_RDWR | os.O_CREAT)
            self.file = os.fdopen(descriptor, "r+b")
            if not lock(descriptor) or not self._is_named(descriptor):
                self.file.close()
                target = self._target
                raise StorageError(f"another download writes {target}", path=str(target))
            self._there = True
        self.mark = self._read_note()

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.file.tell()

    @property
    def offset(self) -> int:
        """Where a download can go on."""
        return self.mark.offset(os.fstat(self.file.fileno()).st_size)

    def begin(self, start: int, mark: Mark) -> None:
        """Keep the bytes before `start`, forget those behind, and note what they are bytes of."""
        with telling("write", self.path):
            if os.fstat(self.file.fileno()).st_size > start:
                self.file.truncate(start)
                # Before the note: a power cut must not leave old bytes beside a new one.
                os.fsync(self.file.fileno())
            note = {"source": self._source, "validator": mark.validator, "size": mark.size}
            with open(self._note, "w", encoding="utf-8", opener=_for_its_owner) as file:
                json.dump(note, file)
            self.mark = mark
            self.kept = start
            self.resumed = start if self.resumed is None else min(self.resumed, start)
            self._hash = hashlib.sha256()
            self.file.seek(0)
            while block := self.file.read(_BLOCK):
                self._hash.update(block)

    def restart(self) -> None:
        """Forget everything: what is there does not belong to what the server has."""
        self.begin(0, Mark())

    def write(self, data: Iterable[bytes]) -> None:
        """Append bytes."""
        with telling("write", self.path):
            for block in data:
                self.file.write(block)
                self._hash.update(block)
            self.file.flush()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def name_as(self, target: Path, *, overwrite: bool) -> None:
        """Put the whole file onto the disk and give it its name."""
        with telling("write", target):
            self.publish(target, overwrite=overwrite)
        self._forget()

    def discard(self) -> None:
        """Remove it."""
        super().discard()
        self._forget()

    def leave(self) -> None:
        """Close it and let it lie, for the next download to go on with."""
        if not self._there:
            return
        with contextlib.suppress(OSError):
            if not self.file.closed and not os.fstat(self.file.fileno()).st_size:
                self.discard()
            self.file.close()

    def _forget(self) -> None:
        with contextlib.suppress(OSError):
            self._note.unlink(missing_ok=True)

    def _is_named(self, descriptor: int) -> bool:
        """Whether the file still has its name: another download may just have given it away."""
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.lstat())
        except FileNotFoundError:
            return False

    def _read_note(self) -> Mark:
        try:
            note = json.loads(self._note.read_bytes())
            if note["source"] == self._source:
                return Mark(validator=str(note["validator"]), size=note["size"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # none there, or one that was cut off: the download starts over
        return Mark()


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags | _FLAGS, 0o600)


_FLAGS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)

"""One daemon at a time: locks that end with the process, however it ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Self

import attrs

from omni_api._disk import lock
from omni_api.errors import ConfigurationError


@attrs.define
class Lock:
    """What keeps other daemons away until it is released. Windows has no such lock."""

    _descriptor: int | None

    @classmethod
    def of_directory(cls, directory: Path) -> Self:
        """Keep other daemons out of a directory.

        Raises:
            ConfigurationError: Another daemon is there.
            OSError: It cannot be opened.
        """
        return cls(_locked(directory, os.O_RDONLY, f"another daemon writes to {directory}"))

    @classmethod
    def of_checkpoint(cls, checkpoint: Path) -> Self:
        """Keep other daemons away from a checkpoint, by a file beside it.

        The checkpoint itself is replaced with each save. The lock file stays: who removed it could
        take it from a daemon that has just opened it.

        Raises:
            ConfigurationError: Another daemon uses it.
            OSError: The file cannot be made.
        """
        beside = checkpoint.with_name(f".{checkpoint.name}.lock")
        refusal = f"another daemon uses the checkpoint {checkpoint}"
        return cls(_locked(beside, os.O_RDWR | os.O_CREAT, refusal))

    def release(self) -> None:
        """Let others in; a second time, do nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _locked(path: Path, flags: int, refusal: str) -> int | None:
    if sys.platform == "win32":
        return None
    descriptor = os.open(path, flags, 0o600)
    if not lock(descriptor):
        os.close(descriptor)
        raise ConfigurationError(refusal)
    return descriptor

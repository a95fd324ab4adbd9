"""The exit statuses of the program: the one place where they are decided."""

from __future__ import annotations

from enum import IntEnum

from omni_api.errors import (
    AssetNotFoundError,
    DamagedDownloadError,
    DeadlineExceededError,
    DownloadError,
    ExportError,
    InvalidKeyError,
    MissingEventsError,
    NotFoundError,
    OmniError,
    PermissionDeniedError,
    StorageError,
    UnauthenticatedError,
    UnavailableError,
    UnsentError,
)

__all__ = ["MEANINGS", "Exit", "status_of"]


class Exit(IntEnum):
    """How a command can end."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    STORAGE = 3
    INCOMPLETE = 4
    DENIED = 5
    UNAVAILABLE = 6
    NOT_FOUND = 7
    DEFECT = 70
    INTERRUPTED = 130


MEANINGS = {
    Exit.OK: "done; also when the reader of a pipe had enough",
    Exit.REFUSED: "the server refused, or what was checked is not right",
    Exit.USAGE: "a mistake in the command line, the environment or a file; nothing was changed",
    Exit.STORAGE: "a file could not be read or written",
    Exit.INCOMPLETE: "done in part: steps of a bundle failed, or events may be missing",
    Exit.DENIED: "the key is not accepted, has expired, or its role is not enough",
    Exit.UNAVAILABLE: "no server was reached, or not in time: try again later",
    Exit.NOT_FOUND: "what was named does not exist",
    Exit.DEFECT: "a defect of this program",
    Exit.INTERRUPTED: "interrupted by Ctrl-C",
}

# The first that fits, so the special stand before the general.
_BY_KIND: tuple[tuple[type[BaseException], Exit], ...] = (
    (StorageError, Exit.STORAGE),
    (MissingEventsError, Exit.INCOMPLETE),
    (ExportError, Exit.STORAGE),
    (InvalidKeyError, Exit.DENIED),
    (UnsentError, Exit.USAGE),
    (UnauthenticatedError, Exit.DENIED),
    (PermissionDeniedError, Exit.DENIED),
    (UnavailableError, Exit.UNAVAILABLE),
    (DeadlineExceededError, Exit.UNAVAILABLE),
    (NotFoundError, Exit.NOT_FOUND),
    (AssetNotFoundError, Exit.NOT_FOUND),
    (DamagedDownloadError, Exit.REFUSED),
    (DownloadError, Exit.UNAVAILABLE),
    (OmniError, Exit.REFUSED),
    (KeyboardInterrupt, Exit.INTERRUPTED),
)


def status_of(error: BaseException) -> Exit:
    """Return the exit status of a command that ended with an error."""
    return next((status for kind, status in _BY_KIND if isinstance(error, kind)), Exit.DEFECT)

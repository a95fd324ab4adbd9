"""Everything that can go wrong, as one tree below `OmniError`.

A call that failed with a gRPC status is a `CallError`; its subclass follows the status code,
save where Omni itself answers UNKNOWN to a plain "exists already" or "does not exist". What is
refused before anything is sent is an `UnsentError`. All errors pickle and copy.
"""

from __future__ import annotations

from typing import Any

import grpc

__all__ = [
    "AbortedError",
    "AlreadyExistsError",
    "AssetNotFoundError",
    "CallCancelledError",
    "CallError",
    "ClosedError",
    "ConfigurationError",
    "DamagedBundleError",
    "DamagedDownloadError",
    "DamagedKeyError",
    "DataLossError",
    "DeadlineExceededError",
    "DownloadError",
    "ExpiredKeyError",
    "ExportError",
    "FailedPreconditionError",
    "ForeignKeyError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidInputError",
    "InvalidKeyError",
    "LockedKeyError",
    "MalformedEventError",
    "MissingEventsError",
    "MissingLibraryError",
    "NotFoundError",
    "OmniError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "ReadOnlyError",
    "ResourceExhaustedError",
    "StorageError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownError",
    "UnsentError",
]


class OmniError(Exception):
    """Base of every error of this library.

    Example:
        >>> import omni_api
        >>> issubclass(omni_api.NotFoundError, omni_api.OmniError)
        True
    """

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call __init__ with self.args, which loses keyword-only arguments.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(
    kind: type[OmniError], args: tuple[object, ...], state: dict[str, object]
) -> OmniError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class UnsentError(OmniError):
    """Nothing was sent: the client itself refused."""


class InvalidInputError(UnsentError, ValueError):
    """An argument has a value that the call cannot take. Nothing was sent."""


class ReadOnlyError(UnsentError):
    """The client is read-only and the call would change something. Nothing was sent."""


class ClosedError(OmniError):
    """The client, stream or key file was closed, or belongs to another process or event loop.

    Raised before anything is sent, or by a call that ran while its client was closed.
    """


class ConfigurationError(UnsentError):
    """The environment or the omniconfig does not say what the client needs to know."""


class MissingLibraryError(UnsentError, ImportError):
    """A library that only some features need is missing; the message says what to install."""


class InvalidKeyError(ConfigurationError):
    """A key cannot be used to sign; the subclass says why."""


class ExpiredKeyError(InvalidKeyError):
    """The key's lifetime is over: log in again, or renew the service account."""


class ForeignKeyError(InvalidKeyError):
    """The key belongs to somebody else, or holds no private part."""


class DamagedKeyError(InvalidKeyError):
    """The text is no key: cut off, mistyped, or of another kind."""


class LockedKeyError(InvalidKeyError):
    """The key is locked with a passphrase; Omni's tools write keys without one."""


class MalformedEventError(OmniError):
    """A line of the audit log is no event; raised where that is not merely reported.

    Attributes:
        position: Number of the line in its stream, from 1.
        id: Id of the event; 0 where the stream has no ids.
        reason: What is wrong with the line; never shows contents.
    """

    def __init__(self, message: str, *, position: int, id: int, reason: str) -> None:
        super().__init__(message)
        self.position = position
        self.id = id
        self.reason = reason


class MissingEventsError(OmniError):
    """Events of the audit log may be missing between two that were delivered.

    Attributes:
        first_id: Id of the first event that may be missing.
        last_id: Id of the last one; None when it is not known.
        checkpoint: Follow with this checkpoint to go on behind the gap; None when the server's
            log ends before it, so that only a new start is left.
    """

    def __init__(
        self, message: str, *, first_id: int, last_id: int | None, checkpoint: int | None
    ) -> None:
        super().__init__(message)
        self.first_id = first_id
        self.last_id = last_id
        self.checkpoint = checkpoint


class ExportError(OmniError):
    """An export of the audit log cannot be read, or a question to it failed on the way."""


class StorageError(OmniError, OSError):
    """A file could not be read or written: the disk is full, access is denied, a bucket is gone.

    The cause is kept as `__cause__`.

    Attributes:
        path: The file or directory.
    """

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class DamagedBundleError(OmniError):
    """A support bundle is not the file that it should be: no ZIP, cut off, or of another kind."""


class DownloadError(OmniError):
    """A file could not be fetched: the image factory refused, or the connection broke too often.

    What has come of the file is kept beside its place, and the same call goes on from there where
    the server allows it.

    Attributes:
        url: What was to be fetched, without passwords and signatures.
        status: HTTP status code of the answer; None where the connection failed.
        bytes_received: How much of the file is there.
    """

    def __init__(
        self, message: str, *, url: str, status: int | None = None, bytes_received: int = 0
    ) -> None:
        super().__init__(message)
        self.url = url
        self.status = status
        self.bytes_received = bytes_received


class AssetNotFoundError(DownloadError):
    """The image factory has no such file: a wrong schematic, Talos version, platform or format."""


class DamagedDownloadError(DownloadError):
    """What came does not fit the checksum that the server offers. It was removed."""


class CallError(OmniError):
    """A call that failed with a gRPC status.

    Attributes:
        code: The status code. The class follows it, but for UNKNOWN answers whose text says
            more (see `NotFoundError`, `AlreadyExistsError`).
        details: The server's words, unchanged; may have several lines.
        method: Full name of the rpc, for example `/management.ManagementService/ListUsers`.
        hint: What to do next, in our words; may be empty.
        attempts: How often the call was sent.
        outcome_unknown: True when the call changes something and may have been carried out
            although it failed. Look before you send it again.
        chunks: Messages that a stream had delivered before it broke.
        bytes_received: Bytes of payload that a stream had delivered before it broke.
    """

    def __init__(
        self,
        details: str,
        *,
        code: grpc.StatusCode,
        method: str,
        hint: str = "",
        attempts: int = 1,
        outcome_unknown: bool = False,
        chunks: int = 0,
        bytes_received: int = 0,
    ) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.method = method
        self.hint = hint
        self.attempts = attempts
        self.outcome_unknown = outcome_unknown
        self.chunks = chunks
        self.bytes_received = bytes_received

    def __str__(self) -> str:
        text = f"{self.method.removeprefix('/')}: {self.code.name}: {self.details}"
        if self.chunks:
            text += f" (after {self.chunks} messages, {self.bytes_received} bytes)"
        if self.attempts > 1:
            text += f" (sent {self.attempts} times)"
        if self.outcome_unknown:
            text += ". The call may have been carried out; look before you send it again"
        return f"{text}. {self.hint}" if self.hint else text


class CallCancelledError(CallError):
    """CANCELLED: the server, or something on the way to it, ended the call."""


class UnknownError(CallError):
    """UNKNOWN: the server had no code for it; Omni uses it for many plain errors."""


class InvalidArgumentError(CallError, ValueError):
    """INVALID_ARGUMENT: the server refuses a value."""


class DeadlineExceededError(CallError, TimeoutError):
    """DEADLINE_EXCEEDED: the timeout passed, waits between attempts included."""


class NotFoundError(CallError):
    """NOT_FOUND, or UNKNOWN with a text that says so: some rpcs of Omni have no code for it."""


class AlreadyExistsError(CallError):
    """ALREADY_EXISTS, or UNKNOWN with a text that says so: some rpcs of Omni have no code."""


class PermissionDeniedError(CallError):
    """PERMISSION_DENIED: the signature is good, the role is not enough."""


class ResourceExhaustedError(CallError):
    """RESOURCE_EXHAUSTED: a quota or a size limit."""


class FailedPreconditionError(CallError):
    """FAILED_PRECONDITION: the object is in a state that does not allow the call."""


class AbortedError(CallError):
    """ABORTED: the server gave the call up half-way."""


class OutOfRangeError(CallError):
    """OUT_OF_RANGE: a position beyond the end."""


class UnimplementedError(CallError):
    """UNIMPLEMENTED: this server does not have the rpc, being older or newer."""


class InternalError(CallError):
    """INTERNAL: a fault of the server, or an answer that cannot be read."""


class UnavailableError(CallError):
    """UNAVAILABLE: no server could be reached, or the connection was lost."""


class DataLossError(CallError):
    """DATA_LOSS: the server lost data."""


class UnauthenticatedError(CallError):
    """UNAUTHENTICATED: the server did not accept the signature.

    Omni answers `invalid signature` to every cause: unknown, expired or unconfirmed key, wrong
    clock, changed headers (A real server's only text, Omni 1.10).
    """


BY_CODE: dict[grpc.StatusCode, type[CallError]] = {
    grpc.StatusCode.CANCELLED: CallCancelledError,
    grpc.StatusCode.UNKNOWN: UnknownError,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExistsError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhaustedError,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPreconditionError,
    grpc.StatusCode.ABORTED: AbortedError,
    grpc.StatusCode.OUT_OF_RANGE: OutOfRangeError,
    grpc.StatusCode.UNIMPLEMENTED: UnimplementedError,
    grpc.StatusCode.INTERNAL: InternalError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DATA_LOSS: DataLossError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
}


def class_for(code: grpc.StatusCode, details: str) -> type[CallError]:
    """Return the class of an answer.

    Omni has no code for some common answers and sends UNKNOWN: an account that is missing when
    it is renewed, a user created twice, a cluster without upgrade status. Their texts are fixed,
    so they are read (recorded from Omni 1.10); the code is kept as it came.
    """
    if code is grpc.StatusCode.UNKNOWN:
        text = details.rstrip()
        if text.endswith("already exists"):
            return AlreadyExistsError
        if text.endswith(("doesn't exist", "is not found")):
            return NotFoundError
    return BY_CODE.get(code, UnknownError)

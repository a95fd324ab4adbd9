"""What a call is: a row of the method table, and one call of it with its arguments."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

import attrs

from omni_api._core.durations import UNSET, Timeout, Unset, to_seconds

T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")

Metadata = tuple[tuple[str, str], ...]


class Skipped(Enum):
    """What a reader returns for a message that is not handed on."""

    SKIPPED = "skipped"


SKIPPED: Final = Skipped.SKIPPED


@attrs.frozen(kw_only=True)
class Method(Generic[T_co]):
    """One row of the generated table: what the contract and the annotations say of an rpc.

    Attributes:
        path: Full gRPC method name with leading slash; also what is signed.
        name: Name of the Python method.
        retry: "read": may be sent again after a passing failure. "never": sent once.
        role: The least role, or the roles of which one is needed; "signed" for any.
        stream: Whether it answers with a stream of messages.
        bounded: Whether the client's default timeout applies.
        since: First stable release of Omni that has it.
        until: Last release line that has it; "" when it still exists.
        reader: Makes the function that turns received bytes into a value; one per call, since
            some keep count over a stream.
        size: Bytes of payload in a value, for `Stream.bytes_received`.
    """

    path: str
    name: str
    retry: Literal["read", "never"]
    role: str | tuple[str, ...]
    stream: bool
    bounded: bool
    since: str
    until: str
    reader: Callable[[], Callable[[bytes], T_co]]
    size: Callable[[Any], int]

    @property
    def signed(self) -> bool:
        return self.role != "unsigned"


def _checked(timeout: Timeout) -> float | Unset | None:
    return (
        timeout if timeout is None or isinstance(timeout, Unset) else to_seconds("timeout", timeout)
    )


@attrs.frozen(kw_only=True)
class Call(Generic[T_co]):
    """One call, checked and serialized, ready to be signed and sent.

    Attributes:
        method: Row of the table.
        request: The serialized request message.
        metadata: Metadata that goes with it and is covered by the signature.
        changes: Whether this call, with these arguments, changes something on the server.
        live: Whether this call, with these arguments, is a stream that may go on for ever.
        timeout: Seconds for the whole call, None for no limit, UNSET for the client's default.
        reader: Replaces the method's reader where a call reads its answer in a way of its own.
        size: Bytes of payload in a value; the method's own unless the reader is another one.
    """

    method: Method[Any]
    request: bytes = attrs.field(repr=False)
    metadata: Metadata = ()
    changes: bool
    live: bool = False
    timeout: float | Unset | None = attrs.field(default=UNSET, converter=_checked)
    reader: Callable[[], Callable[[bytes], T_co]]
    size: Callable[[Any], int] = attrs.field()

    @size.default
    def _size_of_method(self) -> Callable[[Any], int]:
        return self.method.size

    def read_by(
        self, reader: Callable[[], Callable[[bytes], U | Skipped]], size: Callable[[U], int]
    ) -> Call[U]:
        """Return the same call, of a stream, with messages that are read in another way."""
        call: Call[Any] = self
        return attrs.evolve(call, reader=reader, size=size)

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again after a failure that leaves its outcome open."""
        return self.method.retry == "read" and not self.changes


StreamCall: TypeAlias = Call[T_co]
"""A call whose answers are a stream: what a composed function is annotated with, to become one."""

"""The steps of composed operations, which a driver carries out, blocking or awaiting.

An operation that needs more than one call (follow a log through every interruption, write a day
to a file) is a generator that yields steps and is sent their results. It decides and never waits:
each package's `_routine.py` carries the steps out. What a step raises is thrown into the
generator, which may go on from there. Streams that it opened are closed when it ends.

A generator of the type `Steps[T]` returns a T. In a `Composite[T]` it hands out values of the type
T on the way, by `Give`, and becomes a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime
from enum import Enum
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import attrs

from omni_api._core.call import Call

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class End(Enum):
    """What comes instead of a value when a stream is at its end."""

    END = "end"


END: Final = End.END


class Running(Protocol[T_co]):
    """A stream that was started; to the steps it is only a name."""

    @property
    def chunks(self) -> int:
        """Messages received so far."""

    @property
    def bytes_received(self) -> int:
        """Bytes of their payload."""


@attrs.frozen
class Start(Generic[T]):
    """Open a stream, without waiting for its first message; the result is a `Running[T]`."""

    call: Call[T]


@attrs.frozen
class Next:
    """Wait for the next value of a stream; the result is the value, or END."""

    stream: Running[object]


@attrs.frozen
class Fill(Generic[T]):
    """Append values of a stream that ends by itself, at least one and at most `most`.

    Fewer are appended when they are large: the rest comes with the next such step. Nothing is
    appended at the end of the stream. When it breaks, what came before is there.
    """

    stream: Running[T]
    into: list[T]
    most: int
    most_bytes: int = 8 * 1024 * 1024


@attrs.frozen
class Arrival(Generic[T]):
    """What one of several streams brought: a value, its end, or the error that broke it."""

    stream: Running[T]
    value: T | End = END
    error: Exception | None = None


@attrs.frozen
class First:
    """Wait for whichever of several streams brings something first; the result is an `Arrival`.

    None when `seconds` pass before. All streams are read ahead a little meanwhile.
    """

    streams: tuple[Running[object], ...]
    seconds: float | None = None


@attrs.frozen
class Stop:
    """Cancel a stream and close it."""

    stream: Running[object]


@attrs.frozen
class Pause:
    """Wait; the end of the operation ends the wait."""

    seconds: float


@attrs.frozen
class Now:
    """Look at the client's clocks; the result is a `Moment`."""


@attrs.frozen
class Moment:
    """What the clocks say.

    Attributes:
        utc: The wall clock, which signatures are stamped with.
        monotonic: Seconds on the clock that deadlines are measured with.
    """

    utc: datetime
    monotonic: float


@attrs.frozen
class Patience:
    """Ask the client's retry policy how long to wait after a failure that may pass.

    The result is seconds; None when it is time to give up.

    Attributes:
        attempt: Number of the attempt that failed, from 1.
        remaining: Seconds that are left for the whole operation, None without a limit.
    """

    attempt: int
    remaining: float | None = None


@attrs.frozen
class Run(Generic[T]):
    """Call a function that may block, such as one that writes a file; the result is its own."""

    function: Callable[[], T]


@attrs.frozen
class Give(Generic[T]):
    """Hand out a value to the reader of the stream."""

    value: T


@attrs.frozen
class Ready:
    """Say that the stream stands: its `with` block may begin. Composites only, at most once."""


Step: TypeAlias = (
    Call[Any]
    | Start[Any]
    | Next
    | Fill[Any]
    | First
    | Stop
    | Pause
    | Now
    | Patience
    | Run[Any]
    | Give[Any]
    | Ready
)
Steps: TypeAlias = Generator[Step, Any, T]


# Typed forms of the steps that have results, for `yield from`.


def send(call: Call[T]) -> Steps[T]:
    """Send a unary call and return the value of its answer."""
    value: T = yield call
    return value


def start(call: Call[T]) -> Steps[Running[T]]:
    """Open a stream."""
    stream: Running[T] = yield Start(call)
    return stream


def following(stream: Running[T]) -> Steps[T | End]:
    """Return the next value of a stream, or END."""
    value: T | End = yield Next(stream)
    return value


def now() -> Steps[Moment]:
    """Return what the client's clocks say."""
    moment: Moment = yield Now()
    return moment


def patience(attempt: int, remaining: float | None = None) -> Steps[float | None]:
    """Return how long to wait before the next attempt, None to give up."""
    seconds: float | None = yield Patience(attempt, remaining)
    return seconds


def run(function: Callable[[], T]) -> Steps[T]:
    """Call a function that may block and return its result."""
    value: T = yield Run(function)
    return value


@attrs.define
class Position:
    """How far a stream has come, beyond counting; kept by its steps, read from outside.

    Attributes:
        checkpoint: Id of the last event that is done with; None before there is one, and where
            events have no ids.
        reconnects: How often the stream had to be opened again.
    """

    checkpoint: int | None = None
    reconnects: int = 0


@attrs.frozen(kw_only=True)
class Composite(Generic[T]):
    """A stream made of steps.

    Attributes:
        name: What to call it in messages, for example `audit_log.follow`.
        steps: The steps; the values that they `Give` are the stream.
        size: Bytes of payload in a value, for `Stream.bytes_received`.
        position: How far it has come.
    """

    name: str
    steps: Steps[None]
    size: Callable[[T], int]
    position: Position = attrs.field(factory=Position)

"""The journey of one call, as generators that yield what they want done.

A flow decides: sign, send, look at the error, wait, send again. It never does: a driver carries
out each step, blocking or awaiting, and sends the result back or throws the error in. So both
facades behave alike, and every rule here is tested without a server or a clock.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from time import monotonic
from typing import TypeVar

import attrs
import grpc

from omni_api._core.advice import advice
from omni_api._core.call import Call, Metadata
from omni_api._core.durations import Unset
from omni_api._core.retry import RetryPolicy, outcome_unknown
from omni_api._core.signing import Signatures, Signer
from omni_api._core.steps import Moment
from omni_api.errors import CallError, DeadlineExceededError, ReadOnlyError

T = TypeVar("T")

logger = logging.getLogger("omni_api")

_TEN_YEARS = 10 * 365 * 86_400.0


@attrs.frozen(kw_only=True)
class Attempt:
    """Step: send a unary call; its result is the serialized response."""

    call: Call[object]
    metadata: Metadata = attrs.field(repr=False)
    timeout: float | None


@attrs.frozen(kw_only=True)
class Open:
    """Step: start a streaming call, without waiting for its first message."""

    call: Call[object]
    metadata: Metadata = attrs.field(repr=False)
    timeout: float | None


@attrs.frozen
class Receive:
    """Step: wait for the next message of the stream; its result is the bytes, None at its end."""


@attrs.frozen
class Sleep:
    """Step: wait."""

    seconds: float


@attrs.frozen(kw_only=True)
class Session:
    """What all calls of one client share.

    Attributes:
        signer: The key, None to send everything unsigned.
        retry: The retry policy.
        timeout: Default time in seconds for a unary call, None for no limit.
        read_only: Refuse every call that changes something.
        now: The wall clock that signatures are stamped with.
        monotonic: The clock that deadlines are measured with.
        random: Source of jitter.
    """

    signer: Signer | None = attrs.field(repr=False)
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    timeout: float | None = None
    read_only: bool = False
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = monotonic
    random: Callable[[], float] = random.random
    _signatures: Signatures = attrs.field(factory=Signatures, init=False, eq=False, repr=False)

    def metadata(self, call: Call[object], attempt: int) -> Metadata:
        """Return the metadata of one attempt, signed; a further attempt is signed anew."""
        if self.signer is None or not call.method.signed:
            return call.metadata
        return self._signatures.metadata(
            self.signer, call.method.path, call.metadata, now=self.now(), anew=attempt > 1
        )

    def moment(self) -> Moment:
        """Return what the clocks say."""
        return Moment(self.now(), self.monotonic())

    def wait_after(self, attempt: int, remaining: float | None) -> float | None:
        """Return how long to wait after a failure that may pass, None to give up."""
        return self.retry.patience(attempt=attempt, remaining=remaining, random=self.random)

    def deadline(self, call: Call[object]) -> float | None:
        """Return when the whole call has to be over, on the monotonic clock."""
        seconds = call.timeout
        if isinstance(seconds, Unset):
            seconds = self.timeout if call.method.bounded else None
        return None if seconds is None else self.monotonic() + seconds

    def admit(self, call: Call[object]) -> None:
        """Refuse what a read-only client must not send."""
        if self.read_only and call.changes:
            raise ReadOnlyError(
                f"{call.method.name} changes something on the server and this client was made "
                "with read_only=True; nothing was sent"
            )


def unary(call: Call[T], session: Session) -> Generator[Attempt | Sleep, bytes, T]:
    """Send a unary call, again where the policy allows it, and return the value of its answer."""
    session.admit(call)
    attempt, deadline = 1, session.deadline(call)
    while True:
        # Signed first: the time left is what is left when the call goes out.
        metadata = session.metadata(call, attempt)
        timeout = _left(session, call, deadline, sent=attempt - 1)
        try:
            data = yield Attempt(call=call, metadata=metadata, timeout=timeout)
        except CallError as error:
            wait = _judge(error, call, session, attempt, deadline)
            if wait is None:
                raise
        else:
            return call.reader()(data)
        yield Sleep(wait)
        attempt += 1


def start(
    call: Call[T], session: Session
) -> Generator[Open | Receive | Sleep, bytes | None, bytes | None]:
    """Return the steps that open a stream and give its first message, None where it has none.

    A refusal of the signature arrives with the first message, as every failure of a stream does.
    Until then nothing was delivered, so a read may start over; afterwards it never does: a second
    stream could repeat or lose messages.
    """
    session.admit(call)
    return _start(call, session)


def _start(
    call: Call[T], session: Session
) -> Generator[Open | Receive | Sleep, bytes | None, bytes | None]:
    attempt, deadline = 1, session.deadline(call)
    while True:
        metadata = session.metadata(call, attempt)
        timeout = _left(session, call, deadline, sent=attempt - 1)
        try:
            yield Open(call=call, metadata=metadata, timeout=timeout)
            return (yield Receive())
        except CallError as error:
            wait = _judge(error, call, session, attempt, deadline)
            if wait is None:
                raise
        yield Sleep(wait)
        attempt += 1


def _left(session: Session, call: Call[T], deadline: float | None, *, sent: int) -> float | None:
    """Return the seconds that the next attempt may take, None for no limit."""
    if deadline is None:
        return None
    left = deadline - session.monotonic()
    if left <= 0:
        raise DeadlineExceededError(
            "the timeout passed before the call could be sent" + (" again" if sent else ""),
            code=grpc.StatusCode.DEADLINE_EXCEEDED,
            method=call.method.path,
            hint=advice(call.method, grpc.StatusCode.DEADLINE_EXCEEDED, ""),
            attempts=sent,
        )
    # gRPC counts in nanoseconds of 64 bits; a longer wait than this is none to it.
    return min(left, _TEN_YEARS)


def _judge(
    error: CallError, call: Call[T], session: Session, attempt: int, deadline: float | None
) -> float | None:
    """Return how long to wait before the next attempt; None, with the error completed, to give up.

    The caller raises: a frame that raises what it holds in a variable would keep error, call and
    channel alive until the next garbage collection.
    """
    wait = session.retry.wait_after(
        error,
        call,
        attempt=attempt,
        remaining=None if deadline is None else deadline - session.monotonic(),
        random=session.random,
    )
    logger.debug(
        "%s attempt %d: %s%s",
        call.method.path,
        attempt,
        error.code.name,
        "" if wait is None else f", next in {wait:.2f} s",
    )
    if wait is None:
        error.attempts = attempt
        complete(error, call)
    return wait


def complete(error: CallError, call: Call[T]) -> None:
    """Say in the error what the method table knows: the next step, and what is left open."""
    error.hint = advice(call.method, error.code, error.details)
    error.outcome_unknown = outcome_unknown(error, call)

"""Flows driven by hand: a clock that a test moves, a key that counts, a server that is a list."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import attrs
import grpc

from omni_api import CallError, RetryPolicy
from omni_api._core import flow
from omni_api._core.call import Call
from omni_api._core.signing import Signer
from omni_api.errors import class_for

T = TypeVar("T")

BEGIN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@attrs.define
class Clock:
    """Both clocks of a session; they move when somebody moves them."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@attrs.define
class CountingKey:
    """Signs with a number, so that one can see which signature was used."""

    identity: str = "ci"
    fingerprint: str = "ab" * 20
    expires: datetime | None = None
    signed: list[bytes] = attrs.field(factory=list)

    def sign(self, data: bytes) -> bytes:
        self.signed.append(data)
        return b"signature %d" % len(self.signed)


def session(
    clock: Clock,
    *,
    signer: Signer | None = None,
    retry: RetryPolicy | None = None,
    timeout: float | None = 120.0,
    read_only: bool = False,
    random: Callable[[], float] = lambda: 0.5,
) -> flow.Session:
    return flow.Session(
        signer=signer,
        retry=RetryPolicy() if retry is None else retry,
        timeout=timeout,
        read_only=read_only,
        now=clock.now,
        monotonic=clock.monotonic,
        random=random,
    )


def failure(code: grpc.StatusCode, details: str = "not now", method: str = "/a.B/C") -> CallError:
    """The error that a driver makes of an answer."""
    return class_for(code, details)(details, code=code, method=method)


@attrs.define
class Run:
    """What a flow wanted done, and how it ended."""

    steps: list[object] = attrs.field(factory=list)
    value: object = None
    error: Exception | None = None

    @property
    def sent(self) -> list[flow.Attempt | flow.Open]:
        return [step for step in self.steps if isinstance(step, flow.Attempt | flow.Open)]

    @property
    def waits(self) -> list[float]:
        return [step.seconds for step in self.steps if isinstance(step, flow.Sleep)]

    @property
    def failed(self) -> CallError:
        assert isinstance(self.error, CallError), self.error
        return self.error


def drive(
    steps: Generator[object, Any, object],
    clock: Clock,
    answers: Iterable[bytes | CallError | None],
    *,
    attempt_takes: float = 0.0,
) -> Run:
    """Carry a flow out: answer its attempts from a list, and let its waits move the clock.

    A stream is answered where it reads, as gRPC does: opening it always works.
    """
    run, rest = Run(), iter(answers)
    try:
        step = next(steps)
        while True:
            run.steps.append(step)
            answer: bytes | CallError | None = b""
            if isinstance(step, flow.Sleep):
                clock.seconds += step.seconds
            elif not isinstance(step, flow.Open):
                clock.seconds += attempt_takes
                answer = next(rest)
            step = steps.throw(answer) if isinstance(answer, CallError) else steps.send(answer)
    except StopIteration as done:
        run.value = done.value
    except Exception as error:
        run.error = error
    return run


def unary(
    call: Call[T], made: flow.Session, clock: Clock, answers: Iterable[bytes | CallError]
) -> Run:
    """Carry out a unary call."""
    return drive(flow.unary(call, made), clock, answers)

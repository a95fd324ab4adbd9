"""The start of a stream, driven by hand: it starts over until its first message, never after."""

from __future__ import annotations

import grpc
import pytest
from by_hand import Clock, CountingKey, Run, drive, failure, session
from laws import given, st

from omni_api import AbortedError, CallError, RetryPolicy, UnauthenticatedError
from omni_api._core import flow
from omni_api._core.call import Call
from omni_api._gen import calls
from omni_api._gen.models import MaintenanceOperation

Code = grpc.StatusCode

LOGS = calls.machine_logs(machine_id="m-1")
AUDIT = calls.read_audit_log()
INSTALL = calls.maintenance_lifecycle(
    machine_id="m-1", operation=MaintenanceOperation.INSTALL, version="1.13.0", disk="/dev/sda"
)


def start(
    call: Call[object], answers: list[bytes | CallError | None], **options: object
) -> tuple[Run, Clock]:
    clock = Clock()
    return drive(flow.start(call, session(clock, **options)), clock, answers), clock  # type: ignore[arg-type]


@pytest.mark.parametrize("first", [b"a message", b"", None])
def test_a_stream_is_opened_once_and_its_first_message_is_handed_on(first: bytes | None) -> None:
    run, _ = start(LOGS, [first])
    assert [type(step) for step in run.steps] == [flow.Open, flow.Receive]
    assert run.value == first
    assert run.error is None


def test_a_stream_starts_over_until_its_first_message() -> None:
    run, _ = start(LOGS, [failure(Code.UNAVAILABLE), failure(Code.ABORTED), b"first"])
    assert [type(step) for step in run.steps] == [
        flow.Open, flow.Receive, flow.Sleep,
        flow.Open, flow.Receive, flow.Sleep,
        flow.Open, flow.Receive,
    ]  # fmt: skip
    assert run.value == b"first"


def test_after_the_first_message_the_flow_is_over_so_nothing_can_start_again() -> None:
    clock = Clock()
    steps = flow.start(LOGS, session(clock))
    next(steps)
    steps.send(None)
    with pytest.raises(StopIteration):
        steps.send(b"first")
    with pytest.raises(StopIteration):
        next(steps)


@given(st.integers(1, 12), st.sampled_from([code for code in Code if code is not Code.OK]))
def test_a_stream_is_never_opened_more_often_than_allowed(attempts: int, code: Code) -> None:
    policy = RetryPolicy(attempts=attempts)
    for call in (LOGS, INSTALL):
        run, _ = start(call, [failure(code) for _ in range(20)], retry=policy)
        again = call is LOGS and code in {Code.UNAVAILABLE, Code.ABORTED}
        assert len(run.sent) == (attempts if again else 1)
        assert run.failed.attempts == len(run.sent)


def test_a_stream_that_changes_something_is_opened_once_and_its_outcome_is_open() -> None:
    run, _ = start(INSTALL, [failure(Code.ABORTED)])
    assert len(run.sent) == 1
    assert isinstance(run.failed, AbortedError)
    assert run.failed.outcome_unknown is True


def test_a_refused_signature_is_not_tried_again_and_comes_with_advice() -> None:
    run, _ = start(AUDIT, [failure(Code.UNAUTHENTICATED, "invalid signature")])
    assert len(run.sent) == 1
    assert isinstance(run.failed, UnauthenticatedError)
    assert "clock is right to within five minutes" in run.failed.hint


def test_each_opening_is_signed_anew() -> None:
    key = CountingKey()
    busy: list[bytes | CallError | None] = [failure(Code.UNAVAILABLE) for _ in range(9)]
    run, _ = start(LOGS, busy, signer=key)
    assert len(key.signed) == len(run.sent) == 4
    assert len({dict(step.metadata)["x-sidero-signature"] for step in run.sent}) == 4


def test_a_stream_has_no_timeout_unless_it_names_one() -> None:
    assert start(LOGS, [None])[0].sent[0].timeout is None
    limited = calls.machine_logs(machine_id="m-1", timeout=30)
    assert start(limited, [None])[0].sent[0].timeout == 30


def test_the_timeout_of_a_stream_bounds_its_restarts_too() -> None:
    limited = calls.machine_logs(machine_id="m-1", timeout=1)
    busy: list[bytes | CallError | None] = [failure(Code.UNAVAILABLE) for _ in range(99)]
    run, clock = start(limited, busy, retry=RetryPolicy(attempts=99))
    assert clock.seconds < 1
    assert [step.timeout for step in run.sent] == pytest.approx([1, 0.85, 0.55])

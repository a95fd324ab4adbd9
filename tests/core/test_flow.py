"""The journey of a unary call, driven by hand: sign, send, look at the error, wait, send again."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import grpc
import pytest
from by_hand import BEGIN, Clock, CountingKey, drive, failure, session, unary
from laws import given, st

from omni_api import (
    DeadlineExceededError,
    InvalidInputError,
    ReadOnlyError,
    RetryPolicy,
    UnavailableError,
    UserKey,
)
from omni_api._core import flow
from omni_api._core.call import Call
from omni_api._gen import calls, management_pb2

Code = grpc.StatusCode

READ = calls.list_users()
CHANGE = calls.create_user(email="a@example.org", role="Reader")
USERS = management_pb2.ListUsersResponse(
    users=[management_pb2.ListUsersResponse.User(email="a@example.org")]
).SerializeToString()
CODES = st.sampled_from([code for code in Code if code is not Code.OK])


def busy(times: int = 1000) -> list[Any]:
    return [failure(Code.UNAVAILABLE) for _ in range(times)]


def test_a_call_that_works_is_sent_once_and_its_answer_is_read() -> None:
    clock = Clock()
    run = unary(READ, session(clock), clock, [USERS])
    assert len(run.sent) == 1
    assert run.waits == []
    assert [user.email for user in run.value.users] == ["a@example.org"]  # type: ignore[attr-defined]


def test_a_read_is_sent_again_after_a_wait_until_it_works() -> None:
    clock = Clock()
    run = unary(READ, session(clock), clock, [*busy(2), USERS])
    assert [type(step) for step in run.steps] == [
        flow.Attempt, flow.Sleep, flow.Attempt, flow.Sleep, flow.Attempt,
    ]  # fmt: skip
    assert run.waits == pytest.approx([0.15, 0.3])
    assert run.value is not None


@given(st.integers(1, 12), CODES)
def test_a_call_is_never_sent_more_often_than_allowed(attempts: int, code: Code) -> None:
    for call in (READ, CHANGE):
        clock = Clock()
        made = session(clock, retry=RetryPolicy(attempts=attempts), timeout=None)
        run = unary(call, made, clock, [failure(code) for _ in range(100)])
        again = call is READ and code in {Code.UNAVAILABLE, Code.ABORTED}
        assert len(run.sent) == (attempts if again else 1)
        assert len(run.waits) == len(run.sent) - 1
        assert run.failed.attempts == len(run.sent)
        assert run.failed.code is code


@given(st.integers(1, 30), st.floats(0.01, 60), st.floats(0, 10), st.floats(0, 1))
def test_waits_and_attempts_fit_the_deadline(
    attempts: int, timeout: float, attempt_takes: float, chance: float
) -> None:
    clock = Clock()
    policy = RetryPolicy(attempts=attempts, max_wait=3)
    made = session(clock, retry=policy, timeout=timeout, random=lambda: chance)
    run = drive(flow.unary(READ, made), clock, busy(), attempt_takes=attempt_takes)
    # The last attempt may run into the deadline that gRPC was given, no wait may.
    assert sum(run.waits) + attempt_takes * (len(run.sent) - 1) <= timeout
    assert len(run.sent) <= attempts


def test_each_attempt_gets_only_the_time_that_is_left() -> None:
    clock = Clock()
    run = drive(flow.unary(READ, session(clock, timeout=10)), clock, busy(), attempt_takes=2)
    left = [step.timeout for step in run.sent]
    assert left == pytest.approx([10, 10 - 2.15, 10 - 4.45, 10 - 7.05])


@pytest.mark.parametrize(
    ("default", "own", "expected"),
    [(120.0, "unset", 120.0), (120.0, 5, 5.0), (120.0, timedelta(minutes=1), 60.0),
     (120.0, None, None), (None, "unset", None), (None, 2.5, 2.5)],
)  # fmt: skip
def test_the_timeout_of_a_call_goes_before_the_one_of_the_client(
    default: float | None, own: Any, expected: float | None
) -> None:
    clock = Clock()
    call = READ if own == "unset" else calls.list_users(timeout=own)
    run = unary(call, session(clock, timeout=default), clock, [USERS])
    assert [step.timeout for step in run.sent] == [expected]


def test_a_call_that_waits_for_a_person_has_no_timeout_unless_it_names_one() -> None:
    clock = Clock()
    waiting = calls.await_public_key_confirmation(public_key_id="ab" * 20)
    limited = calls.await_public_key_confirmation(public_key_id="ab" * 20, timeout=9)
    assert unary(waiting, session(clock), clock, [b""]).sent[0].timeout is None
    assert unary(limited, session(clock), clock, [b""]).sent[0].timeout == 9


@pytest.mark.parametrize("timeout", [0, -1, "5", True, float("nan")])
def test_a_malformed_timeout_is_refused_when_the_call_is_made(timeout: Any) -> None:
    with pytest.raises(InvalidInputError, match="timeout must be"):
        calls.list_users(timeout=timeout)


def test_each_attempt_is_signed_anew_with_the_time_of_sending() -> None:
    clock, key = Clock(), CountingKey()
    policy = RetryPolicy(first_wait=100, max_wait=400)
    run = unary(READ, session(clock, signer=key, retry=policy, timeout=None), clock, busy())
    headers = [dict(step.metadata) for step in run.sent]
    assert len(key.signed) == len(headers) == 4
    assert len({h["x-sidero-signature"] for h in headers}) == 4
    elapsed = [int(h["x-sidero-timestamp"]) - int(BEGIN.timestamp()) for h in headers]
    assert elapsed == [0, 75, 225, 525]


def test_a_client_without_key_and_a_call_that_must_be_unsigned_send_no_signature() -> None:
    clock, key = Clock(), CountingKey()
    unsigned = calls.confirm_public_key(public_key_id="ab" * 20)
    assert unary(READ, session(clock), clock, [USERS]).sent[0].metadata == ()
    assert unary(unsigned, session(clock, signer=key), clock, [b""]).sent[0].metadata == ()
    assert key.signed == []


def test_the_cluster_is_sent_and_signed() -> None:
    clock, key = Clock(), CountingKey()
    run = unary(calls.kubeconfig(cluster="prod"), session(clock, signer=key), clock, [b""])
    assert run.sent[0].metadata[0] == ("context", "prod")
    assert b'"context":["prod"]' in key.signed[0]


@pytest.mark.parametrize(
    "call",
    [
        CHANGE,
        calls.machine_power_off(machine_id="m"),
        calls.kubeconfig(cluster="c", break_glass=True),
        calls.kubernetes_sync_manifests(cluster="c", dry_run=False),
    ],
    ids=lambda call: str(call.method.name),
)
def test_a_read_only_client_refuses_a_change_before_any_step(call: Call[Any]) -> None:
    clock, key = Clock(), CountingKey()
    made = session(clock, signer=key, read_only=True)
    run = unary(call, made, clock, [b""])
    assert isinstance(run.error, ReadOnlyError)
    assert call.method.name in str(run.error)
    assert run.steps == key.signed == []


def test_a_read_only_client_refuses_a_stream_that_changes_when_it_is_made() -> None:
    call = calls.kubernetes_sync_manifests(cluster="c", dry_run=False)
    with pytest.raises(ReadOnlyError, match="kubernetes_sync_manifests changes something"):
        flow.start(call, session(Clock(), read_only=True))


def test_a_read_only_client_sends_reads() -> None:
    clock = Clock()
    assert unary(READ, session(clock, read_only=True), clock, [USERS]).value is not None
    dry = calls.kubernetes_sync_manifests(cluster="c")
    assert len(drive(flow.start(dry, session(clock, read_only=True)), clock, [None]).sent) == 1


def test_a_power_off_is_sent_once_and_its_outcome_is_open_when_the_connection_is_lost() -> None:
    clock = Clock()
    call = calls.machine_power_off(machine_id="m")
    run = unary(call, session(clock), clock, [failure(Code.UNAVAILABLE, "Socket closed")])
    assert isinstance(run.failed, UnavailableError)
    assert (len(run.sent), run.failed.outcome_unknown) == (1, True)
    assert "may have been carried out; look before you send it again" in str(run.failed)


def test_when_the_time_passed_before_a_call_was_sent_its_outcome_is_known() -> None:
    clock = Clock()

    class SlowKey(CountingKey):
        def sign(self, data: bytes) -> bytes:
            clock.seconds += 10
            return super().sign(data)

    run = unary(CHANGE, session(clock, signer=SlowKey(), timeout=5), clock, [b""])
    assert run.steps == []
    assert isinstance(run.failed, DeadlineExceededError)
    assert run.failed.outcome_unknown is False


def test_when_a_wait_outlasts_the_deadline_only_what_was_sent_is_counted() -> None:
    clock = Clock()
    steps = flow.unary(READ, session(clock, timeout=5))
    next(steps)
    assert isinstance(steps.throw(failure(Code.UNAVAILABLE)), flow.Sleep)
    clock.seconds += 60
    with pytest.raises(DeadlineExceededError) as caught:
        next(steps)
    assert caught.value.attempts == 1


def test_an_identity_goes_into_the_header_only_as_printable_ascii_without_spaces() -> None:
    from omni_api import ServiceAccountKey

    made = ServiceAccountKey.generate("me")
    for key in (
        ServiceAccountKey("J\u00f6rg & Co", made._pair),
        UserKey("j\u00f6rg@x", made._pair),
    ):
        clock = Clock()
        run = unary(READ, session(clock, signer=key), clock, [USERS])
        header = dict(run.sent[0].metadata)["x-sidero-signature"]
        assert header.isascii(), type(key).__name__
        assert len(header.split(" ")) == 4


def test_the_log_names_path_attempt_and_code_and_no_metadata(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, key = Clock(), CountingKey(identity="somebody")
    with caplog.at_level(logging.DEBUG, "omni_api"):
        unary(READ, session(clock, signer=key), clock, [*busy(1), USERS])
    assert "/management.ManagementService/ListUsers attempt 1: UNAVAILABLE" in caplog.text
    assert "somebody" not in caplog.text
    assert "signature" not in caplog.text

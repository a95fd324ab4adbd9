"""The retry policy: which failure of which call is tried again, and after how long."""

from __future__ import annotations

import math
from typing import Any

import grpc
import pytest
from by_hand import failure
from laws import given, st

from omni_api import InvalidInputError, KubernetesSSAOptions, RetryPolicy
from omni_api._core.call import Call
from omni_api._core.retry import PASSING, outcome_unknown
from omni_api._gen import calls, table
from omni_api._gen.models import InventoryPolicy

Code = grpc.StatusCode

READ = calls.list_users()
CHANGE = calls.create_user(email="a@example.org", role="Reader")
SECONDS = st.floats(min_value=1e-3, max_value=1000)
POLICIES = st.builds(RetryPolicy, attempts=st.integers(1, 60), first_wait=SECONDS, max_wait=SECONDS)
CHANCES = st.floats(min_value=0, max_value=1)
# A call that changes something, or does not, depending on its arguments.
EITHER: list[tuple[Call[Any], bool]] = [
    (calls.kubeconfig(cluster="c"), False),
    (calls.kubeconfig(cluster="c", service_account=True, service_account_user="u"), False),
    (calls.kubeconfig(cluster="c", break_glass=True), True),
    (calls.talosconfig(), False),
    (calls.talosconfig(cluster="c", raw=True), False),
    (calls.talosconfig(cluster="c", break_glass=True), True),
    (calls.kubernetes_sync_manifests(cluster="c"), False),
    (calls.kubernetes_sync_manifests(cluster="c", dry_run=True), False),
    (calls.kubernetes_sync_manifests(cluster="c", dry_run=False), True),
    (
        calls.kubernetes_sync_manifests(
            cluster="c",
            dry_run=False,
            ssa=KubernetesSSAOptions(inventory_policy=InventoryPolicy.ADOPT_ALL, no_prune=True),
        ),
        True,
    ),
]


def wait(
    policy: RetryPolicy,
    call: Call[Any],
    code: Code = Code.UNAVAILABLE,
    details: str = "not now",
    *,
    attempt: int = 1,
    remaining: float | None = None,
    chance: float = 0.5,
) -> float | None:
    return policy.wait_after(
        failure(code, details),
        call,
        attempt=attempt,
        remaining=remaining,
        random=lambda: chance,
    )


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
def test_only_failures_that_say_not_now_are_tried_again(code: Code) -> None:
    assert (wait(RetryPolicy(), READ, code) is not None) == (code in PASSING)
    assert {Code.UNAVAILABLE, Code.ABORTED} == PASSING


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
def test_a_change_is_never_tried_again_whatever_the_code(code: Code) -> None:
    assert wait(RetryPolicy(attempts=50), CHANGE, code) is None


@pytest.mark.parametrize(("call", "changes"), EITHER, ids=lambda value: str(value)[:60])
def test_the_arguments_decide_whether_a_call_changes_something(
    call: Call[Any], changes: bool
) -> None:
    assert call.changes is changes
    assert (wait(RetryPolicy(), call) is None) is changes


def test_what_the_table_calls_never_is_not_tried_again() -> None:
    never = [method for method in table.METHODS if method.retry == "never"]
    assert len(never) > 10
    for method in never:
        call = Call(method=method, request=b"", changes=False, reader=method.reader)
        assert wait(RetryPolicy(), call) is None, method.name


@given(POLICIES, st.integers(1, 100), CHANCES)
def test_there_are_never_more_attempts_than_allowed(
    policy: RetryPolicy, attempt: int, chance: float
) -> None:
    again = wait(policy, READ, attempt=attempt, chance=chance)
    assert (again is None) == (attempt >= policy.attempts)


@given(POLICIES, st.integers(1, 5000), CHANCES)
def test_a_wait_lies_between_half_and_all_of_what_the_policy_says(
    policy: RetryPolicy, attempt: int, chance: float
) -> None:
    patient = RetryPolicy(attempts=10_000, first_wait=policy.first_wait, max_wait=policy.max_wait)
    seconds = wait(patient, READ, attempt=attempt, chance=chance)
    # 2.0 ** 60 is far beyond max_wait.
    whole = min(policy.max_wait, policy.first_wait * 2.0 ** min(attempt - 1, 60))
    assert seconds is not None
    assert whole / 2 <= seconds <= whole
    assert seconds == pytest.approx(whole * (0.5 + chance / 2))


@given(POLICIES, st.integers(1, 20), CHANCES, st.floats(min_value=-10, max_value=2000))
def test_a_wait_ends_before_the_deadline_or_is_not_begun(
    policy: RetryPolicy, attempt: int, chance: float, remaining: float
) -> None:
    free = wait(policy, READ, attempt=attempt, chance=chance)
    bound = wait(policy, READ, attempt=attempt, chance=chance, remaining=remaining)
    if free is None or free >= remaining:
        assert bound is None
    else:
        assert bound == free


@pytest.mark.parametrize(
    "details",
    [
        "Ssl handshake failed (TSI_PROTOCOL_FAILURE): CERTIFICATE_VERIFY_FAILED: unable to get "
        "local issuer certificate",
        "failed to connect to all addresses; certificate verify failed",
        "Peer name omni.example.com is not in peer certificate",
        "Ssl handshake failed: SSL_ERROR_SSL: WRONG_VERSION_NUMBER",
    ],
)
def test_a_failure_of_tls_is_not_tried_again_since_no_attempt_will_mend_it(details: str) -> None:
    assert wait(RetryPolicy(), READ, details=details) is None


@pytest.mark.parametrize("attempts", [0, -1, 1.0, "4", None, True, math.nan])
def test_attempts_that_are_no_number_of_times_are_refused(attempts: Any) -> None:
    with pytest.raises(InvalidInputError, match="attempts must be an int of 1 or more, not"):
        RetryPolicy(attempts=attempts)


@pytest.mark.parametrize("name", ["first_wait", "max_wait"])
@pytest.mark.parametrize("seconds", [0, -1.0, math.nan, math.inf, 86_400, "1", None, True])
def test_waits_that_are_no_positive_seconds_are_refused(name: str, seconds: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} must be seconds above 0, not"):
        RetryPolicy(**{name: seconds})


@pytest.mark.parametrize(
    "code", [Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.INTERNAL, Code.UNAVAILABLE, Code.ABORTED]
)
def test_after_an_ambiguous_code_the_outcome_of_a_change_is_open_but_not_that_of_a_read(
    code: Code,
) -> None:
    assert outcome_unknown(failure(code, "Socket closed"), CHANGE) is True
    assert outcome_unknown(failure(code, "Socket closed"), READ) is False


@pytest.mark.parametrize(
    "code",
    [
        Code.INVALID_ARGUMENT,
        Code.NOT_FOUND,
        Code.ALREADY_EXISTS,
        Code.PERMISSION_DENIED,
        Code.UNAUTHENTICATED,
        Code.FAILED_PRECONDITION,
        Code.RESOURCE_EXHAUSTED,
        Code.UNIMPLEMENTED,
        Code.OUT_OF_RANGE,
    ],
)
def test_a_refusal_leaves_nothing_open(code: Code) -> None:
    assert outcome_unknown(failure(code), CHANGE) is False


@pytest.mark.parametrize(
    "details",
    [
        "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Connection "
        "refused",
        "DNS resolution failed for omni.example.com:443",
        "name resolution failure",
    ],
)
def test_what_was_never_sent_leaves_nothing_open(details: str) -> None:
    assert outcome_unknown(failure(Code.UNAVAILABLE, details), CHANGE) is False


def test_a_plain_error_of_omni_leaves_nothing_open_but_an_unknown_of_grpc_does() -> None:
    plain = failure(Code.UNKNOWN, "key lifetime is too long: 8784h0m0s")
    lost = failure(Code.UNKNOWN, "Stream removed")
    assert outcome_unknown(plain, CHANGE) is False
    assert outcome_unknown(lost, CHANGE) is True

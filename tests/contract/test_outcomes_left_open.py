"""Changes that may have happened: which failures leave that open, and which do not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from by_hand import Clock, failure, session, unary
from facades import Facade
from sample_calls import BY_NAME, SAMPLES, one_machine

from omni_api import ClosedError, ServiceAccountKey, UnavailableError
from omni_api._core.retry import outcome_unknown
from omni_api._gen import calls
from omni_api.simulator import Simulator

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
CHANGE = calls.machine_power_off(machine_id="m")


@pytest.mark.parametrize(
    "words",
    [
        "failed to connect to node 10.0.0.1: Connection refused",
        "rpc error: failed to connect to all addresses; last error: Connection refused",
        "dial tcp 10.0.0.1:50000: connect: Connection refused",
        "shutdown sent, then DNS resolution failed",
    ],
)
def test_a_connection_that_the_server_lost_leaves_the_outcome_open(
    omni: Any, simulator: Simulator, words: str
) -> None:
    simulator.fail("MachinePowerOff", message=words)
    with pytest.raises(UnavailableError) as caught:
        omni.management.machine_power_off(machine_id=one_machine(simulator))
    assert caught.value.outcome_unknown
    assert "may have been carried out" in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to "
        "connect to remote host: connect: Connection refused (111)",
        "DNS resolution failed for omni.example:443: C-ares status is not ARES_SUCCESS",
        "failed to ask the server for its certificate: [Errno 111] Connection refused",
    ],
)
def test_a_connection_that_never_was_leaves_nothing_open(words: str) -> None:
    assert not outcome_unknown(failure(UNAVAILABLE, words), CHANGE)


def test_a_server_that_is_not_there_leaves_nothing_open(facade: Facade) -> None:
    with Simulator() as gone:
        endpoint, key = gone.endpoint, ServiceAccountKey.decode(gone.service_account_key())
    omni = facade.client(endpoint, auth=key)
    with pytest.raises(UnavailableError, match="failed to connect to all addresses") as caught:
        omni.management.machine_power_off(machine_id="m")
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("name", "changes"),
    [("machine_logs", False), ("read_audit_log", False), ("maintenance_lifecycle", True)],
)
def test_a_stream_whose_client_was_closed_says_whether_something_may_have_happened(
    omni: Any, simulator: Simulator, facade: Facade, name: str, changes: bool
) -> None:
    rpc = BY_NAME[name].path.rpartition("/")[2]
    simulator.delay(rpc, 30.0)
    stream = SAMPLES[name](omni, simulator)
    stream.__enter__()
    assert facade.meanwhile(lambda: simulator.wait_for(lambda: simulator.count(rpc) == 1))
    omni.close()
    with pytest.raises(ClosedError, match=rpc) as caught:
        next(stream)
    assert ("may have been carried out" in str(caught.value)) is changes


@pytest.mark.parametrize("limit", [timedelta.max, 1e12, 1e300])
def test_a_very_long_timeout_is_not_over_at_once(
    omni: Any, simulator: Simulator, limit: float | timedelta
) -> None:
    assert omni.management.list_users(timeout=limit).users
    for follow in (False, True):
        stream = omni.management.machine_logs(
            machine_id=one_machine(simulator), tail_lines=2, follow=follow, timeout=limit
        )
        assert next(stream).bytes
        stream.close()


def test_a_client_with_a_very_long_timeout_can_call(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    assert as_role("Admin", timeout=timedelta.max).management.list_users().users


def test_a_very_long_timeout_is_cut_to_what_grpc_can_count() -> None:
    clock = Clock()
    run = unary(calls.list_users(timeout=1e300), session(clock), clock, [b""])
    assert run.error is None
    (attempt,) = run.sent
    assert attempt.timeout is not None
    assert 3e7 < attempt.timeout < 2**63 / 1e9

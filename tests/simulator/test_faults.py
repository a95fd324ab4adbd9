"""Every fault of the public API, as a client of this library meets it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import grpc
import pytest
from sample_calls import one_machine

from omni_api import (
    AbortedError,
    CallError,
    DeadlineExceededError,
    NotFoundError,
    OmniClient,
    RetryPolicy,
    ServiceAccountKey,
    UnauthenticatedError,
    UnavailableError,
)
from omni_api.simulator import Simulator

LONG = 30.0


@pytest.fixture
def omni(simulator: Simulator) -> Iterator[OmniClient]:
    """A client that tries everything once."""
    key = ServiceAccountKey.decode(simulator.service_account_key())
    with OmniClient(simulator.endpoint, auth=key, retry=RetryPolicy(attempts=1)) as client:
        yield client


def fails(omni: OmniClient) -> bool:
    """Whether listing the users fails with the fault."""
    try:
        return not omni.management.list_users().users
    except CallError as error:
        return error.details == "injected fault"


def test_a_fault_hits_one_call_unless_told_otherwise(
    omni: OmniClient, simulator: Simulator
) -> None:
    fault = simulator.fail("ListUsers")
    assert [fails(omni) for _ in range(3)] == [True, False, False]
    assert fault.hits == 1
    assert fault.remaining == 0


def test_a_fault_lets_calls_pass_first(omni: OmniClient, simulator: Simulator) -> None:
    simulator.fail("ListUsers", times=2, after=1)
    assert [fails(omni) for _ in range(4)] == [False, True, True, False]


def test_a_fault_for_all_calls_lasts_until_it_is_cleared(
    omni: OmniClient, simulator: Simulator
) -> None:
    simulator.fail("ListUsers", times=None)
    assert [fails(omni) for _ in range(3)] == [True] * 3
    simulator.clear_faults()
    assert not fails(omni)


def test_a_fault_is_named_by_rpc_or_by_path_and_hits_nothing_else(
    omni: OmniClient, simulator: Simulator
) -> None:
    by_path = simulator.fail("/management.ManagementService/ListUsers")
    assert omni.management.omniconfig().omniconfig
    assert fails(omni)
    assert by_path.hits == 1


def test_a_fault_has_its_code_and_its_words(omni: OmniClient, simulator: Simulator) -> None:
    simulator.fail("ListUsers", code=grpc.StatusCode.ABORTED, message="try later")
    with pytest.raises(AbortedError, match="try later"):
        omni.management.list_users()
    assert [call.code for call in simulator.calls] == [grpc.StatusCode.ABORTED]


def test_a_fault_comes_before_the_server_looks_at_the_signature(simulator: Simulator) -> None:
    simulator.fail("ListUsers", code=grpc.StatusCode.NOT_FOUND)
    once = RetryPolicy(attempts=1)
    with OmniClient(simulator.endpoint, retry=once) as unsigned, pytest.raises(NotFoundError):
        unsigned.management.list_users()


def test_a_stream_breaks_after_its_messages_and_the_next_one_does_not(
    omni: OmniClient, simulator: Simulator
) -> None:
    machine_id = one_machine(simulator)
    fault = simulator.break_stream("MachineLogs", after=5, code=grpc.StatusCode.ABORTED)
    with pytest.raises(AbortedError) as caught:
        list(omni.management.machine_logs(machine_id=machine_id))
    assert caught.value.chunks == 5
    assert len(list(omni.management.machine_logs(machine_id=machine_id))) == 1000
    assert fault.hits == 1


def test_a_live_stream_breaks_without_waiting_for_one_message_more(
    omni: OmniClient, simulator: Simulator
) -> None:
    simulator.break_stream("MachineLogs", after=2)
    stream = omni.management.machine_logs(
        machine_id=one_machine(simulator), follow=True, tail_lines=2, timeout=10
    )
    with pytest.raises(UnavailableError) as caught:
        list(stream)
    assert caught.value.chunks == 2


def test_a_stream_that_is_too_short_to_break_ends_well(
    omni: OmniClient, simulator: Simulator
) -> None:
    simulator.break_stream("MachineLogs", after=50)
    lines = omni.management.machine_logs(machine_id=one_machine(simulator), tail_lines=3)
    assert len(list(lines)) == 3


def test_a_delay_holds_a_call_until_faults_are_cleared(
    omni: OmniClient, simulator: Simulator
) -> None:
    fault = simulator.delay("ListUsers", LONG)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(omni.management.list_users)
        assert simulator.wait_for(lambda: fault.hits == 1)
        assert not call.done()
        simulator.clear_faults()
        assert call.result(5.0).users


def test_a_delay_ends_with_the_call_that_it_holds(omni: OmniClient, simulator: Simulator) -> None:
    simulator.delay("ListUsers", LONG, times=1)
    with pytest.raises(DeadlineExceededError):
        omni.management.list_users(timeout=0.2)
    assert simulator.wait_for(lambda: all(call.code for call in simulator.calls))
    assert omni.management.list_users().users


def test_a_wrong_clock_is_set_right_with_the_faults(omni: OmniClient, simulator: Simulator) -> None:
    simulator.clock_offset = timedelta(hours=1)
    with pytest.raises(UnauthenticatedError):
        omni.management.list_users()
    simulator.clear_faults()
    assert simulator.clock_offset == timedelta(0)
    assert omni.management.list_users().users


def test_a_server_that_goes_away_ends_its_streams_and_comes_back_as_it_was(
    omni: OmniClient, simulator: Simulator
) -> None:
    omni.management.create_user(email="ana@example.org", role="Reader")
    endpoint = simulator.endpoint
    stream = omni.management.machine_logs(
        machine_id=one_machine(simulator), follow=True, tail_lines=1
    )
    next(stream)
    simulator.go_away()
    simulator.go_away()
    with pytest.raises(UnavailableError):
        next(stream)
    assert simulator.active_streams() == 0
    with pytest.raises(UnavailableError):
        omni.management.list_users()
    simulator.come_back()
    simulator.come_back()
    assert simulator.endpoint == endpoint
    key = ServiceAccountKey.decode(simulator.service_account_key())
    with OmniClient(endpoint, auth=key) as again:
        emails = {user.email for user in again.management.list_users().users}
    assert "ana@example.org" in emails


def test_followers_of_the_audit_log_can_be_sent_home(
    omni: OmniClient, simulator: Simulator
) -> None:
    streams = [omni.management.read_audit_log(follow=True) for _ in range(3)]
    assert all(next(stream).id for stream in streams)
    assert simulator.active_streams("ReadAuditLog") == simulator.active_streams() == 3
    simulator.expire_follow_leases()
    for stream in streams:
        # The earlier ones may have been told that the later ones came.
        assert all(b"audit_log_access" in line.audit_log for line in stream)
        assert "ended" in repr(stream)
    assert simulator.wait_for(lambda: simulator.active_streams("ReadAuditLog") == 0)


def test_calls_are_remembered_with_their_requests_until_they_are_forgotten(
    omni: OmniClient, simulator: Simulator
) -> None:
    omni.management.kubeconfig(cluster="c1", grant_type="auto")
    (call,) = simulator.calls
    assert (call.rpc, call.path) == ("Kubeconfig", "/management.ManagementService/Kubeconfig")
    assert call.code is grpc.StatusCode.OK
    assert call.request.grant_type == "auto"
    assert "context" in call.metadata_keys
    assert simulator.count("Kubeconfig") == simulator.count(call.path) == 1
    simulator.forget_calls()
    assert simulator.calls == []


def test_waiting_for_what_does_not_happen_ends(simulator: Simulator) -> None:
    asked = threading.Event()

    def never() -> bool:
        asked.set()
        return False

    assert not simulator.wait_for(never, timeout=0.05)
    assert asked.is_set()

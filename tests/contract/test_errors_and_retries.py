"""What is tried again and what is not, as the server sees it, and what the error says of it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from facades import Facade
from sample_calls import BY_NAME, SAMPLES, carry_out, one_machine

from omni_api import (
    AbortedError,
    CallError,
    InternalError,
    InvalidArgumentError,
    MaintenanceOperation,
    ResourceExhaustedError,
    RetryPolicy,
    ServiceAccountKey,
    UnavailableError,
)
from omni_api.simulator import Simulator

QUICK = RetryPolicy(first_wait=0.001, max_wait=0.005)
READS = [name for name, method in BY_NAME.items() if method.retry == "read"]
CHANGES = [name for name, method in BY_NAME.items() if method.retry == "never"]
STREAMS = [name for name in READS if BY_NAME[name].stream]


@pytest.fixture
def omni(as_role: Callable[..., Any]) -> Any:
    """An Admin who does not wait long between attempts."""
    return as_role("Admin", retry=QUICK)


def test_every_rpc_is_either_a_read_or_a_change() -> None:
    assert sorted([*READS, *CHANGES]) == sorted(SAMPLES)
    assert len(CHANGES) == 18


@pytest.mark.parametrize("name", READS)
def test_a_read_is_tried_again_while_the_server_is_unavailable(
    omni: Any, simulator: Simulator, name: str
) -> None:
    fault = simulator.fail(BY_NAME[name].path, times=2)
    carry_out(name, omni, simulator)
    assert fault.hits == 2
    assert [call.path for call in simulator.calls] == [BY_NAME[name].path] * 3


def unavailable(name: str, omni: Any, simulator: Simulator) -> UnavailableError:
    """Let an rpc fail for good and return the error."""
    simulator.state.legacy = name == "tear_down_locked_cluster"
    simulator.fail(BY_NAME[name].path, times=None)
    with pytest.raises(UnavailableError, match="injected fault") as caught:
        carry_out(name, omni, simulator)
    return caught.value


def test_a_change_is_sent_once_and_its_outcome_is_unknown(omni: Any, simulator: Simulator) -> None:
    for name in CHANGES:
        error = unavailable(name, omni, simulator)
        assert simulator.count(BY_NAME[name].path) == 1, name
        assert error.outcome_unknown
        assert error.attempts == 1
        assert "may have been carried out; look before you send it again" in str(error)


def test_a_read_that_fails_for_good_says_how_often_it_was_sent(
    omni: Any, simulator: Simulator
) -> None:
    for name in READS:
        error = unavailable(name, omni, simulator)
        assert simulator.count(BY_NAME[name].path) == error.attempts == 4, name
        assert not error.outcome_unknown
        assert "(sent 4 times)" in str(error)
        assert isinstance(error.__cause__, grpc.RpcError)


@pytest.mark.parametrize("name", ["kubeconfig", "talosconfig"])
def test_break_glass_makes_a_change_of_a_read(omni: Any, simulator: Simulator, name: str) -> None:
    simulator.state.break_glass_allowed = True
    simulator.fail(BY_NAME[name].path, times=1)
    method = getattr(omni.management, name)
    with pytest.raises(UnavailableError) as caught:
        method(cluster="talos-default", break_glass=True)
    assert caught.value.outcome_unknown
    assert simulator.count(BY_NAME[name].path) == 1


def test_a_real_sync_of_manifests_is_sent_once(omni: Any, simulator: Simulator) -> None:
    simulator.fail("KubernetesSyncManifests", times=1)
    with pytest.raises(UnavailableError) as caught:
        list(omni.management.kubernetes_sync_manifests(cluster="talos-default", dry_run=False))
    assert caught.value.outcome_unknown
    assert simulator.count("KubernetesSyncManifests") == 1


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_starts_again_before_its_first_message(
    omni: Any, simulator: Simulator, name: str
) -> None:
    fault = simulator.break_stream(BY_NAME[name].path, after=0, times=3)
    assert carry_out(name, omni, simulator)
    assert fault.hits == 3
    assert simulator.count(BY_NAME[name].path) == 4


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_never_starts_again_after_its_first_message(
    omni: Any, simulator: Simulator, name: str
) -> None:
    simulator.break_stream(BY_NAME[name].path, after=1, times=None)
    with pytest.raises(UnavailableError) as caught:
        carry_out(name, omni, simulator)
    assert simulator.count(BY_NAME[name].path) == 1
    assert caught.value.chunks == 1
    assert caught.value.attempts == 1
    assert "after 1 messages" in str(caught.value)


def test_a_broken_change_says_that_its_outcome_is_unknown(omni: Any, simulator: Simulator) -> None:
    simulator.break_stream("MaintenanceLifecycle", after=2)
    machine_id = simulator.state.fleet.example("maintenance").id
    with pytest.raises(UnavailableError) as caught:
        list(
            omni.management.maintenance_lifecycle(
                machine_id=machine_id, operation=MaintenanceOperation.INSTALL, disk="/dev/sda"
            )
        )
    assert caught.value.outcome_unknown
    assert caught.value.chunks == 2


def test_a_policy_of_one_attempt_turns_retries_off(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    omni = as_role("Admin", retry=RetryPolicy(attempts=1))
    simulator.fail("ListUsers")
    with pytest.raises(UnavailableError):
        omni.management.list_users()
    simulator.break_stream("MachineLogs", after=0)
    with pytest.raises(UnavailableError):
        list(omni.management.machine_logs(machine_id=one_machine(simulator)))
    assert [call.rpc for call in simulator.calls] == ["ListUsers", "MachineLogs"]
    assert omni.management.list_users().users


def test_an_aborted_read_is_tried_again(omni: Any, simulator: Simulator) -> None:
    simulator.fail("ListUsers", code=grpc.StatusCode.ABORTED, times=4)
    with pytest.raises(AbortedError):
        omni.management.list_users()
    assert simulator.count("ListUsers") == 4
    assert omni.management.list_users().users


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INTERNAL, InternalError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ResourceExhaustedError),
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidArgumentError),
    ],
)
def test_a_failure_that_will_not_pass_is_not_tried_again(
    omni: Any, simulator: Simulator, code: grpc.StatusCode, kind: type[CallError]
) -> None:
    simulator.fail("ListUsers", code=code)
    with pytest.raises(kind, match="injected fault"):
        omni.management.list_users()
    assert simulator.count("ListUsers") == 1


def test_every_status_of_the_server_becomes_an_error_of_its_own(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    omni = as_role("Admin", retry=RetryPolicy(attempts=1))
    kinds = set()
    for code in grpc.StatusCode:
        if code is grpc.StatusCode.OK:
            continue
        simulator.fail("ListUsers", code=code, message="so it goes")
        with pytest.raises(CallError, match="so it goes") as caught:
            omni.management.list_users()
        error = caught.value
        assert error.code is code
        assert error.details == "so it goes"
        assert error.method == "/management.ManagementService/ListUsers"
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy), copy.code) == (type(error), str(error), code)
        kinds.add(type(error))
    assert len(kinds) == len(grpc.StatusCode) - 1
    assert CallError not in kinds


class CountingKey:
    """A key that remembers what it signed."""

    def __init__(self, key: ServiceAccountKey) -> None:
        self._key = key
        self.identity = key.identity
        self.fingerprint = key.fingerprint
        self.expires = key.expires
        self.signed: list[bytes] = []

    def sign(self, data: bytes) -> bytes:
        self.signed.append(data)
        return self._key.sign(data)


def test_every_attempt_is_signed_anew(facade: Facade, simulator: Simulator) -> None:
    key = CountingKey(ServiceAccountKey.decode(simulator.service_account_key()))
    omni = facade.client(simulator.endpoint, auth=key, retry=QUICK)
    simulator.fail("ListUsers", times=2)
    assert omni.management.list_users().users
    assert len(key.signed) == 3
    simulator.break_stream("ReadAuditLog", after=0)
    assert list(omni.management.read_audit_log())
    assert len(key.signed) == 5
    assert [call.metadata_keys for call in simulator.calls] == [
        simulator.calls[0].metadata_keys
    ] * 5

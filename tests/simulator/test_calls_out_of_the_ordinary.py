"""Malformed calls, faults in a handler, accounts half gone: the server answers, and goes on."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import grpc
import pysequoia
import pytest
from raw_client import RawClient

from omni_api import OmniClient, UnimplementedError
from omni_api.simulator import Simulator

SERVICE = "management.ManagementService"
CLUSTER = [["context", "talos-default"]]


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


def sent(simulator: Simulator, path: str, data: bytes) -> tuple[str, str]:
    with grpc.insecure_channel(f"127.0.0.1:{simulator.port}") as channel:
        call: Any = channel.unary_unary(path)
        try:
            call(data, timeout=5)
        except grpc.RpcError as error:
            return error.code().name, error.details() or ""
    return "OK", ""


def test_bytes_that_are_no_message_are_an_internal_error(simulator: Simulator) -> None:
    code, message = sent(simulator, f"/{SERVICE}/Omniconfig", b"\xff")
    assert code == "INTERNAL"
    assert message.startswith("grpc: error unmarshalling request: ")
    assert simulator.calls[-1].request is None


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"/{SERVICE}/Nope", f"unknown method Nope for service {SERVICE}"),
        ("/nope.Service/List", "unknown service nope.Service"),
        (
            f"/{SERVICE}/TearDownLockedCluster",
            f"unknown method TearDownLockedCluster for service {SERVICE}",
        ),
    ],
)
def test_what_the_server_does_not_know_is_unimplemented(
    simulator: Simulator, path: str, message: str
) -> None:
    assert sent(simulator, path, b"") == ("UNIMPLEMENTED", message)


@pytest.mark.parametrize("rpc", ["ListUsers", "ReadAuditLog"])
def test_a_panic_is_an_answer_too(
    simulator: Simulator, client: RawClient, caplog: pytest.LogCaptureFixture, rpc: str
) -> None:
    accounts, audit = simulator.state.accounts, simulator.state.audit
    users = dict(accounts.users)
    if rpc == "ListUsers":
        # An identity that leads to no user: what no rpc can bring about.
        del accounts.users[accounts.identities["reader@example.org"].user_id]
    else:
        del simulator.state.audit
    code, _, _ = client.call(SERVICE, rpc, {})
    assert code == "INTERNAL"
    assert f"/{SERVICE}/{rpc} panicked" in caplog.text
    accounts.users.update(users)
    simulator.state.audit = audit
    assert client.call(SERVICE, rpc, {})[0] == "OK"


def test_a_key_whose_user_is_gone_signs_nothing(simulator: Simulator) -> None:
    client = RawClient(simulator, "Reader")
    assert client.call(SERVICE, "Omniconfig", {})[0] == "OK"
    del simulator.state.accounts.identities["simulator-reader@serviceaccount.omni.sidero.dev"]
    assert client.call(SERVICE, "Omniconfig", {})[:2] == ("UNAUTHENTICATED", "invalid signature")
    client.close()


def test_an_auditor_whose_user_is_an_operator_is_a_reader(
    simulator: Simulator, client: RawClient
) -> None:
    auditor = RawClient(simulator, "Auditor")
    email = "simulator-auditor@serviceaccount.omni.sidero.dev"
    for role, code in (("Operator", "PERMISSION_DENIED"), ("Admin", "OK")):
        request = {"email": email, "role": role}
        assert client.call(SERVICE, "UpdateUser", request)[0] == "OK"
        got, message, _ = auditor.call(SERVICE, "ReadAuditLog", {})
        assert got == code
        assert ('role "Reader"' in message) is (role == "Operator")
    auditor.close()


def test_two_roles_cannot_share_an_accounts_name(simulator: Simulator) -> None:
    key = simulator.service_account_key("Reader", "bot")
    assert simulator.service_account_key("Reader", "bot") == key
    with pytest.raises(ValueError, match="service account 'bot' exists already"):
        simulator.service_account_key("Admin", "bot")


def test_without_an_audit_log_changes_work_and_reading_does_not(
    simulator: Simulator, client: RawClient
) -> None:
    newest = simulator.state.audit.newest_id
    simulator.state.audit_log_enabled = False
    assert client.call(SERVICE, "CreateJoinToken", {"name": "x"})[0] == "OK"
    answer = client.call(SERVICE, "ReadAuditLog", {})
    assert answer[:2] == ("UNKNOWN", "audit logs are disabled")
    assert simulator.state.audit.newest_id == newest


def test_a_search_beyond_ascii_ignores_the_case_of_ascii_alone(client: RawClient) -> None:
    request = {"email": "j\u00fcrgen@example.org", "role": "Reader"}
    assert client.call(SERVICE, "CreateUser", request)[0] == "OK"

    def found(search: str) -> int:
        responses = client.call(SERVICE, "ReadAuditLog", {"search": search})[2]
        lines = [json.loads(base64.b64decode(one["audit_log"])) for one in responses]
        created = [line for line in lines if line["event_type"] == "create"]
        return len(created)

    assert found("J\u00fcRGEN@example.org") == found("j\u00fcrg_n%ORG") == 2
    assert found("j\u00dcrgen@example.org") == 0


@pytest.mark.parametrize(
    ("version", "cause"),
    [
        ("1.36.1-r_1", 'Invalid character(s) found in prerelease "r_1"'),
        ("1.36.1+b_1", 'Invalid character(s) found in build meta data "b_1"'),
    ],
)
def test_the_parts_behind_a_version_have_their_own_letters(
    client: RawClient, version: str, cause: str
) -> None:
    request = {"new_version": version}
    assert client.call(SERVICE, "KubernetesUpgradePreChecks", request, CLUSTER)[:2] == (
        "INVALID_ARGUMENT",
        f"invalid upgrade path: error parsing to version: {cause}",
    )


def test_omni_1_2_tears_down_only_clusters_that_are_there() -> None:
    with Simulator(legacy=True) as simulator:
        client = RawClient(simulator)
        answer = client.call(SERVICE, "TearDownLockedCluster", {"cluster_id": "ghost"})
        client.close()
    assert answer[:2] == ("NOT_FOUND", 'cluster "ghost" not found')


def test_omni_1_2_does_not_encrypt_bundles() -> None:
    with (
        Simulator(legacy=True) as simulator,
        OmniClient.from_env(environ=simulator.environment()) as omni,
        pytest.raises(UnimplementedError, match="does not encrypt"),
    ):
        list(omni.support.collect("talos-default", "never.zip.age", encrypt=True))


def test_the_same_key_cannot_be_of_two_accounts(client: RawClient) -> None:
    secret = pysequoia.Tsk.generate(user_id="x <x@example.org>", validity_seconds=3600)
    public = str(secret.extract_certificate())
    codes = [
        client.call(
            SERVICE,
            "CreateServiceAccount",
            {"name": name, "role": "Reader", "armored_pgp_public_key": public},
        )[0]
        for name in ("one", "two")
    ]
    assert codes == ["OK", "ALREADY_EXISTS"]

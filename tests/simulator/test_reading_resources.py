"""Reading resources: who may, in which order and portions, and what stands in them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator

STATE = "cosi.resource.State"
RESOURCES = "omni.resources.ResourceService"
MANAGEMENT = "management.ManagementService"
SUFFIX = ".omni.sidero.dev"
OMNI = [["runtime", "Omni"]]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


def get(client: RawClient, kind: str, id_: str, namespace: str = "default") -> dict[str, Any]:
    request = {"namespace": namespace, "type": kind + SUFFIX, "id": id_}
    code, message, responses = client.call(RESOURCES, "Get", request, OMNI)
    assert (code, message) == ("OK", "")
    found: dict[str, Any] = json.loads(responses[0]["body"])
    return found


def listed(client: RawClient, kind: str, **options: Any) -> tuple[list[str], int]:
    """The ids of one page, and the total."""
    request = {"namespace": "default", "type": kind + SUFFIX, **options}
    code, message, [response] = client.call(RESOURCES, "List", request, OMNI)
    assert (code, message) == ("OK", "")
    items = [json.loads(item)["metadata"]["id"] for item in response.get("items", ())]
    return items, response.get("total", 0)


def test_a_list_comes_in_portions(client: RawClient) -> None:
    ids, total = listed(client, "Machines")
    assert ids == sorted(ids)
    assert len(ids) == total
    assert listed(client, "Machines", offset=2, limit=3) == (ids[2:5], total)
    assert listed(client, "Machines", offset=-2, limit=3) == (ids[:3], total)
    assert listed(client, "Machines", limit=-1) == (ids, total)
    assert listed(client, "Machines", offset=total) == ([], total)


def test_a_list_is_sorted_by_a_field(simulator: Simulator, client: RawClient) -> None:
    client.call(MANAGEMENT, "CreateJoinToken", {"name": "second"})
    simulator.advance(timedelta(minutes=1))
    client.call(MANAGEMENT, "CreateJoinToken", {"name": "third"})
    names = {one.id: one.name for one in simulator.state.fleet.join_tokens.values()}
    by_time, _ = listed(client, "JoinTokens", sort_by_field="created")
    assert [names[one] for one in by_time][1:] == ["second", "third"]
    descending = listed(client, "JoinTokens", sort_by_field="updated", sort_descending=True)
    assert descending[0] == by_time[::-1]
    by_id, _ = listed(client, "JoinTokens", sort_by_field="namespace")
    assert by_id == sorted(names)


def test_an_unknown_field_to_sort_by_matters_only_with_something_to_sort(client: RawClient) -> None:
    assert listed(client, "MachineClasses", sort_by_field="colour") == ([], 0)
    request = {"namespace": "default", "type": "Clusters" + SUFFIX, "sort_by_field": "colour"}
    code, message, _ = client.call(RESOURCES, "List", request, OMNI)
    assert code == "UNKNOWN"
    first = listed(client, "Clusters")[0][0]
    assert message == f'failed to sort: field "colour" for element "{first}" not found'


def test_a_search_keeps_what_contains_any_of_the_texts(client: RawClient) -> None:
    ids, total = listed(client, "Machines")
    assert listed(client, "Machines", search_for=[ids[0][:18]]) == (ids[:1], 1)
    assert listed(client, "Machines", search_for=[ids[0], ids[1]]) == (ids[:2], 2)
    assert listed(client, "Machines", search_for=["nope", "default"]) == (ids, total)
    assert listed(client, "Machines", search_for=["DEFAULT"]) == ([], 0)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ([], "missing runtime metadata"),
        ([["runtime", "omni"]], "missing runtime metadata"),
        ([["runtime", "Kubernetes"]], 'unknown runtime "Kubernetes"'),
    ],
)
def test_the_runtime_must_be_named(
    client: RawClient, headers: list[list[str]], message: str
) -> None:
    request = {"namespace": "default", "type": "Clusters" + SUFFIX}
    for rpc in ("Get", "List"):
        answer = client.call(RESOURCES, rpc, request, headers)
        assert answer[:2] == ("INVALID_ARGUMENT", message)


def test_the_namespace_has_no_default(client: RawClient) -> None:
    request = {"type": "Clusters" + SUFFIX, "id": "talos-default"}
    assert client.call(RESOURCES, "Get", request, OMNI)[:2] == (
        "NOT_FOUND",
        "resource Clusters.omni.sidero.dev(/talos-default@undefined) doesn't exist",
    )
    elsewhere = {"type": "Clusters" + SUFFIX, "namespace": "elsewhere"}
    assert client.call(STATE, "List", elsewhere) == ("OK", "", [])


def test_secrets_may_be_read_by_nobody(client: RawClient) -> None:
    request = {"namespace": "default", "type": "ClusterSecrets" + SUFFIX, "id": "talos-default"}
    assert client.call(STATE, "Get", request)[:2] == (
        "PERMISSION_DENIED",
        "failed to validate: 1 error occurred:\n"
        "\t* rpc error: code = PermissionDenied desc = no access is permitted\n\n",
    )


def test_without_the_role_a_missing_resource_is_not_told_from_another(
    simulator: Simulator,
) -> None:
    client = RawClient(simulator, "Operator")
    for id_ in ("admin@example.org", "nobody@example.org"):
        request = {"namespace": "default", "type": "Identities" + SUFFIX, "id": id_}
        code, message, _ = client.call(STATE, "Get", request)
        assert code == "PERMISSION_DENIED"
        assert 'insufficient role: "Operator"' in message
    client.close()


@pytest.mark.parametrize("kind", ["AuthConfigs", "EulaAcceptances"])
@pytest.mark.parametrize("rpc", ["Get", "List"])
def test_two_types_are_read_without_a_signature(client: RawClient, kind: str, rpc: str) -> None:
    id_ = {"AuthConfigs": "auth-config", "EulaAcceptances": "eula"}[kind]
    request = {"namespace": "default", "type": kind + SUFFIX, "id": id_}
    if rpc == "List":
        del request["id"]
    code, _, responses = client.call(RESOURCES, rpc, request, OMNI, {"signed": False})
    assert code == "OK"
    assert id_ in json.dumps(responses)
    request["type"] = "Clusters" + SUFFIX
    code = client.call(RESOURCES, rpc, request, OMNI, {"signed": False})[0]
    assert code == "UNAUTHENTICATED"


def test_before_the_eula_is_accepted_only_those_two_types_are_read(
    simulator: Simulator, client: RawClient
) -> None:
    simulator.state.eula_accepted, simulator.state.suspended = False, True
    unsigned = {"signed": False}
    assert get(client, "AuthConfigs", "auth-config")["spec"] == {"suspended": True}
    request = {"namespace": "default", "type": "EulaAcceptances" + SUFFIX, "id": "eula"}
    assert client.call(RESOURCES, "Get", request, OMNI, unsigned)[0] == "NOT_FOUND"
    request["type"] = "Clusters" + SUFFIX
    for options in ({}, unsigned):
        code, message, _ = client.call(RESOURCES, "Get", request, OMNI, options)
        assert code == "FAILED_PRECONDITION"
        assert message.endswith(f"{simulator.state.api_url}eula")


@pytest.mark.parametrize(
    ("role", "reads", "operates"),
    [("None", False, False), ("Reader", True, False), ("Operator", True, True)],
)
def test_permissions_on_a_cluster_are_the_callers(
    simulator: Simulator, role: str, reads: bool, operates: bool
) -> None:
    client = RawClient(simulator, role)
    may = get(client, "ClusterPermissions", "talos-default", "virtual")["spec"]
    assert may.get("can_download_kubeconfig", False) is reads
    assert may.get("can_update_talos", False) is operates
    request = {"namespace": "virtual", "type": "CurrentUsers" + SUFFIX, "id": "somebody"}
    assert client.call(RESOURCES, "Get", request, OMNI)[0] == "NOT_FOUND"
    client.close()


def test_the_audit_log_is_permitted_to_auditors_and_not_to_operators(simulator: Simulator) -> None:
    for role, permitted in (("Auditor", True), ("Operator", False)):
        client = RawClient(simulator, role)
        may = get(client, "Permissions", "permissions", "virtual")["spec"]
        assert may.get("can_read_audit_log", False) is permitted
        client.close()


def state_spec(client: RawClient, kind: str, id_: str, namespace: str = "default") -> bytes:
    request = {"namespace": namespace, "type": kind + SUFFIX, "id": id_}
    code, _, [response] = client.call(STATE, "Get", request)
    assert code == "OK"
    return base64.b64decode(response["resource"]["spec"]["proto_spec"])


def test_durations_maps_and_zeros_are_encoded_as_protobuf_does(
    simulator: Simulator, client: RawClient
) -> None:
    # Duration{seconds: 86400} in a submessage: field 1, varint.
    assert b"\x08\x80\xa3\x05" in state_spec(client, "FeaturesConfigs", "features-config")
    count = len(list(simulator.state.fleet.machines()))
    # An entry of a map: key "metal", and the count as a varint.
    entry = b"\x0a\x05metal\x10" + bytes([count])
    assert entry in state_spec(client, "MachineStatusMetrics", "metrics", "ephemeral")

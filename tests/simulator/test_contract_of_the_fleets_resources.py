"""What tests change in the fleet is seen in its resources, and by who may ask for its configs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator

MANAGEMENT = "management.ManagementService"
RESOURCES = "omni.resources.ResourceService"
SUFFIX = ".omni.sidero.dev"
LABEL = "omni.sidero.dev/"
CLUSTER = [["context", "talos-default"]]


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


def get(client: RawClient, kind: str, id_: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Metadata and spec."""
    request = {"namespace": "default", "type": kind + SUFFIX, "id": id_}
    code, message, responses = client.call(RESOURCES, "Get", request, [["runtime", "Omni"]])
    assert (code, message) == ("OK", "")
    found = json.loads(responses[0]["body"])
    return found["metadata"], found["spec"]


def test_a_locked_cluster_carries_its_annotation(simulator: Simulator, client: RawClient) -> None:
    cluster = simulator.state.fleet.cluster("talos-default")
    assert cluster is not None
    lock = f"{LABEL}cluster-locked"
    assert lock not in get(client, "Clusters", "talos-default")[0]["annotations"]
    cluster.locked = True
    assert get(client, "Clusters", "talos-default")[0]["annotations"][lock] == ""


def test_an_imported_cluster_is_tainted(simulator: Simulator, client: RawClient) -> None:
    cluster = simulator.state.fleet.cluster("talos-default")
    assert cluster is not None
    cluster.tainted_by_import = True
    labels = get(client, "ClusterStatuses", "talos-default")[0]["labels"]
    assert labels[f"{LABEL}tainted-by-importing"] == ""
    assert f"{LABEL}tainted-by-break-glass" not in labels


@pytest.mark.parametrize("rpc", ["Kubeconfig", "Talosconfig"])
def test_a_break_glass_config_taints_the_cluster(
    simulator: Simulator, client: RawClient, rpc: str
) -> None:
    request = {"break_glass": True}
    refused = ("PERMISSION_DENIED", "not allowed")
    assert client.call(MANAGEMENT, rpc, request, CLUSTER)[:2] == refused
    simulator.state.break_glass_allowed = True
    missing = ("INVALID_ARGUMENT", "cluster name is required")
    assert client.call(MANAGEMENT, rpc, request)[:2] == missing
    code, message, _ = client.call(MANAGEMENT, rpc, request, [["cluster", "ghost"]])
    assert code == "UNKNOWN"
    assert message.endswith("(default/ghost@undefined) doesn't exist")
    code, _, [response] = client.call(MANAGEMENT, rpc, request, CLUSTER)
    assert code == "OK"
    fleet = simulator.state.fleet
    cluster = fleet.cluster("talos-default")
    assert cluster is not None
    text = base64.b64decode(response[rpc.lower()]).decode()
    assert fleet.machines_of(cluster)[0].address in text
    metadata, _ = get(client, "ClusterStatuses", "talos-default")
    assert metadata["labels"][f"{LABEL}tainted-by-break-glass"] == ""
    stamp = metadata["annotations"][f"{LABEL}tainted-by-break-glass-timestamp"]
    assert abs(int(stamp) - simulator.now.timestamp()) < 60


def test_the_first_machine_of_an_empty_cluster_is_the_server_itself(
    simulator: Simulator, client: RawClient
) -> None:
    simulator.state.break_glass_allowed = True
    simulator.state.fleet.add_cluster("empty", control_planes=0, workers=0)
    request, headers = {"break_glass": True}, [["context", "empty"]]
    _, _, [response] = client.call(MANAGEMENT, "Kubeconfig", request, headers)
    assert "https://127.0.0.1:6443" in base64.b64decode(response["kubeconfig"]).decode()


def test_two_tokens_of_a_service_account_are_signed_by_one_key(client: RawClient) -> None:
    request = {
        "service_account": True,
        "service_account_user": "bot",
        "service_account_ttl": "3600s",
    }

    def header() -> str:
        _, _, [response] = client.call(MANAGEMENT, "Kubeconfig", request, CLUSTER)
        text = base64.b64decode(response["kubeconfig"]).decode()
        return text.partition("token: ")[2].partition(".")[0]

    assert header() == header()
    assert client.call(MANAGEMENT, "Kubeconfig", request)[:2] == (
        "INVALID_ARGUMENT",
        "cluster name is not in context",
    )


def test_bare_metal_has_a_config_with_its_acceptance_and_power(
    simulator: Simulator, client: RawClient
) -> None:
    fleet = simulator.state.fleet
    machine = fleet.add_machine("m1", infra_provider="metal", accepted=False)
    assert get(client, "InfraMachineConfigs", "m1")[1] == {}
    machine.accepted, machine.power_off_request_id = True, "r1"
    spec = get(client, "InfraMachineConfigs", "m1")[1]
    assert spec == {"acceptance_status": 1, "power_off_request_id": "r1"}
    labels = get(client, "MachineStatuses", "m1")[0]["labels"]
    assert labels[f"{LABEL}infra-provider-id"] == "metal"


def test_a_machine_status_tells_only_what_is_known(simulator: Simulator, client: RawClient) -> None:
    fields = ("platform_metadata", "schematic", "security_state", "connected")
    fleet = simulator.state.fleet
    fleet.add_machine("known", in_agent_mode=True)
    spec = get(client, "MachineStatuses", "known")[1]
    assert all(name in spec for name in fields)
    assert spec["schematic"]["in_agent_mode"] is True
    fleet.add_machine(
        "m1",
        platform_known=False,
        schematic_ready=False,
        security_state_known=False,
        connected=False,
        unique_token=False,
    )
    spec = get(client, "MachineStatuses", "m1")[1]
    assert not any(name in spec for name in fields)
    metadata, spec = get(client, "Machines", "m1")
    assert "annotations" not in metadata
    assert "connected" not in spec


def test_join_tokens_tell_their_state(simulator: Simulator, client: RawClient) -> None:
    soon = (simulator.now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    request = {"name": "brief", "expiration_time": soon}
    token = client.call(MANAGEMENT, "CreateJoinToken", request)[2][0]["id"]
    fleet = simulator.state.fleet
    default = fleet.default_join_token
    assert get(client, "DefaultJoinTokens", "default")[1] == {"token_id": default}
    metadata, spec = get(client, "JoinTokenStatuses", default)
    assert (spec["state"], spec["is_default"]) == (1, True)
    assert f"{LABEL}active-join-token" in metadata["labels"]
    assert get(client, "JoinTokens", token)[1] == {"name": "brief", "expiration_time": soon}
    fleet.join_tokens[token].use_count = 2
    spec = get(client, "JoinTokenStatuses", token)[1]
    assert spec == {"name": "brief", "state": 1, "use_count": "2", "expiration_time": soon}
    simulator.set_time(datetime.now(UTC) + timedelta(hours=1, minutes=1))
    options = {"skew": 3660}
    request = {"namespace": "default", "type": f"JoinTokenStatuses{SUFFIX}", "id": token}
    headers = [["runtime", "Omni"]]
    _, _, [response] = client.call(RESOURCES, "Get", request, headers, options)
    assert json.loads(response["body"])["spec"]["state"] == 3
    fleet.join_tokens[token].revoked = True
    _, _, [response] = client.call(RESOURCES, "Get", request, headers, options)
    found = json.loads(response["body"])
    assert found["spec"]["state"] == 2
    assert "labels" not in found["metadata"]
    simulator.clear_faults()
    assert get(client, "JoinTokens", token)[1]["revoked"] is True


def test_an_account_without_keys_has_no_expiration(simulator: Simulator, client: RawClient) -> None:
    simulator.state.accounts.add_account(
        identity := "bare@serviceaccount.omni.sidero.dev",
        "Reader",
        is_service_account=True,
        user_id="00000000-0000-0000-0000-000000000001",
    )
    request = {"namespace": "ephemeral", "type": f"ServiceAccountStatuses{SUFFIX}", "id": identity}
    _, _, [response] = client.call(RESOURCES, "Get", request, [["runtime", "Omni"]])
    spec = json.loads(response["body"])["spec"]
    assert spec["role"] == "Reader"
    assert "expiration" not in spec

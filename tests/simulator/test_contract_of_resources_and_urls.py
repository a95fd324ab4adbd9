"""Resources carry both forms of their spec, and configs the address of the simulator."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator

SERVICE = "management.ManagementService"
STATE = "cosi.resource.State"
RESOURCES = "omni.resources.ResourceService"
SUFFIX = ".omni.sidero.dev"


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


def first(client: RawClient, kind: str, namespace: str = "default") -> dict[str, Any]:
    request = {"namespace": namespace, "type": kind + SUFFIX}
    code, message, responses = client.call(STATE, "List", request)
    assert (code, message) == ("OK", "")
    found: dict[str, Any] = responses[0]["resource"]
    return found


@pytest.mark.parametrize(
    "kind",
    [
        "ClusterMachineStatuses",
        "ClusterStatuses",
        "Identities",
        "KubernetesVersions",
        "MachineSets",
        "MachineStatuses",
        "TalosVersions",
        "Users",
    ],
)
def test_a_resource_of_the_state_has_proto_and_yaml(client: RawClient, kind: str) -> None:
    assert sorted(first(client, kind)["spec"]) == ["proto_spec", "yaml_spec"]


def test_a_machine_is_encoded_with_omnis_field_numbers(client: RawClient) -> None:
    spec = first(client, "Machines")["spec"]
    address = b"fdae:41e4:649b:9303:"
    proto = base64.b64decode(spec["proto_spec"])
    assert proto[:1] == b"\x0a"
    assert proto[2:].startswith(address)
    assert proto.endswith(b"\x10\x01")


def test_an_empty_spec_is_yaml_only(client: RawClient) -> None:
    assert first(client, "MachineLabels")["spec"] == {"yaml_spec": "{}\n"}


@pytest.mark.parametrize("kind", ["IdentityStatuses", "ServiceAccountStatuses"])
def test_what_controllers_tell_of_accounts_is_ephemeral(client: RawClient, kind: str) -> None:
    assert first(client, kind, "ephemeral")["metadata"]["owner"].endswith("Controller")


def test_the_fleet_is_counted(client: RawClient) -> None:
    request = {"namespace": "ephemeral", "type": "MachineStatusMetrics" + SUFFIX, "id": "metrics"}
    _, _, [response] = client.call(RESOURCES, "Get", request, [["runtime", "Omni"]])
    spec = json.loads(response["body"])["spec"]
    assert spec["registered_machines_count"] == spec["platforms"]["metal"]
    assert isinstance(spec["cores_count"], str)


@pytest.mark.parametrize("role", ["None", "Reader", "Admin"])
def test_the_current_user_is_the_caller(simulator: Simulator, role: str) -> None:
    client = RawClient(simulator, role)
    request = {"namespace": "virtual", "type": "CurrentUsers" + SUFFIX, "id": "current"}
    _, _, [response] = client.call(RESOURCES, "Get", request, [["runtime", "Omni"]])
    spec = json.loads(response["body"])["spec"]
    assert spec["role"] == role
    assert spec["identity"].endswith("@serviceaccount.omni.sidero.dev")
    request = {"namespace": "virtual", "type": "Permissions" + SUFFIX, "id": "permissions"}
    _, _, [response] = client.call(RESOURCES, "Get", request, [["runtime", "Omni"]])
    may = json.loads(response["body"])["spec"]
    assert may.get("can_read_clusters", False) is (role != "None")
    assert may.get("can_manage_users", False) is (role == "Admin")
    client.close()


@pytest.mark.parametrize("rpc", ["Controllers", "DependencyGraph"])
def test_rpcs_of_debug_builds_are_not_implemented(client: RawClient, rpc: str) -> None:
    assert client.call(RESOURCES, rpc, {})[:2] == (
        "UNIMPLEMENTED",
        f"method {rpc} not implemented",
    )


def advertised(simulator: Simulator) -> list[str]:
    """What the configs say of the server: Omniconfig, Talosconfig, Kubeconfig."""
    client = RawClient(simulator)
    texts = []
    for rpc in ("Omniconfig", "Talosconfig", "Kubeconfig"):
        _, _, [response] = client.call(SERVICE, rpc, {})
        texts.append(base64.b64decode(response[rpc.lower()]).decode())
    client.close()
    return texts


def test_configs_lead_to_the_simulator(simulator: Simulator) -> None:
    url = f"http://127.0.0.1:{simulator.port}/"
    omniconfig, talosconfig, kubeconfig = advertised(simulator)
    assert f"url: {url}\n" in omniconfig
    assert f"- {url}\n" in talosconfig
    assert f"--oidc-issuer-url={url}oidc\n" in kubeconfig


def test_the_advertised_url_can_be_another() -> None:
    with Simulator(api_url="https://omni.example.org/") as simulator:
        assert all("https://omni.example.org/" in text for text in advertised(simulator))


def test_with_tls_the_advertised_url_is_https() -> None:
    with Simulator(tls=True) as simulator:
        assert simulator.state.api_url == f"{simulator.endpoint}/"

"""Changing resources through cosi.resource.State: what is refused, with which code and words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator

STATE = "cosi.resource.State"
TOKENS = "JoinTokens.omni.sidero.dev"


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


@pytest.fixture
def token(simulator: Simulator, client: RawClient) -> str:
    """A token that is not the default."""
    answer = client.call("management.ManagementService", "CreateJoinToken", {"name": "second"})
    id_: str = answer[2][0]["id"]
    return id_


def update(client: RawClient, id_: str, **changed: Any) -> tuple[str, str]:
    """Update a resource; `changed` are fields of its metadata, or `options` of the request."""
    options = changed.pop("options", {})
    metadata = {"namespace": "default", "type": TOKENS, "id": id_, "version": "1"}
    metadata |= {"phase": "running", **changed}
    request = {"new_resource": {"metadata": metadata, "spec": {}}}
    if options is not None:
        request["options"] = options
    code, message, _ = client.call(STATE, "Update", request)
    return code, message


def remove(client: RawClient, rpc: str, id_: str, type_: str = TOKENS) -> tuple[str, str]:
    request = {"namespace": "default", "type": type_, "id": id_}
    code, message, _ = client.call(STATE, rpc, request)
    return code, message


def test_an_update_without_options_makes_the_server_panic(client: RawClient, token: str) -> None:
    assert update(client, token, options=None)[0] == "INTERNAL"


def test_version_and_phase_are_mandatory(client: RawClient, token: str) -> None:
    code, message = update(client, token, version="")
    assert code == "UNKNOWN"
    assert message.startswith("error parsing version: ")
    assert update(client, token, phase="") == ("UNKNOWN", "unknown phase: ")


def test_a_version_that_is_not_the_stored_one_conflicts(client: RawClient, token: str) -> None:
    assert update(client, token, version="7") == (
        "FAILED_PRECONDITION",
        f"resource {TOKENS}(default/{token}@1) update conflict: "
        'expected version "7", actual version "1"',
    )


def test_the_expected_phase_has_to_be_the_stored_one(
    simulator: Simulator, client: RawClient, token: str
) -> None:
    simulator.state.fleet.join_tokens[token].torn_down = True
    code, message = update(client, token, options={"expected_phase": "running"})
    assert code == "INVALID_ARGUMENT"
    assert message.endswith("is not in phase running")


def test_the_name_cannot_be_taken_away(client: RawClient, token: str) -> None:
    code, message = update(client, token)
    assert code == "INVALID_ARGUMENT"
    assert "the join token name cannot be empty" in message


def test_what_is_held_is_torn_down_and_not_destroyed(
    simulator: Simulator, client: RawClient, token: str
) -> None:
    simulator.state.fleet.join_tokens[token].finalizers = ["SomeController"]
    request = {"namespace": "default", "type": TOKENS, "id": token}
    for _ in range(2):  # repeating it is fine
        assert client.call(STATE, "Teardown", request) == ("OK", "", [{}])
    code, message = remove(client, "Destroy", token)
    assert code == "FAILED_PRECONDITION"
    assert message.endswith("has pending finalizers &[SomeController]")


@pytest.mark.parametrize("rpc", ["Teardown", "Destroy"])
def test_the_default_token_stays(simulator: Simulator, client: RawClient, rpc: str) -> None:
    default = simulator.state.fleet.default_join_token
    code, message = remove(client, rpc, default)
    assert (code, "deleting default join token" in message) == ("INVALID_ARGUMENT", True)
    code, message = remove(client, rpc, "default", "DefaultJoinTokens.omni.sidero.dev")
    assert (code, "is not allowed" in message) == ("INVALID_ARGUMENT", True)


@pytest.mark.parametrize(
    ("type_", "code", "words"),
    [
        ("JoinTokenStatuses.omni.sidero.dev", "PERMISSION_DENIED", "only read access is permitted"),
        ("ClusterSecrets.omni.sidero.dev", "PERMISSION_DENIED", "no access is permitted"),
        ("Clusters.omni.sidero.dev", "UNIMPLEMENTED", "the simulator does not change"),
        (TOKENS, "NOT_FOUND", "doesn't exist"),
    ],
)
@pytest.mark.parametrize("rpc", ["Teardown", "Destroy"])
def test_other_resources_are_not_removed(
    client: RawClient, rpc: str, type_: str, code: str, words: str
) -> None:
    answer = remove(client, rpc, "x", type_)
    assert answer[0] == code
    assert words in answer[1]


def test_without_the_role_a_missing_token_is_not_told_from_another(
    simulator: Simulator, token: str
) -> None:
    client = RawClient(simulator, "Operator")
    for id_ in (token, "missing"):
        code, message = remove(client, "Teardown", id_)
        assert code == "PERMISSION_DENIED"
        assert 'insufficient role: "Operator"' in message
    client.close()


def test_the_yaml_of_the_other_form_has_numbers_and_times_as_go_writes_them(
    client: RawClient, token: str
) -> None:
    def yaml_spec(type_: str, id_: str, namespace: str = "default") -> str:
        request = {"namespace": namespace, "type": type_, "id": id_}
        _, _, [answer] = client.call(STATE, "Get", request)
        text: str = answer["resource"]["spec"]["yaml_spec"]
        return text

    status = yaml_spec("JoinTokenStatuses.omni.sidero.dev", token)
    assert "usecount: 0\n" in status
    assert "expirationtime: null\n" in status
    features = yaml_spec("FeaturesConfigs.omni.sidero.dev", "features-config")
    assert "tickinterval:\n        seconds: 60\n        nanos: 0\n" in features
    metrics = yaml_spec("MachineStatusMetrics.omni.sidero.dev", "metrics", "ephemeral")
    assert "corescount: '" not in metrics
    assert 'corescount: "' not in metrics

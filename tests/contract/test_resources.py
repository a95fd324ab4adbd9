"""Resources: read by type and id, listed, selected, refused, and shown without their content."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from omni_api import InvalidInputError, NotFoundError, PermissionDeniedError
from omni_api._gen import cosi_pb2
from omni_api.errors import InternalError
from omni_api.resources import get_reader, list_reader
from omni_api.simulator import Simulator


def test_a_resource_comes_with_its_metadata_and_its_content(omni: Any) -> None:
    cluster = omni.resources.get("Clusters", "talos-default")
    assert repr(cluster).startswith("<Resource Clusters.omni.sidero.dev default/talos-default,")
    assert (cluster.type, cluster.id) == ("Clusters.omni.sidero.dev", "talos-default")
    assert (cluster.namespace, cluster.phase, cluster.owner) == ("default", "running", "")
    assert cluster.version == 14
    assert cluster.created.tzinfo is not None
    assert "ClusterController" in cluster.finalizers
    assert cluster.labels == {"env": "test"}
    assert cluster.spec["talosversion"] == "1.13.8"
    assert cluster.spec["features"]["diskencryption"] is False
    assert b"1.13.8" in cluster.spec_proto
    assert pickle.loads(pickle.dumps(cluster)) == cluster


@pytest.mark.parametrize("role", ["None", "Reader", "Admin"])
def test_everybody_learns_who_they_are_and_which_version_the_server_has(
    as_role: Callable[..., Any], role: str
) -> None:
    omni = as_role(role)
    me = omni.resources.get("CurrentUsers", "current", namespace="virtual")
    assert me.spec["role"] == role
    server = omni.resources.get("SysVersions", "current", namespace="ephemeral")
    assert server.type == "SysVersions.system.sidero.dev"
    assert server.spec["backendversion"].startswith("v1.")
    assert isinstance(server.spec["backendapiversion"], int)


def test_a_list_is_a_stream_in_the_order_of_ids(omni: Any, simulator: Simulator) -> None:
    with omni.resources.list("MachineStatuses") as machines:
        ids = [one.id for one in machines]
    assert ids == [one.id for one in simulator.state.fleet.machines()]
    assert machines.chunks == len(ids)
    assert machines.bytes_received > len(ids)


def test_a_list_can_be_selected_by_labels(omni: Any) -> None:
    def found(selector: str) -> list[str]:
        with omni.resources.list("Clusters", selector=selector) as clusters:
            return [one.id for one in clusters]

    assert found("") == ["production", "staging", "talos-default"]
    assert found("env=prod") == ["production"]
    assert found("env!=prod, env") == ["staging", "talos-default"]


def test_what_is_not_there_is_not_found_and_what_is_elsewhere_neither(omni: Any) -> None:
    for type_, id_, namespace in (
        ("Clusters", "no-such-cluster", "default"),
        ("Clusters", "talos-default", "ephemeral"),
    ):
        with pytest.raises(NotFoundError, match=f"{namespace}/{id_}"):
            omni.resources.get(type_, id_, namespace=namespace)
    with omni.resources.list("Clusters", namespace="elsewhere") as nothing:
        assert list(nothing) == []


def test_some_types_need_another_role_and_some_are_read_by_nobody(
    omni: Any, as_role: Callable[..., Any]
) -> None:
    with pytest.raises(PermissionDeniedError, match="insufficient role") as caught:
        as_role("Operator").resources.get("Identities", "admin@example.org")
    assert caught.value.hint
    with pytest.raises(PermissionDeniedError, match="no access is permitted"):
        omni.resources.get("ClusterSecrets", "talos-default")


def test_a_read_only_client_reads_resources(as_role: Callable[..., Any]) -> None:
    omni = as_role("Reader", read_only=True)
    assert omni.resources.get("Clusters", "talos-default").id == "talos-default"


def test_reads_are_sent_again_after_a_passing_failure(omni: Any, simulator: Simulator) -> None:
    simulator.fail("Get", times=1)
    assert omni.resources.get("Clusters", "talos-default").id == "talos-default"
    simulator.fail("List", times=1)
    with omni.resources.list("Clusters") as clusters:
        assert len(list(clusters)) == 3


@pytest.mark.parametrize("type_", ["", "Clusters ", "../x", ".omni.sidero.dev", "a/b", "Cluster\n"])
def test_a_malformed_type_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, type_: str
) -> None:
    with pytest.raises(InvalidInputError, match="type must be a resource type such as"):
        omni.resources.get(type_, "x")
    with pytest.raises(InvalidInputError, match="type must be a resource type such as"):
        omni.resources.list(type_)
    assert simulator.calls == []


def test_empty_ids_and_namespaces_are_refused(omni: Any, simulator: Simulator) -> None:
    with pytest.raises(InvalidInputError, match="id must not be empty"):
        omni.resources.get("Clusters", "")
    with pytest.raises(InvalidInputError, match="namespace must not be empty"):
        omni.resources.get("Clusters", "x", namespace="")
    assert simulator.calls == []


def test_no_repr_and_no_error_tells_a_join_token(omni: Any, simulator: Simulator) -> None:
    token = simulator.state.fleet.default_join_token
    for type_ in ("JoinTokens", "JoinTokenStatuses", "DefaultJoinTokens"):
        with omni.resources.list(type_) as found:
            assert token not in repr(list(found))
    machine = omni.resources.get("MachineStatuses", simulator.state.fleet.machines()[0].id)
    assert token in machine.spec["kernelcmdline"]
    assert token not in repr(machine)
    with pytest.raises(NotFoundError) as caught:
        omni.resources.get("JoinTokens", "a-mistyped-token")
    assert "a-mistyped-token" not in str(caught.value)
    assert "<hidden>" in caught.value.details
    assert caught.value.__cause__ is caught.value.__context__ is None
    with pytest.raises(InvalidInputError, match="id must be a str, not a bytes"):
        omni.resources.get("JoinTokens", b"a-mistyped-token")


def answer(**metadata: Any) -> Any:
    return cosi_pb2.Resource(metadata=cosi_pb2.Metadata(id="x", type="T.x", **metadata))


def test_a_resource_that_is_computed_has_no_version_and_may_have_no_times() -> None:
    for version in ("", "undefined"):
        data = cosi_pb2.GetResponse(resource=answer(version=version)).SerializeToString()
        found = get_reader()(data)
        assert (found.version, found.created, found.updated) == (None, None, None)
        assert found.spec == {}
        assert "version" not in repr(found)


@pytest.mark.parametrize("document", ["a: [secret", "- secret", "secret"])
def test_content_that_cannot_be_read_is_an_error_that_does_not_show_it(document: str) -> None:
    resource = answer(version="1")
    resource.spec.yaml_spec = document
    data = cosi_pb2.ListResponse(resource=resource).SerializeToString()
    with pytest.raises(InternalError, match="no YAML mapping") as caught:
        list_reader()(data)
    assert "secret" not in f"{caught.value} {caught.value.__cause__}"

"""Manifest syncs as typed changes, with defaults that delete nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from omni_api import (
    InvalidInputError,
    InventoryPolicy,
    ManifestChange,
    ManifestSyncType,
    NotFoundError,
    ReadOnlyError,
)
from omni_api.simulator import Simulator


@pytest.mark.parametrize(
    ("cluster", "api_version"), [("talos-default", ""), ("staging", "apps/v1")]
)
def test_both_forms_of_paths_and_objects_are_read_alike(
    omni: Any, cluster: str, api_version: str
) -> None:
    with omni.kubernetes.sync_manifests(cluster) as changes:
        found = {(one.kind, one.name): one for one in changes}
    proxy = found["DaemonSet", "kube-proxy"]
    assert (proxy.api_version, proxy.namespace) == (api_version, "kube-system")
    assert proxy.object["kind"] == "DaemonSet"
    assert proxy.object["apiVersion"] == "apps/v1"
    assert found["ClusterRoleBinding", "kube-proxy"].namespace == ""
    assert all("spec" not in one.object or "object" not in one.object for one in found.values())


def test_a_dry_run_tells_what_would_change_and_changes_nothing(omni: Any) -> None:
    for _ in range(2):
        changes = list(omni.kubernetes.sync_manifests("talos-default"))
        assert {one.phase for one in changes} == {"manifest"}
        changed = [one for one in changes if one.changed]
        assert [(one.kind, one.name) for one in changed] == [
            ("DaemonSet", "kube-proxy"),
            ("Deployment", "coredns"),
        ]
        assert str(changed[0]).startswith(f"{changed[0].path}: changed\n--- a/DaemonSet")
        assert str(changes[0]) == f"{changes[0].path}: unchanged"
        assert changed[0].diff not in repr(changed[0])


def test_a_real_sync_rolls_out_what_changed(omni: Any) -> None:
    def sync() -> list[Any]:
        return list(omni.kubernetes.sync_manifests("talos-default", dry_run=False))

    changes = sync()
    rolled_out = [one for one in changes if one.phase == "rollout"]
    assert [one.path for one in rolled_out] == [one.path for one in changes if one.changed]
    assert str(rolled_out[0]) == f"{rolled_out[0].path}: rolling out"
    assert not any(one.changed for one in sync())


def test_options_are_sent_only_where_they_say_more_than_the_safe_defaults(
    omni: Any, simulator: Simulator
) -> None:
    list(omni.kubernetes.sync_manifests("talos-default"))
    list(omni.kubernetes.sync_manifests("talos-default", force_conflicts=True))
    list(
        omni.kubernetes.sync_manifests(
            "talos-default",
            prune=True,
            inventory_policy=InventoryPolicy.MUST_MATCH,
            reconcile_timeout=timedelta(minutes=2),
        )
    )
    left_out, careful, bold = (call.request for call in simulator.calls)
    assert not left_out.HasField("ssa")
    assert careful.ssa.force_conflicts
    assert careful.ssa.no_prune
    assert careful.ssa.inventory_policy == InventoryPolicy.ADOPT_IF_NO_INVENTORY
    assert not bold.ssa.no_prune
    assert bold.ssa.inventory_policy == InventoryPolicy.MUST_MATCH
    assert bold.ssa.reconcile_timeout.seconds == 120
    assert all(request.dry_run for request in (left_out, careful, bold))


def test_an_unknown_cluster_is_not_found(omni: Any) -> None:
    with pytest.raises(NotFoundError, match="kubeconfig for cluster ghost is not found"):
        list(omni.kubernetes.sync_manifests("ghost"))


def test_a_read_only_client_may_only_compare(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    careful = as_role("Operator", read_only=True)
    assert list(careful.kubernetes.sync_manifests("talos-default"))
    with pytest.raises(ReadOnlyError):
        list(careful.kubernetes.sync_manifests("talos-default", dry_run=False))
    assert simulator.count("KubernetesSyncManifests") == 1


@pytest.mark.parametrize(
    "options",
    [
        {"cluster": ""},
        {"cluster": None},
        {"dry_run": 0},
        {"prune": "yes"},
        {"force_conflicts": 1},
        {"inventory_policy": "all"},
        {"reconcile_timeout": -1},
    ],
)
def test_a_malformed_wish_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(options))):
        omni.kubernetes.sync_manifests(**{"cluster": "talos-default", **options})
    assert simulator.calls == []


# ---- The value itself ----------------------------------------------------------------------------


def change(path: str = "Pod/a", **fields: Any) -> ManifestChange:
    return ManifestChange(path=path, response_type=ManifestSyncType.MANIFEST, **fields)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("Deployment/kube-system/coredns", ("", "Deployment", "kube-system", "coredns")),
        ("ClusterRole/system:node-proxier", ("", "ClusterRole", "", "system:node-proxier")),
        ("ClusterRole//system:a.b", ("", "ClusterRole", "", "system:a.b")),
        ("v1.Service/kube-system/kube-dns", ("v1", "Service", "kube-system", "kube-dns")),
        (
            "rbac.authorization.k8s.io/v1.ClusterRoleBinding/kube-proxy",
            ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "", "kube-proxy"),
        ),
        (
            "apiextensions.k8s.io/v1beta1.CustomResourceDefinition/nodes.talos.dev",
            ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "", "nodes.talos.dev"),
        ),
        ("something else", ("", "", "", "")),
        ("", ("", "", "", "")),
    ],
)
def test_a_path_names_the_object(path: str, parts: tuple[str, str, str, str]) -> None:
    found = change(path)
    assert (found.api_version, found.kind, found.namespace, found.name) == parts
    assert found.path == path


@pytest.mark.parametrize("text", ["", "object: 1", "- a\n", "a: [", "\x00", "a: 2026-99-99"])
def test_an_object_that_is_no_mapping_is_kept_as_it_came(text: str) -> None:
    found = change(object_yaml=text.encode())
    assert dict(found.object) in ({}, {"a": "2026-99-99"})
    assert found.object_yaml == text.encode()


def test_the_diff_of_a_secret_is_printed_nowhere_by_itself() -> None:
    secret = change("Secret/kube-system/token", diff="+ data: hunter2", object_yaml=b"hunter2")
    assert secret.changed
    assert "hunter2" not in f"{secret} {secret!r}"
    assert "hunter2" in secret.diff


def test_a_phase_of_a_newer_server_is_kept_as_its_number() -> None:
    newer = ManifestChange(path="Pod/a", response_type=7, diff="+ a")
    assert (newer.response_type, newer.phase, newer.changed) == (7, "", False)

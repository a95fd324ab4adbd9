"""Kubernetes upgrades and manifests, and the tear-down that only Omni 1.2 knew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml
from facades import Facade

from omni_api import (
    FailedPreconditionError,
    InvalidArgumentError,
    InvalidInputError,
    InventoryPolicy,
    KubernetesSSAOptions,
    ManifestSyncType,
    NotFoundError,
    PermissionDeniedError,
    ServiceAccountKey,
    UnimplementedError,
)
from omni_api.simulator import Simulator


def cluster_of(simulator: Simulator, name: str = "talos-default") -> Any:
    cluster = simulator.state.fleet.cluster(name)
    assert cluster is not None
    return cluster


@pytest.mark.parametrize("version", ["1.35.7", "1.36.1", "v1.36.1", "1.36"])
def test_a_cluster_is_ready_for_its_next_version(omni: Any, version: str) -> None:
    answer = omni.management.kubernetes_upgrade_pre_checks(
        cluster="talos-default", new_version=version
    )
    assert answer.ok
    assert answer.reason == ""


def test_a_failed_check_is_a_normal_answer_with_its_reason(omni: Any, simulator: Simulator) -> None:
    cluster_of(simulator).upgrade_failure = "removed API: extensions/v1beta1"
    answer = omni.management.kubernetes_upgrade_pre_checks(
        cluster="talos-default", new_version="1.36.1"
    )
    assert not answer.ok
    assert answer.reason.endswith("pre-checks failed: removed API: extensions/v1beta1\n")


@pytest.mark.parametrize("version", ["1.37.0", "1.34.0", "2.0.0", "1.x", ""])
def test_a_version_that_cannot_be_reached_is_an_invalid_argument(omni: Any, version: str) -> None:
    with pytest.raises((InvalidArgumentError, InvalidInputError)):
        omni.management.kubernetes_upgrade_pre_checks(cluster="talos-default", new_version=version)


def test_an_unknown_current_version_is_a_failed_precondition(
    omni: Any, simulator: Simulator
) -> None:
    cluster_of(simulator).kubernetes_known = False
    with pytest.raises(FailedPreconditionError, match="current version is not known yet"):
        omni.management.kubernetes_upgrade_pre_checks(cluster="talos-default", new_version="1.36.1")


def test_an_unknown_cluster_is_not_found_though_omni_has_no_code_for_it(omni: Any) -> None:
    with pytest.raises(NotFoundError, match="KubernetesUpgradeStatuses") as caught:
        omni.management.kubernetes_upgrade_pre_checks(cluster="ghost", new_version="1.36.1")
    assert caught.value.code.name == "UNKNOWN"
    with pytest.raises(NotFoundError, match="kubeconfig for cluster ghost is not found"):
        list(omni.management.kubernetes_sync_manifests(cluster="ghost"))


def test_a_dry_run_is_the_default_and_changes_nothing(omni: Any, simulator: Simulator) -> None:
    first = list(omni.management.kubernetes_sync_manifests(cluster="talos-default"))
    second = list(omni.management.kubernetes_sync_manifests(cluster="talos-default"))
    assert first == second
    assert {one.response_type for one in first} == {ManifestSyncType.MANIFEST}
    assert any(one.diff for one in first)
    assert not cluster_of(simulator).manifests_synced
    # What is in a manifest may be secret.
    assert "object:" not in repr(first[0])
    assert all("object" in yaml.safe_load(one.object) for one in first)


def test_a_real_sync_rolls_out_what_changed_and_the_next_one_skips_everything(omni: Any) -> None:
    def sync() -> list[Any]:
        return list(
            omni.management.kubernetes_sync_manifests(cluster="talos-default", dry_run=False)
        )

    first, second = sync(), sync()
    rolled_out = [one.path for one in first if one.response_type is ManifestSyncType.ROLLOUT]
    changed = [
        one.path
        for one in first
        if one.response_type is ManifestSyncType.MANIFEST and not one.skipped
    ]
    assert (
        rolled_out
        == changed
        == ["DaemonSet/kube-system/kube-proxy", "Deployment/kube-system/coredns"]
    )
    assert {one.response_type for one in second} == {ManifestSyncType.MANIFEST}
    assert all(one.skipped and not one.diff for one in second)


def test_an_older_talos_names_its_manifests_in_another_way(omni: Any) -> None:
    messages = list(omni.management.kubernetes_sync_manifests(cluster="staging"))
    assert "apps/v1.DaemonSet/kube-system/kube-proxy" in {one.path for one in messages}
    assert all("object" not in yaml.safe_load(one.object) for one in messages)
    assert any(one.skipped for one in messages)


def test_options_of_server_side_apply_arrive_as_given(omni: Any, simulator: Simulator) -> None:
    list(omni.management.kubernetes_sync_manifests(cluster="talos-default"))
    list(
        omni.management.kubernetes_sync_manifests(
            cluster="talos-default",
            ssa=KubernetesSSAOptions(
                inventory_policy=InventoryPolicy.ADOPT_ALL,
                reconcile_timeout=timedelta(seconds=90),
                force_conflicts=True,
                no_prune=True,
            ),
        )
    )
    without, given = (call.request for call in simulator.calls)
    assert not without.HasField("ssa")
    assert given.ssa.inventory_policy == 2
    assert given.ssa.reconcile_timeout.seconds == 90
    assert given.ssa.force_conflicts
    assert given.ssa.no_prune


@pytest.fixture
def of_omni_1_2(facade: Facade) -> Iterator[Callable[..., Any]]:
    """Clients of an Omni 1.2, by role."""
    with Simulator(legacy=True) as old:

        def make(role: str = "Admin") -> Any:
            key = ServiceAccountKey.decode(old.service_account_key(role))
            return facade.client(old.endpoint, auth=key)

        yield make


def test_omni_1_2_tears_a_locked_and_imported_cluster_down(
    of_omni_1_2: Callable[..., Any],
) -> None:
    omni = of_omni_1_2()
    assert omni.management.tear_down_locked_cluster(cluster_id="imported") is None
    with pytest.raises(NotFoundError, match='cluster "imported" not found'):
        omni.management.tear_down_locked_cluster(cluster_id="imported")


def test_omni_1_2_leaves_other_clusters_alone(of_omni_1_2: Callable[..., Any]) -> None:
    with pytest.raises(FailedPreconditionError, match="is not locked"):
        of_omni_1_2().management.tear_down_locked_cluster(cluster_id="talos-default")
    with pytest.raises(PermissionDeniedError, match='"Operator"'):
        of_omni_1_2("Operator").management.tear_down_locked_cluster(cluster_id="imported")


def test_omni_1_2_says_which_releases_have_what_it_lacks(of_omni_1_2: Callable[..., Any]) -> None:
    with pytest.raises(UnimplementedError) as caught:
        of_omni_1_2().management.list_users()
    assert "list_users exists from Omni 1.6" in caught.value.hint


def test_newer_servers_do_not_know_the_tear_down(omni: Any) -> None:
    with pytest.raises(UnimplementedError) as caught:
        omni.management.tear_down_locked_cluster(cluster_id="talos-default")
    assert "exists from Omni 1.2 to 1.2" in caught.value.hint
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("cluster_id", ["", None])
def test_a_cluster_without_a_name_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, cluster_id: Any
) -> None:
    with pytest.raises(InvalidInputError, match="cluster_id"):
        omni.management.tear_down_locked_cluster(cluster_id=cluster_id)
    assert simulator.calls == []

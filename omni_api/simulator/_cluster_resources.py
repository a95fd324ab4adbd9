"""The resources of clusters and machine sets, built from the fleet."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from omni_api.simulator._resource import Resource
from omni_api.simulator._versions import KUBERNETES_VERSIONS, TALOS_RELEASES, minor

if TYPE_CHECKING:
    from omni_api.simulator._fleet_objects import Cluster
    from omni_api.simulator._state import Omni

_CLUSTER = "omni.sidero.dev/cluster"


def cluster_ids(omni: Omni) -> list[str]:
    return [cluster.name for cluster in omni.fleet.clusters()]


def cluster(omni: Omni, id_: str) -> Resource:
    one = _known(omni, id_)
    annotations = {"omni.sidero.dev/managed-by-cluster-templates": ""}
    if one.locked:
        annotations["omni.sidero.dev/cluster-locked"] = ""
    return _resource(
        omni,
        "Clusters",
        id_,
        version=14,
        created=one.created,
        labels=one.labels,
        annotations=annotations,
        finalizers=("ClusterController", "ClusterStatusController", "SecretsController"),
        spec={
            "features": {},
            "kubernetes_version": one.kubernetes_version,
            "talos_version": one.talos_version,
        },
    )


def cluster_status(omni: Omni, id_: str) -> Resource:
    one = _known(omni, id_)
    machines = omni.fleet.machines_of(one)
    connected = sum(machine.connected for machine in machines)
    labels, annotations = dict(one.labels), {}
    if one.tainted and one.tainted_at:
        labels["omni.sidero.dev/tainted-by-break-glass"] = ""
        stamp = str(int(one.tainted_at.timestamp()))
        annotations["omni.sidero.dev/tainted-by-break-glass-timestamp"] = stamp
    if one.tainted_by_import:
        labels["omni.sidero.dev/tainted-by-importing"] = ""
    return _resource(
        omni,
        "ClusterStatuses",
        id_,
        version=19,
        created=one.created,
        owner="ClusterStatusController",
        labels=labels,
        annotations=annotations,
        finalizers=("ClusterBootstrapStatusController", "DiscoveryServiceConfigPatchController"),
        spec={
            "available": True,
            "controlplaneReady": True,
            "has_connected_control_planes": any(
                machine.connected for machine in machines if machine.role == "controlplane"
            ),
            "initial_talos_version": one.talos_version,
            "kubernetesAPIReady": True,
            "kubernetes_version": one.kubernetes_version,
            "machines": {
                "connected": connected,
                "healthy": connected,
                "requested": len(machines),
                "total": len(machines),
            },
            "phase": 3,
            "ready": connected == len(machines),
            "talos_version": one.talos_version,
        },
    )


def machine_set_ids(omni: Omni) -> list[str]:
    return [id_ for cluster in omni.fleet.clusters() for id_ in cluster.machine_sets]


def machine_set(omni: Omni, id_: str) -> Resource:
    return _resource(
        omni,
        "MachineSets",
        id_,
        version=8,
        labels=_set_labels(id_),
        finalizers=("MachineSetController", "MachineSetStatusController"),
        spec={"update_strategy": 1},
    )


def kubernetes_upgrade_status(omni: Omni, id_: str) -> Resource:
    one = _known(omni, id_)
    at = minor(one.kubernetes_version)
    near = ((at[0], at[1]), (at[0], at[1] + 1))
    return _resource(
        omni,
        "KubernetesUpgradeStatuses",
        id_,
        version=4,
        owner="KubernetesUpgradeStatusController",
        labels={_CLUSTER: id_},
        spec={
            "last_upgrade_version": one.kubernetes_version,
            "phase": 2,
            "upgrade_versions": [
                version
                for version in KUBERNETES_VERSIONS
                if minor(version) in near and version != one.kubernetes_version
            ],
        },
    )


def talos_upgrade_status(omni: Omni, id_: str) -> Resource:
    one = _known(omni, id_)
    release = TALOS_RELEASES.get(one.talos_version)
    return _resource(
        omni,
        "TalosUpgradeStatuses",
        id_,
        created=one.created,
        owner="TalosUpgradeStatusController",
        spec={
            "last_upgrade_version": one.talos_version,
            "phase": 2,
            "upgrade_versions": [
                version
                for version in (release.upgrades if release else ())
                if minor(version) >= minor(one.talos_version)
            ],
        },
    )


def load_balancer_status(omni: Omni, id_: str) -> Resource:
    return _resource(
        omni,
        "LoadBalancerStatuses",
        id_,
        version=4,
        owner="LoadBalancerController",
        labels={_CLUSTER: id_},
        spec={"healthy": True},
    )


def machine_set_status(omni: Omni, id_: str) -> Resource:
    cluster_name = _set_labels(id_)[_CLUSTER]
    machines = omni.fleet.machines_of(_known(omni, cluster_name))
    members = [one for one in machines if one.machine_set == id_]
    connected = sum(one.connected for one in members)
    return _resource(
        omni,
        "MachineSetStatuses",
        id_,
        version=8,
        owner="MachineSetStatusController",
        labels=_set_labels(id_),
        finalizers=("ClusterStatusController",),
        spec={
            "config_hash": hashlib.sha256(id_.encode()).hexdigest(),
            "machines": {
                "connected": connected,
                "healthy": connected,
                "requested": len(members),
                "total": len(members),
            },
            "phase": 3,
            **({"ready": True} if connected == len(members) else {}),
        },
    )


def _set_labels(id_: str) -> dict[str, str]:
    role = "role-controlplane" if id_.endswith("-control-planes") else "role-worker"
    cluster_name = id_.removesuffix("-control-planes").removesuffix("-workers")
    return {_CLUSTER: cluster_name, f"omni.sidero.dev/{role}": ""}


def _known(omni: Omni, name: str) -> Cluster:
    one = omni.fleet.cluster(name)
    assert one is not None  # noqa: S101 - called with existing ids only
    return one


def _resource(omni: Omni, kind: str, id_: str, **fields: Any) -> Resource:
    fields.setdefault("created", omni.fleet.created)
    return Resource(type=f"{kind}.omni.sidero.dev", id=id_, **fields)

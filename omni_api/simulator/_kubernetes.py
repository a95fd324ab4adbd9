"""Kubernetes upgrade checks, the sync of bootstrap manifests, and the tear-down of old releases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from omni_api._gen import management_pb2
from omni_api.simulator import _goyaml
from omni_api.simulator._call import (
    Call,
    Handler,
    Refused,
    failed_precondition,
    invalid,
    not_found,
    unknown,
)
from omni_api.simulator._versions import minor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omni_api.simulator._fleet_objects import Cluster

_SERVER_SIDE_APPLY_SINCE = (1, 13)
_OLDEST_MINOR, _NEWEST_MINOR = 19, 37
_Response = management_pb2.KubernetesSyncManifestResponse


def kubernetes_upgrade_pre_checks(call: Call, request: Any) -> Any:
    call.require("Operator")
    cluster = call.omni.fleet.cluster(call.cluster)
    if cluster is None:
        raise unknown(
            "failed to get: resource KubernetesUpgradeStatuses.omni.sidero.dev"
            f"(default/{call.cluster}@undefined) doesn't exist"
        )
    if not cluster.kubernetes_known:
        raise failed_precondition("current version is not known yet")
    target = _parse_tolerant(request.new_version)
    _check_path(minor(cluster.kubernetes_version), target[:2])
    for machine in call.omni.fleet.machines_of(cluster):
        if machine.role == "controlplane":
            _record_access(call, cluster, "KubernetesUpgradePreChecks", machine_ip=machine.id)
    if cluster.upgrade_failure:
        reason = (
            "checking for removed Kubernetes component flags\n"
            "checking for removed Kubernetes API resource versions\n"
            f"pre-checks failed: {cluster.upgrade_failure}\n"
        )
        return management_pb2.KubernetesUpgradePreChecksResponse(reason=reason)
    return management_pb2.KubernetesUpgradePreChecksResponse(ok=True)


def _parse_tolerant(text: str) -> tuple[int, int, int]:
    """Read a version as Go's semver does when it is told to be tolerant: `v1.36` will do."""
    parts = text.strip().removeprefix("v").split(".", 2)
    if len(parts) < 3 and re.search("[-+]", parts[-1]):
        raise _not_a_version("Short version cannot contain PreRelease/Build meta data")
    major, minor_, rest = [*parts, "0", "0"][:3]
    patch = re.split("[-+]", rest, maxsplit=1)[0]
    for name, part in (("major", major), ("minor", minor_), ("patch", patch)):
        if part.strip("0123456789"):
            raise _not_a_version(f'Invalid character(s) found in {name} number "{part}"')
        if not part:
            raise _not_a_version('strconv.ParseUint: parsing "": invalid syntax')
    for kind, part in re.findall(r"([-+])([^+]*)", rest.removeprefix(patch)):
        identifiers = part.split(".")
        what = "Prerelease" if kind == "-" else "Build meta data"
        if "" in identifiers:
            raise _not_a_version(f"{what} is empty")
        for one in identifiers:
            if re.search("[^0-9A-Za-z-]", one):
                raise _not_a_version(f'Invalid character(s) found in {what.lower()} "{one}"')
    return int(major), int(minor_), int(patch)


def _not_a_version(problem: str) -> Refused:
    return invalid(f"invalid upgrade path: error parsing to version: {problem}")


def _check_path(current: tuple[int, ...], target: tuple[int, ...]) -> None:
    steps = target[1] - current[1]
    known = _OLDEST_MINOR <= target[1] <= _NEWEST_MINOR
    if target[0] != current[0] or steps not in (0, 1) or not known:
        raise invalid(
            f"unsupported upgrade path: {current[0]}.{current[1]}->{target[0]}.{target[1]}"
        )


def kubernetes_sync_manifests(call: Call, request: Any) -> Iterator[Any]:
    call.require("Operator")
    cluster = call.omni.fleet.cluster(call.cluster)
    if cluster is None:
        raise unknown(
            f"failed to get kubeconfig: kubeconfig for cluster {call.cluster} is not found"
        )
    _record_access(call, cluster, "KubernetesSyncManifests")
    server_side = minor(cluster.talos_version) >= _SERVER_SIDE_APPLY_SINCE
    with call.omni.changed:
        changes = [(one, one.out_of_date and not cluster.manifests_synced) for one in _MANIFESTS]
    for manifest, changed in changes:
        yield _Response(
            response_type=_Response.MANIFEST,
            path=manifest.path(server_side=server_side),
            object=manifest.object(cluster, server_side=server_side),
            diff=manifest.diff(cluster) if changed else "",
            # Server-side apply decides what to skip while applying, so a dry run cannot say.
            skipped=not changed and not (server_side and request.dry_run),
        )
    if request.dry_run:
        return
    with call.omni.changed:
        cluster.manifests_synced = True
        call.omni.changed.notify_all()
    for manifest, changed in changes:
        if changed:
            yield _Response(
                response_type=_Response.ROLLOUT,
                path=manifest.path(server_side=server_side),
                object=manifest.object(cluster, server_side=server_side),
                diff=manifest.diff(cluster) if server_side else "",
            )


@attrs.frozen
class _Manifest:
    """One bootstrap manifest of Talos; `out_of_date` ones differ until the first real sync."""

    api: str
    kind: str
    name: str
    body: dict[str, Any]
    namespace: str = ""
    out_of_date: bool = False

    def path(self, *, server_side: bool) -> str:
        kind = self.kind if server_side else f"{self.api}.{self.kind}"
        return "/".join(part for part in (kind, self.namespace, self.name) if part)

    def object(self, cluster: Cluster, *, server_side: bool) -> bytes:
        namespace = {"namespace": self.namespace} if self.namespace else {}
        plain = {
            "apiVersion": self.api,
            "kind": self.kind,
            "metadata": {"name": self.name, **namespace},
            **_filled(self.body, cluster),
        }
        return _goyaml.dump({"object": plain} if server_side else plain).encode()

    def diff(self, cluster: Cluster) -> str:
        version = cluster.kubernetes_version
        return (
            f"--- a/{self.kind}/{self.name}\n+++ b/{self.kind}/{self.name}\n@@ -20,7 +20,7 @@\n"
            "       containers:\n"
            f"-      - image: registry.k8s.io/{self.name}:v{_patch_before(version)}\n"
            f"+      - image: registry.k8s.io/{self.name}:v{version}\n"
            f"         name: {self.name}\n"
        )


def _patch_before(version: str) -> str:
    head, patch = version.rsplit(".", 1)
    return f"{head}.{max(0, int(patch) - 1)}"


def _filled(body: Any, cluster: Cluster) -> Any:
    """Put the cluster's Kubernetes version where `{version}` stands."""
    if isinstance(body, dict):
        return {key: _filled(value, cluster) for key, value in body.items()}
    if isinstance(body, list):
        return [_filled(item, cluster) for item in body]
    return body.replace("{version}", cluster.kubernetes_version) if isinstance(body, str) else body


def _workload(name: str, image: str) -> dict[str, Any]:
    labels = {"k8s-app": name}
    return {
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"image": image, "name": name}]},
            },
        }
    }


_RBAC = "rbac.authorization.k8s.io/v1"
_SYSTEM = "kube-system"
_MANIFESTS = (
    _Manifest("v1", "ServiceAccount", "kube-proxy", {}, _SYSTEM),
    _Manifest(
        _RBAC,
        "ClusterRoleBinding",
        "kube-proxy",
        {
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:node-proxier",
            }
        },
    ),
    _Manifest(
        "apps/v1",
        "DaemonSet",
        "kube-proxy",
        _workload("kube-proxy", "registry.k8s.io/kube-proxy:v{version}"),
        _SYSTEM,
        out_of_date=True,
    ),
    _Manifest(
        "v1", "ConfigMap", "coredns", {"data": {"Corefile": ".:53 {\n    errors\n}\n"}}, _SYSTEM
    ),
    _Manifest(
        "apps/v1",
        "Deployment",
        "coredns",
        _workload("coredns", "registry.k8s.io/coredns/coredns:v1.13.1"),
        _SYSTEM,
        out_of_date=True,
    ),
    _Manifest("v1", "Service", "kube-dns", {"spec": {"clusterIP": "10.96.0.10"}}, _SYSTEM),
)


def tear_down_locked_cluster(call: Call, request: Any) -> Any:
    call.require("Admin")
    name = request.cluster_id
    cluster = call.omni.fleet.cluster(name)
    if cluster is None:
        raise not_found(f'cluster "{name}" not found')
    if not cluster.locked:
        raise failed_precondition(f'cluster "{name}" is not locked')
    if not cluster.tainted_by_import:
        raise failed_precondition(f'cluster "{name}" is not tainted by importing or exporting')
    call.omni.fleet.remove_cluster(name)
    for event_type in ("teardown", "destroy"):
        call.omni.audit.record(
            call,
            event_type,
            resource_type="Clusters.omni.sidero.dev",
            resource_id=name,
            data={"cluster": _audited(cluster)},
            cluster_id=name,
        )
    return management_pb2.TearDownLockedClusterResponse()


def _audited(cluster: Cluster) -> dict[str, Any]:
    labels = {"labels": dict(cluster.labels)} if cluster.labels else {}
    return {
        "id": cluster.name,
        **labels,
        "features": {},
        "kubernetes_version": cluster.kubernetes_version,
        "talos_version": cluster.talos_version,
    }


def _record_access(call: Call, cluster: Cluster, method: str, **more: str) -> None:
    access = {
        "full_method_name": f"management.ManagementService/{method}",
        "cluster_name": cluster.name,
        **more,
    }
    call.omni.audit.record(
        call, "talos_access", data={"talos_access": access}, cluster_id=cluster.name
    )


_SERVICE = "/management.ManagementService/"

HANDLERS: dict[str, Handler] = {
    f"{_SERVICE}KubernetesUpgradePreChecks": kubernetes_upgrade_pre_checks,
    f"{_SERVICE}KubernetesSyncManifests": kubernetes_sync_manifests,
    f"{_SERVICE}TearDownLockedCluster": tear_down_locked_cluster,
}

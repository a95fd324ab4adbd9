"""Resources that are computed for whoever asks: the current user, and what they may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omni_api.simulator._call import ROLES
from omni_api.simulator._resource import Resource

if TYPE_CHECKING:
    from omni_api.simulator._call import Call

NAMESPACE = "virtual"
_SUFFIX = ".omni.sidero.dev"
_READ = (
    "can_read_clusters can_read_machines can_read_machine_logs can_read_machine_config_patches"
    " can_read_join_tokens can_read_installation_media"
)
_OPERATE = (
    "can_create_clusters can_remove_machines can_manage_machine_config_patches"
    " can_access_maintenance_nodes can_manage_installation_media"
)
_ADMINISTER = "can_manage_users can_manage_backup_store can_manage_join_tokens"
_CLUSTER_READ = (
    "can_download_kubeconfig can_download_talosconfig can_read_config_patches"
    " can_read_machine_config can_read_kernel_args can_read_machine_pending_updates"
    " can_read_kubernetes_manifests"
)
_CLUSTER_OPERATE = (
    "can_add_machines can_remove_machines can_reboot_machines can_update_kubernetes"
    " can_sync_kubernetes_manifests can_update_talos can_manage_config_patches"
    " can_manage_cluster_features can_download_support_bundle can_manage_machine_config"
    " can_manage_kernel_args"
)


def of_caller(call: Call, type_: str, namespace: str, id_: str) -> Resource | None:
    """The resource as this caller sees it; None when it is no such one."""
    if namespace != NAMESPACE:
        return None
    allowed = _Allowed(call)
    spec: dict[str, str | bool]
    match type_.removesuffix(_SUFFIX), id_:
        case "CurrentUsers", "current":
            caller = call.caller
            spec = {
                "identity": caller.identity,
                "role": caller.role,
                "user_id": caller.user_id,
            }
        case "Permissions", "permissions":
            spec = {**allowed.to("Reader", _READ), **allowed.to("Operator", _OPERATE)}
            spec |= allowed.to("Admin", _ADMINISTER)
            if call.caller.role in ("Auditor", "Admin"):
                spec["can_read_audit_log"] = True
        case "ClusterPermissions", _:
            spec = allowed.to("Reader", _CLUSTER_READ) | allowed.to("Operator", _CLUSTER_OPERATE)
        case _:
            return None
    return Resource(type=type_, id=id_, namespace=NAMESPACE, created=call.omni.now(), spec=spec)


class _Allowed:
    """Turns names of permissions into those that the caller has."""

    def __init__(self, call: Call) -> None:
        self._rank = ROLES.index(call.caller.role)

    def to(self, role: str, names: str) -> dict[str, str | bool]:
        held = self._rank >= ROLES.index(role)
        return dict.fromkeys(names.split(), True) if held else {}

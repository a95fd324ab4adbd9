"""Writes the specs of resources as protobuf, where the library has no classes for them.

A table gives each field its number, and a message, or a map from text, what is inside. The wire
type follows from the value: specs are in JSON form, where 64-bit integers and times are texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from omni_api.simulator._audit_message import varint

_MAP = "map"
_Fields = Mapping[str, Any]
_LENGTH_DELIMITED, _VARINT = 2, 0
_TEXT_NUMBERS = frozenset(("size", "io_size", "sector_size", "cores_count"))
_DURATIONS = frozenset(("tick_interval", "min_interval", "max_interval"))
_TIMES = frozenset(("expiration", "created", "last_used"))


def _numbered(names: str, start: int = 1) -> dict[str, int]:
    """Fields numbered in a row."""
    return {name: number for number, name in enumerate(names.split(), start)}


_MACHINES = _numbered("total healthy connected requested")
_HARDWARE = {
    "processors": (1, _numbered("core_count thread_count frequency description manufacturer")),
    "memory_modules": (2, _numbered("size_mb description")),
    "blockdevices": (
        3,
        _numbered("size model linux_name")
        | {"type": 9, "system_disk": 11, "transport": 13, "rotational": 19}
        | _numbered("dev_path io_size sector_size", 14),
    ),
    "arch": 4,
}
_NETWORK = {
    "hostname": 1,
    "addresses": 3,
    "default_gateways": 4,
    "network_links": (5, _numbered("linux_name hardware_address") | {"link_up": 4}),
}
_SCHEMATIC = {
    "initial_schematic": 4,
    "full_id": 9,
    "in_agent_mode": 10,
    "raw": 11,
}
_FIELDS: dict[str, _Fields] = {
    "AuthConfigs": {"suspended": 3},
    "ClusterMachineStatuses": {
        "ready": 1,
        "stage": 2,
        "config_up_to_date": 4,
        "management_address": 6,
        "config_apply_status": 7,
        "provision_status": (9, {}),
    },
    "ClusterMachines": {"kubernetes_version": 2},
    "ClusterPermissions": _numbered(
        "can_add_machines can_remove_machines can_reboot_machines can_update_kubernetes"
        " can_download_kubeconfig can_sync_kubernetes_manifests can_update_talos"
        " can_download_talosconfig can_read_config_patches can_manage_config_patches"
        " can_manage_cluster_features can_download_support_bundle can_read_machine_config"
        " can_manage_machine_config can_read_kernel_args can_manage_kernel_args"
        " can_read_machine_pending_updates can_read_kubernetes_manifests"
    ),
    "ClusterStatuses": {
        "available": 1,
        "machines": (2, _MACHINES),
        "initial_talos_version": 12,
        **_numbered(
            "phase ready kubernetesAPIReady controlplaneReady has_connected_control_planes", 3
        ),
        **_numbered("talos_version kubernetes_version", 9),
    },
    "CurrentUsers": {"identity": 1, "role": 3, "user_id": 4},
    "FeaturesConfigs": {
        "etcd_backup_settings": (2, _numbered("tick_interval min_interval max_interval")),
        "user_pilot_settings": (6, {}),
        "stripe_settings": (7, {}),
        "posthog_settings": (12, {}),
        **_numbered("embedded_discovery_service audit_log_enabled image_factory_base_url", 3),
        "image_factory_pxe_base_url": 9,
        "account": (10, _numbered("id name")),
    },
    "Identities": {"user_id": 1},
    "IdentityStatuses": _numbered("user_id role last_active"),
    "InstallationMedias": _numbered("name architecture profile")
    | {"contentType": 6, "dest_file_prefix": 8, "extension": 9}
    | _numbered("no_secure_boot overlay min_talos_version", 11),
    "InfraMachineConfigs": {"acceptance_status": 2, "power_off_request_id": 6},
    "KubernetesUpgradeStatuses": {"phase": 1, "last_upgrade_version": 5, "upgrade_versions": 6},
    "KubernetesVersions": {"version": 1},
    "LoadBalancerStatuses": {"healthy": 3},
    "MachineSetStatuses": {"phase": 1, "ready": 2, "machines": (4, _MACHINES), "config_hash": 5},
    "MachineSets": {"update_strategy": 1},
    "MachineStatusMetrics": {
        **_numbered("registered_machines_count connected_machines_count allocated_machines_count"),
        "platforms": (6, _MAP),
        "secure_boot_status": (7, _MAP),
        "uki_status": (8, _MAP),
        "cores_count": 14,
    },
    "MachineStatuses": {
        "talos_version": 1,
        "hardware": (2, _HARDWARE),
        "network": (3, _NETWORK),
        **_numbered("management_address connected maintenance", 5),
        **_numbered("cluster role", 9),
        "platform_metadata": (11, _numbered("platform hostname")),
        "schematic": (14, _SCHEMATIC),
        "initial_talos_version": 16,
        "power_state": 20,
        "security_state": (21, {}),
        **_numbered("kernel_cmdline talos_version_name", 22),
    },
    "Machines": {"management_address": 1, "connected": 2},
    "Permissions": _numbered(
        "can_read_clusters can_create_clusters can_manage_users can_read_machines"
        " can_remove_machines can_read_machine_logs"
    )
    | _numbered(
        "can_read_machine_config_patches can_manage_machine_config_patches can_manage_backup_store"
        " can_access_maintenance_nodes can_read_audit_log can_read_join_tokens"
        " can_manage_join_tokens can_read_installation_media can_manage_installation_media",
        9,
    ),
    "ServiceAccountStatuses": {
        "role": 1,
        "public_keys": (2, _numbered("id armored expiration created last_used")),
        "expiration": 3,
    },
    "TalosExtensions": {"items": (1, _numbered("name author version description ref"))},
    "TalosUpgradeStatuses": {"phase": 1, "last_upgrade_version": 5, "upgrade_versions": 7},
    "TalosVersions": _numbered("version compatible_kubernetes_versions")
    | {"upgradable_talos_versions": 4, "unsupported": 5, "image_factory_url": 6},
    "Users": {"role": 3},
}


def proto_spec(type_: str, spec: Mapping[str, Any]) -> bytes:
    """The spec of a resource of this type; fields that the table does not know are left out."""
    return _message(spec, _FIELDS.get(type_.partition(".")[0], {}))


def plain(name: str, value: Any) -> Any:
    """The value of a field in JSON form without the texts that JSON has for numbers and times."""
    if not isinstance(value, str):
        return value
    if name in _TIMES:
        moment = datetime.fromisoformat(value)
        return {"seconds": int(moment.timestamp()), "nanos": moment.microsecond * 1000}
    if name in _DURATIONS:
        return {"seconds": int(value.removesuffix("s")), "nanos": 0}
    return int(value) if name in _TEXT_NUMBERS else value


def _message(values: Mapping[str, Any], fields: _Fields) -> bytes:
    found = []
    for name, place in fields.items():
        number, inner = place if isinstance(place, tuple) else (place, None)
        value = values.get(name)
        items = value if isinstance(value, list) else [value]
        for item in items if value is not None else ():
            found += [(number, one) for one in _encoded(name, item, inner)]
    found.sort(key=lambda field: field[0])
    return b"".join(_field(number, one) for number, one in found)


def _encoded(name: str, value: Any, inner: Any) -> Iterator[int | bytes]:
    if inner == _MAP:
        for key, item in value.items():
            yield _field(1, key.encode()) + _field(2, item)
    elif inner is not None:
        yield _message(value, inner)
    elif isinstance(known := plain(name, value), Mapping):
        yield _field(1, known["seconds"]) + _field(2, known["nanos"])
    elif isinstance(value, str) and name not in _TEXT_NUMBERS:
        yield value.encode()
    elif int(value):
        yield int(value)


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3 | _VARINT) + varint(value)
    return varint(number << 3 | _LENGTH_DELIMITED) + varint(len(value)) + value

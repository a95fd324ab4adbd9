"""The resources of machines, built from the fleet in the form of an emulated bare-metal machine."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from omni_api.simulator._joining import kernel_args
from omni_api.simulator._resource import Resource
from omni_api.simulator._schematics import EMPTY_SCHEMATIC_ID

if TYPE_CHECKING:
    from omni_api.simulator._fleet_objects import Machine
    from omni_api.simulator._state import Omni

_LABEL = "omni.sidero.dev/"
_SUFFIX = ".omni.sidero.dev"
_POWER_ON, _POWER_OFF = 2, 3
_ROLES = {"controlplane": 1, "worker": 2}


def all_ids(omni: Omni) -> list[str]:
    return [machine.id for machine in omni.fleet.machines()]


def allocated_ids(omni: Omni) -> list[str]:
    return [machine.id for machine in omni.fleet.machines() if machine.cluster]


def infra_ids(omni: Omni) -> list[str]:
    return [one.id for one in omni.fleet.machines() if one.infra_provider and one.infra_config]


def infra_machine_config(omni: Omni, id_: str) -> Resource:
    one = _known(omni, id_)
    spec: dict[str, Any] = {"acceptance_status": 1} if one.accepted else {}
    if one.power_off_request_id:
        spec["power_off_request_id"] = one.power_off_request_id
    return Resource(type="InfraMachineConfigs" + _SUFFIX, id=id_, created=one.created, spec=spec)


def machine(omni: Omni, id_: str) -> Resource:
    one = _known(omni, id_)
    annotations = {f"{_LABEL}created-with-unique-token": ""} if one.unique_token else {}
    return Resource(
        type="Machines" + _SUFFIX,
        id=id_,
        created=one.created,
        version=6,
        owner="MachineController",
        annotations=annotations,
        labels={f"{_LABEL}address": one.address},
        finalizers=("MachineCleanupController", "MachineStatusController"),
        spec={**({"connected": True} if one.connected else {}), "management_address": one.address},
    )


def machine_labels(omni: Omni, id_: str) -> Resource:
    return Resource(
        type="MachineLabels" + _SUFFIX,
        id=id_,
        created=_known(omni, id_).created,
        annotations={f"{_LABEL}platform-tag-labels-initialized": ""},
        spec={},
    )


def machine_set_node(omni: Omni, id_: str) -> Resource:
    one = _known(omni, id_)
    return Resource(
        type="MachineSetNodes" + _SUFFIX,
        id=id_,
        created=one.created,
        version=2,
        labels=_allocation(one),
        finalizers=("MachineSetStatusController",),
        spec={},
    )


def cluster_machine(omni: Omni, id_: str) -> Resource:
    one = _known(omni, id_)
    cluster = omni.fleet.cluster(one.cluster or "")
    return Resource(
        type="ClusterMachines" + _SUFFIX,
        id=id_,
        created=one.created,
        version=7,
        owner="MachineSetStatusController",
        labels=_allocation(one),
        finalizers=("ClusterMachineController", "ClusterMachineStatusController"),
        spec={"kubernetes_version": cluster.kubernetes_version if cluster else ""},
    )


def cluster_machine_status(omni: Omni, id_: str) -> Resource:
    one = _known(omni, id_)
    labels = _allocation(one) | {
        f"{_LABEL}connected" if one.connected else f"{_LABEL}disconnected": "",
        f"{_LABEL}hostname": one.hostname,
        f"{_LABEL}node-name": one.hostname,
    }
    return Resource(
        type="ClusterMachineStatuses" + _SUFFIX,
        id=id_,
        created=one.created,
        version=9,
        owner="ClusterMachineStatusController",
        labels=labels,
        finalizers=("ClusterWorkloadProxyStatusController", "SecretRotationStatusController"),
        spec={
            "config_apply_status": 2,
            "config_up_to_date": True,
            "management_address": one.address,
            "provision_status": {},
            **({"ready": True} if one.connected else {}),
            "stage": 4,
        },
    )


def machine_status(omni: Omni, id_: str) -> Resource:
    one = _known(omni, id_)
    return Resource(
        type="MachineStatuses" + _SUFFIX,
        id=id_,
        created=one.created,
        version=13,
        owner="MachineStatusController",
        annotations={
            f"{_LABEL}kernel-args-initialized": "",
            f"{_LABEL}platform-tag-labels-initialized": "",
        },
        labels=_status_labels(one),
        finalizers=("MachineConfigExtractionController", "MachineTeardownController"),
        spec=_status_spec(omni, one),
    )


_PLATFORMS = (
    "akamai alibabacloud aws azure cloudstack digital-ocean equinixMetal exoscale gcp hcloud metal"
    " nocloud opennebula openstack oracle scaleway upcloud vmware vultr"
)


def metrics(omni: Omni, id_: str) -> Resource:
    """How many machines there are of each sort."""
    machines = omni.fleet.machines()
    count = len(machines)
    counts = {
        "allocated_machines_count": sum(one.cluster is not None for one in machines),
        "connected_machines_count": sum(one.connected for one in machines),
        "registered_machines_count": count,
    }
    return Resource(
        type="MachineStatusMetrics" + _SUFFIX,
        id=id_,
        namespace="ephemeral",
        created=omni.fleet.created,
        version=2,
        owner="MachineStatusMetricsController",
        spec={
            **{name: number for name, number in counts.items() if number},
            "cores_count": str(64 * count),
            "platforms": dict.fromkeys(_PLATFORMS.split(), 0) | {"metal": count},
            "secure_boot_status": {"false": count, "true": 0, "unknown": 0},
            "uki_status": {"false": count, "true": 0, "unknown": 0},
        },
    )


def _known(omni: Omni, id_: str) -> Machine:
    one = omni.fleet.machine(id_)
    assert one is not None  # noqa: S101 - called with existing ids only
    return one


def _allocation(one: Machine) -> dict[str, str]:
    if not one.cluster:
        return {}
    return {
        f"{_LABEL}cluster": one.cluster,
        f"{_LABEL}machine-set": one.machine_set,
        f"{_LABEL}role-{one.role}": "",
    }


def _status_labels(one: Machine) -> dict[str, str]:
    flags = {
        "available": one.cluster is None,
        "connected": one.connected,
        "disconnected": not one.connected,
        "installed": one.installed,
        "ready-to-use": one.connected and one.accepted and one.schematic_ready,
        "reporting-events": one.connected,
    }
    facts = {
        "arch": "amd64",
        "cores": "64",
        "cpu": "qemu",
        "mem": "64GiB",
        "platform": "metal",
        "storage": "53GB",
        "talos-version": f"v{one.talos_version}",
    }
    if one.infra_provider:
        facts["infra-provider-id"] = one.infra_provider
    set_flags = {name: "" for name, is_set in flags.items() if is_set}
    return _allocation(one) | {_LABEL + name: value for name, value in (set_flags | facts).items()}


def _status_spec(omni: Omni, one: Machine) -> dict[str, Any]:
    digest = hashlib.sha256(one.id.encode()).digest()
    mac = ":".join(f"{byte:02x}" for byte in digest[:6])
    version = f"v{one.talos_version}"
    spec: dict[str, Any] = {}
    if one.cluster:
        spec["cluster"] = one.cluster
    if one.connected:
        spec["connected"] = True
    spec |= {
        "hardware": _hardware(one),
        "initial_talos_version": version,
        "kernel_cmdline": " ".join([*kernel_args(omni), "talemu=1"]),
    }
    if one.maintenance:
        spec["maintenance"] = True
    spec |= {
        "management_address": one.address,
        "network": {
            "addresses": [f"192.168.{digest[6]}.{digest[7]}/16"],
            "default_gateways": ["192.168.0.1"],
            "hostname": one.hostname,
            "network_links": [
                {"hardware_address": mac, "link_up": True, "linux_name": "eth0"},
            ],
        },
    }
    if one.platform_known:
        spec["platform_metadata"] = {"hostname": one.id, "platform": "metal"}
    spec["power_state"] = _POWER_ON if one.powered_on else _POWER_OFF
    if one.role:
        spec["role"] = _ROLES[one.role]
    if one.schematic_ready:
        schematic: dict[str, Any] = {
            "full_id": EMPTY_SCHEMATIC_ID,
            "initial_schematic": EMPTY_SCHEMATIC_ID,
            "raw": "customization: {}\n",
        }
        if one.in_agent_mode:
            schematic["in_agent_mode"] = True
        spec["schematic"] = schematic
    if one.security_state_known:
        spec["security_state"] = {}
    return spec | {"talos_version": version, "talos_version_name": "Talos"}


def _hardware(one: Machine) -> dict[str, Any]:
    disk: dict[str, Any] = {
        "dev_path": "/dev/vda",
        "io_size": "512",
        "linux_name": "/dev/vda",
        "model": "CM5514",
        "rotational": True,
        "sector_size": "512",
        "size": "53687091200",
        "transport": "virtio",
        "type": "HDD",
    }
    if one.installed:
        disk["system_disk"] = True
    return {
        "arch": "amd64",
        "blockdevices": [disk],
        "memory_modules": [{"description": "SideroLabs UltraMem", "size_mb": 65536}],
        "processors": [
            {
                "core_count": 64,
                "description": "qemu Fake CPU",
                "frequency": 4000,
                "manufacturer": "qemu",
                "thread_count": 2,
            }
        ],
    }

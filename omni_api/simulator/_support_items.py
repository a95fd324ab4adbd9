"""What a support bundle collects, item by item: names, order and contents.

An item is one file. Some cannot be read and are errors; some Talos resource types have no objects
on a node, so they are counted but leave no file.
"""

from __future__ import annotations

import heapq
from random import Random
from typing import TYPE_CHECKING

import attrs

from omni_api.simulator import _goyaml
from omni_api.simulator._machine_log import go_time
from omni_api.simulator._resource import Resource
from omni_api.simulator._resource_kinds import KINDS, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from omni_api.simulator._fleet_objects import Cluster, Machine
    from omni_api.simulator._state import Omni

_WORKERS = 4


@attrs.frozen
class Item:
    """One file to collect; without `content` it is empty and left out, with `error` it failed."""

    name: str
    folder: str
    content: Callable[[], bytes] | None = None
    error: str = ""


def omni_items(omni: Omni, clusters: Iterable[Cluster]) -> list[Item]:
    """What Omni knows of the clusters: resources and machine logs."""
    return [item for cluster in clusters for item in _omni_items_of(omni, cluster)]


def cluster_items(omni: Omni, cluster: Cluster) -> list[Item]:
    """What Kubernetes and every Talos node tell."""
    machines = omni.fleet.machines_of(cluster)
    items = [
        _text("nodes.yaml", "kubernetesResources", lambda: _nodes(cluster, machines)),
        _text("systemPods.yaml", "kubernetesResources", lambda: _system_pods(cluster, machines)),
    ]
    for machine in machines:
        items += _node_items(machine)
    return items


def as_collected(items: Iterable[Item], seed: str) -> Iterator[Item]:
    """The order in which a few parallel workers finish: nearly, but not quite, the given one."""
    random = Random(seed)  # noqa: S311 - an order, not a secret
    waiting = [(number + random.random() * _WORKERS, number) for number, _ in enumerate(items)]
    heapq.heapify(waiting)
    all_items = list(items)
    while waiting:
        yield all_items[heapq.heappop(waiting)[1]]


_PER_CLUSTER = (
    "TalosUpgradeStatuses LoadBalancerStatuses ClusterStatuses Clusters KubernetesUpgradeStatuses"
    " KubernetesUpgradeManifestStatuses ClusterBootstrapStatuses"
    " ClusterKubernetesManifestsStatuses"
)
_PER_MACHINE = (
    "ClusterMachines MachineSetNodes RedactedClusterMachineConfigs ClusterMachineStatuses"
    " ClusterMachineTalosVersions ClusterMachineConfigStatuses SchematicConfigurations"
    " ClusterMachineIdentities KernelArgsStatuses Links MachineStatuses MachineStatusLabels"
    " MachineConfigGenOptions"
)


def _omni_items_of(omni: Omni, cluster: Cluster) -> Iterator[Item]:
    for kind in _PER_CLUSTER.split():
        yield _resource_item(omni, kind, cluster.name)
    for kind in ("MachineSets", "MachineSetStatuses"):
        for machine_set in cluster.machine_sets:
            yield _resource_item(omni, kind, machine_set)
    yield _resource_item(omni, "ControlPlaneStatuses", cluster.machine_sets[0])
    machines = omni.fleet.machines_of(cluster)
    for kind in _PER_MACHINE.split():
        for machine in machines:
            yield _resource_item(omni, kind, machine.id)
    for machine in machines:
        yield Item(f"{machine.id}.log", "omni/machine-logs", _log_reader(omni, machine))


def _resource_item(omni: Omni, kind: str, id_: str) -> Item:
    type_ = kind + SUFFIX

    def content() -> bytes:
        known = KINDS.get(type_)
        if known is not None:
            return known.make(omni, id_).yaml().encode()
        plain = Resource(type=type_, id=id_, created=omni.fleet.created, spec={})
        return plain.yaml().encode()

    return Item(f"{type_}-{id_}.yaml", "omni/resources", content)


def _log_reader(omni: Omni, machine: Machine) -> Callable[[], bytes]:
    def content() -> bytes:
        with omni.changed:
            log = omni.fleet.log_of(machine)
            _, lines = log.batch(log.first, log.end - log.first)
        return b"".join(line + b"\n" for line in lines)

    return content


# Resource types of a Talos node by group. `*`: every node has some; `+`: control planes only;
# without a mark there are none and no file is written.
_NODE_RESOURCES = {
    "v1alpha1.talos.dev": "acquireconfigspecs acquireconfigstatuses services* timestatuses",
    "net.talos.dev": "addressspecs* addressstatuses* deviceconfigspecs hardwareaddresses"
    " hostnamespecs* hostnamestatuses* linkrefreshes* linkspecs* linkstatuses* networkstatuses"
    " nodeaddresses* nodeaddressfilters operatorspecs probespecs probestatuses resolverspecs"
    " resolverstatuses routespecs routestatuses* timeserverspecs timeserverstatuses",
    "kubernetes.talos.dev": "admissioncontrolconfigs apiserverconfigs auditpolicyconfigs"
    " bootstrapmanifestsconfigs configstatuses controllermanagerconfigs endpoints*"
    " extramanifestsconfigs kubeletconfigs kubeletlifecycles kubeletspecs kubeprismconfigs"
    " kubeprismendpoints kubeprismstatuses manifests manifeststatuses nodeipconfigs nodeips*"
    " nodenames* nodestatuses schedulerconfigs secretstatuses+ staticpods staticpodserverstatuses"
    " staticpodstatuses",
    "cluster.talos.dev": "affiliates* discoveryconfigs* identities* infos kubernetesaccessconfigs"
    " members*",
    "secrets.talos.dev": "apicertificates* certsans* etcdrootsecrets etcdsecrets kubeletsecrets"
    " kubernetesdynamiccerts+ kubernetesrootsecrets+ kubernetessecrets+ maintenancerootsecrets"
    " osrootsecrets* trustdcertificates",
    "block.talos.dev": "blockdevices discoveredvolumes* discoveryrefreshrequests"
    " discoveryrefreshstatuses disks* systemdisks* volumestatuses*",
    "perf.talos.dev": "cpustats* memorystats*",
    "runtime.talos.dev": "devicesstatuses eventsinkconfigs* extensionstatuses* kernelcmdlines*"
    " kernelmodulespecs kernelparamdefaultspecs kernelparamspecs kernelparamstatuses"
    " kmsglogconfigs machinestatuses* maintenanceserviceconfigs maintenanceservicerequests"
    " metakeys* mountstatuses* versions*",
    "etcd.talos.dev": "etcdconfigs etcdmembers+ etcdspecs pkistatuses",
    "files.talos.dev": "etcfilespecs etcfilestatuses",
    "talemu.sidero.dev": "eventsinkstates* images* reboots* rebootstatuses versions*",
    "kubespan.talos.dev": "kubespanconfigs kubespanendpoints kubespanidentities kubespanpeerspecs"
    " kubespanpeerstatuses",
    "config.talos.dev": "machineconfigs* machinetypes*",
    "hardware.talos.dev": "memorymodules* pcidevices* processors* systeminformations*",
    "meta.cosi.dev": "namespaces* resourcedefinitions*",
    "k8s.talos.dev": "nodecordonedspecs nodelabelspecs nodetaintspecs",
    "talos.dev": "platformmetadatas* securitystates*",
    "cri.talos.dev": "seccompprofiles",
    "siderolink.talos.dev": "siderolinkconfigs*",
}
_UNREADABLE = {
    "dependencies.dot": "error getting controller runtime dependencies: "
    "rpc error: code = Unimplemented desc = unknown service inspect.InspectService",
    "mounts": "error getting mounts: "
    "rpc error: code = Unimplemented desc = method Mounts not implemented",
    "devices": 'rpc error: code = Unimplemented desc = reading "/proc/bus/pci/devices" '
    "is not supported by the emulator",
    "io": "rpc error: code = Unimplemented desc = method DiskStats not implemented",
}


def _node_items(machine: Machine) -> Iterator[Item]:
    node = machine.id
    for name in ("controller-runtime.log", "dmesg.log", "dns-resolve-cache.log"):
        yield _text(name, node, lambda: "the emulator keeps no log\n")
    for name, error in _UNREADABLE.items():
        yield Item(name, node, error=error)
    yield _text("processes", node, lambda: "PID   STATE   COMMAND\n1     S       /sbin/init\n")
    yield _text("summary", node, lambda: f"NODE: {node}\nTalos: v{machine.talos_version}\n")
    is_control_plane = machine.role == "controlplane"
    for type_, mark in _node_kinds():
        present = mark == "*" or (mark == "+" and is_control_plane)
        yield Item(
            f"{type_}.yaml",
            f"{node}/resources",
            _node_resource_reader(machine, type_) if present else None,
        )
    services = ("apid", "etcd", "kubelet", "machined") if is_control_plane else ("apid", "machined")
    for service in services:
        yield _text(f"{service}.log", f"{node}/service-logs", _service_line(service))
        yield _text(f"{service}.state", f"{node}/service-logs", _service_line(service))


def _service_line(service: str) -> Callable[[], str]:
    return lambda: f"service {service}: Running, healthy\n"


def _node_resource_reader(machine: Machine, type_: str) -> Callable[[], bytes]:
    def content() -> bytes:
        plain = Resource(
            type=type_,
            id=type_.partition(".")[0],
            created=machine.created,
            namespace="runtime",
            owner="runtime.Controller",
            spec={"node": machine.hostname},
        ).yaml()
        if type_ != "resourcedefinitions.meta.cosi.dev":
            return plain.encode()
        # One definition per type; written once and filled in, since there are many.
        head = "    id: resourcedefinitions\n"
        definitions = (plain.replace(head, f"    id: {name}\n") for name, _ in _node_kinds())
        return "---\n".join(definitions).encode()

    return content


def _node_kinds() -> list[tuple[str, str]]:
    """All resource types of a node in order, each with its mark or another letter."""
    return sorted(
        (f"{kind.rstrip('*+')}.{group}", kind[-1])
        for group, kinds in _NODE_RESOURCES.items()
        for kind in kinds.split()
    )


def _nodes(cluster: Cluster, machines: list[Machine]) -> str:
    items = [
        {
            "metadata": {"name": machine.hostname, "creationTimestamp": go_time(machine.created)},
            "status": {
                "addresses": [{"type": "Hostname", "address": machine.hostname}],
                "nodeInfo": {
                    "kubeletVersion": f"v{cluster.kubernetes_version}",
                    "osImage": f"Talos (v{machine.talos_version})",
                },
            },
        }
        for machine in machines
    ]
    return _goyaml.dump({"apiVersion": "v1", "kind": "NodeList", "items": items})


def _system_pods(cluster: Cluster, machines: list[Machine]) -> str:
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    items = [
        {
            "metadata": {"name": f"{name}-{machine.hostname}", "namespace": "kube-system"},
            "spec": {
                "nodeName": machine.hostname,
                "containers": [
                    {"image": f"registry.k8s.io/{name}:v{cluster.kubernetes_version}", "name": name}
                ],
            },
            "status": {"phase": "Running"},
        }
        for machine in machines
        if machine.role == "controlplane"
        for name in names
    ]
    return _goyaml.dump({"apiVersion": "v1", "kind": "PodList", "items": items})


def _text(name: str, folder: str, content: Callable[[], str]) -> Item:
    return Item(name, folder, lambda: content().encode())

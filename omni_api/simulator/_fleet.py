"""The clusters, machines and join tokens behind the simulated Omni.

The content is the same at every start. What stands in it is a talos-default cluster as an emulated
fleet was seen, a production and a staging cluster, and one spare machine for each situation in
which an rpc answers differently.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from omni_api.simulator import _fleet_ids as ids
from omni_api.simulator._fleet_objects import Cluster, InstallerFailure, JoinToken, Machine
from omni_api.simulator._machine_log import MachineLog, talos_lines
from omni_api.simulator._versions import DEFAULT_TALOS

if TYPE_CHECKING:
    from collections.abc import Callable

    from omni_api.simulator._state import Omni

__all__ = ["Cluster", "Fleet", "InstallerFailure", "JoinToken", "Machine"]


class Fleet:
    """All clusters, machines and join tokens.

    Args:
        omni: The Omni they belong to; its clock says when they were created.
        machines: How many machines in all; clusters `fleet-0001` … of ten and spare machines
            are added to the fixed ones. None keeps the fixed ones.
        log_lines: Stored log lines of each machine.

    Attributes:
        log_lines: Counts for machines whose log nobody has read yet.
        support_bundle_padding: Bytes of incompressible data added to support bundles.
        machine_api_url: The address that machines join, as in join configs.
    """

    def __init__(self, omni: Omni, machines: int | None = None, *, log_lines: int = 1000) -> None:
        self._omni = omni
        self._clusters: dict[str, Cluster] = {}
        self._machines: dict[str, Machine] = {}
        self._logs: dict[str, MachineLog] = {}
        self._examples: dict[str, str] = {}
        self.log_lines = log_lines
        self._machines_ever = 0
        self.started = omni.now()
        self.created = self.started - timedelta(hours=2)
        self.support_bundle_padding = 0
        self.machine_api_url = "grpc://127.0.0.1:8090"
        self.join_tokens: dict[str, JoinToken] = {}
        first = JoinToken(
            id=ids.token("default"), name="initial token", created=self.created, use_count=5
        )
        self.join_tokens[first.id] = first
        self.default_join_token = first.id
        self.default_join_token_version = 1
        self._add_fixed_content()
        for kind in ("maintenance", "maintenance-2"):
            first.warnings.append((self._examples[kind], _EPHEMERAL))
        self._grow_to(machines or 0)

    def clusters(self) -> list[Cluster]:
        """All clusters, by name."""
        with self._omni.changed:
            return [self._clusters[name] for name in sorted(self._clusters)]

    def cluster(self, name: str) -> Cluster | None:
        return self._clusters.get(name)

    def machines(self) -> list[Machine]:
        """All machines, by id."""
        with self._omni.changed:
            return [self._machines[id_] for id_ in sorted(self._machines)]

    def machine(self, machine_id: str) -> Machine | None:
        return self._machines.get(machine_id)

    def machines_of(self, cluster: Cluster) -> list[Machine]:
        """Control planes first, in the order in which they were added."""
        return [self._machines[id_] for id_ in cluster.machine_ids]

    def example(self, kind: str) -> Machine:
        """The spare machine that shows one situation; `examples` names them."""
        return self._machines[self._examples[kind]]

    @property
    def examples(self) -> tuple[str, ...]:
        return tuple(self._examples)

    def add_cluster(
        self,
        name: str,
        *,
        control_planes: int = 1,
        workers: int = 2,
        talos_version: str = DEFAULT_TALOS,
        kubernetes_version: str = "1.35.6",
        labels: dict[str, str] | None = None,
    ) -> Cluster:
        """Add a running cluster with new machines."""
        cluster = Cluster(
            name=name,
            uuid=str(ids.stable_uuid(f"cluster/{name}")),
            created=self.created,
            talos_version=talos_version,
            kubernetes_version=kubernetes_version,
            labels=dict(labels or {}),
        )
        with self._omni.changed:
            self._clusters[name] = cluster
            for role, count in (("controlplane", control_planes), ("worker", workers)):
                for _ in range(count):
                    machine = self.add_machine(cluster=name, role=role, talos_version=talos_version)
                    cluster.machine_ids.append(machine.id)
            self._omni.changed.notify_all()
        return cluster

    def add_machine(self, machine_id: str | None = None, **fields: Any) -> Machine:
        """Add a machine; `fields` are those of `Machine`. Without a cluster it is a spare one."""
        with self._omni.changed:
            id_ = machine_id or ids.machine_id(self._machines_ever)
            self._machines_ever += 1
            spare = fields.get("cluster") is None
            given: dict[str, Any] = {
                "id": id_,
                # A machine without a config has no name of its own yet and reports its id.
                "hostname": id_ if spare else ids.hostname(id_),
                "address": ids.address(id_),
                "created": self.created,
                "maintenance": spare,
                "installed": not spare,
                **fields,
            }
            machine = Machine(**given)
            self._machines[id_] = machine
            self._omni.changed.notify_all()
        return machine

    def remove_machine(self, machine_id: str) -> None:
        """Forget a machine; streams that follow its log end."""
        with self._omni.changed:
            machine = self._machines.pop(machine_id)
            self._logs.pop(machine_id, None)
            machine.removed = True
            if machine.cluster and (cluster := self._clusters.get(machine.cluster)):
                cluster.machine_ids.remove(machine_id)
            self._omni.changed.notify_all()

    def remove_cluster(self, name: str) -> None:
        """Tear a cluster down; its machines become spare ones without an installed Talos."""
        with self._omni.changed:
            for machine in self.machines_of(self._clusters.pop(name)):
                machine.cluster, machine.role = None, ""
                machine.maintenance, machine.installed = True, False
                machine.hostname = machine.id
            self._omni.changed.notify_all()

    def taint(self, name: str) -> None:
        """Mark a cluster as one whose break-glass config was handed out."""
        with self._omni.changed:
            if cluster := self._clusters.get(name):
                cluster.tainted, cluster.tainted_at = True, self._omni.now()
                self._omni.changed.notify_all()

    def resume(self, machine_id: str) -> None:
        """Let a MaintenanceLifecycle go on that `Machine.pause_after` holds."""
        with self._omni.changed:
            machine = self._machines[machine_id]
            machine.pause_after = None
            if machine.abandoned:
                machine.end_operation(machine.abandoned_version)
            self._omni.changed.notify_all()

    def log_of(self, machine: Machine) -> MachineLog:
        """The stored log of a machine, made when first asked for."""
        with self._omni.changed:
            log = self._logs.get(machine.id)
            if log is None:
                lines = self._line_source(machine)
                log = self._logs[machine.id] = MachineLog(history=self.log_lines, line_of=lines)
            return log

    def append_log(self, machine_id: str, line: bytes | str) -> None:
        """Add one log line, without newline, and wake those who follow."""
        data = line.encode() if isinstance(line, str) else line
        with self._omni.changed:
            self.log_of(self._machines[machine_id]).append(data)
            self._omni.changed.notify_all()

    def _line_source(self, machine: Machine) -> Callable[[int], bytes]:
        return talos_lines(
            seed=machine.id,
            count=self.log_lines,
            until=self.started,
            hostname=machine.hostname,
        )

    def _add_fixed_content(self) -> None:
        self.add_cluster("talos-default", labels={"env": "test"})
        for kind, fields in _SPARE_MACHINES.items():
            self._examples[kind] = self.add_machine(**fields).id
        self.add_cluster("production", control_planes=3, workers=5, labels={"env": "prod"})
        self.add_cluster(
            "staging",
            talos_version="1.12.11",
            kubernetes_version="1.34.6",
            labels={"env": "staging"},
        )
        if self._omni.legacy:
            imported = self.add_cluster("imported", talos_version="1.11.5")
            imported.locked = imported.tainted_by_import = True

    def _grow_to(self, machines: int) -> None:
        """Six of ten new machines run in clusters of ten, the others are spare."""
        missing = max(0, machines - len(self._machines))
        for number in range(1, missing * 6 // 100 + 1):
            self.add_cluster(f"fleet-{number:04d}", control_planes=3, workers=7)
        for _ in range(machines - len(self._machines)):
            self.add_machine()


_EPHEMERAL = "Talos is not installed so the generated node unique token is ephemeral"
_SPARE_MACHINES: dict[str, dict[str, Any]] = {
    "maintenance": {},
    "maintenance-2": {},
    "installed": {"installed": True},
    "agent-mode": {"in_agent_mode": True, "infra_provider": "bare-metal"},
    "bare-metal": {"infra_provider": "bare-metal"},
    "bare-metal-pending": {"infra_provider": "bare-metal", "accepted": False},
    "bare-metal-no-config": {"infra_provider": "bare-metal", "infra_config": False},
    "bare-metal-no-provider": {"infra_provider": "gone", "infra_provider_ready": False},
    "old-talos": {"talos_version": "1.12.8", "installed": True},
    "untracked-talos": {"talos_version": "1.13.0-alpha.1"},
    "no-schematic": {"schematic_ready": False},
    "no-unique-token": {"unique_token": False},
}

"""What a fleet consists of: machines, clusters and join tokens, as mutable values without logic.

A test changes what it needs directly on these objects, holding `omni.changed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import grpc

from omni_api.simulator._versions import DEFAULT_TALOS

if TYPE_CHECKING:
    from datetime import datetime


@attrs.frozen(kw_only=True)
class InstallerFailure:
    """How the next Talos installation or upgrade of a machine shall fail."""

    reason: str
    exit_code: int = 1
    code: grpc.StatusCode = grpc.StatusCode.INTERNAL


@attrs.define(kw_only=True, eq=False)
class Machine:
    """One machine that joined Omni.

    Attributes:
        role: `controlplane` or `worker`; empty for a spare machine.
        talos_version: What runs in memory, without `v`.
        installed: Talos is on the disk.
        busy: A maintenance operation is running on it.
        infra_provider: Id of the static (bare-metal) provider that manages its power.
        infra_provider_ready: That provider has reported a status.
        infra_config: It has an InfraMachineConfig.
        accepted: An administrator accepted it; bare metal starts pending.
        unique_token: It has a node unique token, which ResetNodeUniqueToken removes.
        upgrade_failure: Text with which Talos refuses the next MaintenanceUpgrade.
        pause_after: Hold a MaintenanceLifecycle after so many messages, until `Fleet.resume`.
        abandoned: The client of a held operation has left; `abandoned_version` is what it
            installs, None when it is to fail.
    """

    id: str
    hostname: str
    address: str
    created: datetime
    cluster: str | None = None
    role: str = ""
    talos_version: str = DEFAULT_TALOS
    maintenance: bool = False
    installed: bool = True
    in_agent_mode: bool = False
    schematic_ready: bool = True
    platform_known: bool = True
    security_state_known: bool = True
    connected: bool = True
    powered_on: bool = True
    busy: bool = False
    infra_provider: str | None = None
    infra_provider_ready: bool = True
    infra_config: bool = True
    accepted: bool = True
    power_off_request_id: str = ""
    unique_token: bool = True
    upgrade_failure: str = ""
    installer_failure: InstallerFailure | None = None
    pause_after: int | None = None
    abandoned: bool = False
    abandoned_version: str | None = None
    removed: bool = attrs.field(default=False, init=False)

    @property
    def machine_set(self) -> str:
        suffix = "control-planes" if self.role == "controlplane" else "workers"
        return f"{self.cluster}-{suffix}"

    def end_operation(self, installed_version: str | None) -> None:
        """End a maintenance operation; None when it failed."""
        self.busy = self.abandoned = False
        if installed_version is not None:
            # It boots the installed Talos and is in maintenance mode still: it has no config yet.
            self.installed, self.talos_version = True, installed_version


@attrs.define(kw_only=True, eq=False)
class Cluster:
    """One cluster.

    Attributes:
        kubernetes_known: Omni has seen the running Kubernetes version.
        locked: The cluster carries the lock annotation.
        tainted: A break-glass config was handed out.
        tainted_by_import: It was imported or exported; TearDownLockedCluster asks for this.
        upgrade_failure: Why a Kubernetes upgrade is refused; empty when it is not.
        manifests_synced: The bootstrap manifests are as Talos wants them.
    """

    name: str
    uuid: str
    created: datetime
    talos_version: str = DEFAULT_TALOS
    kubernetes_version: str = "1.35.6"
    labels: dict[str, str] = attrs.field(factory=dict)
    machine_ids: list[str] = attrs.field(factory=list)
    kubernetes_known: bool = True
    locked: bool = False
    tainted: bool = False
    tainted_at: datetime | None = None
    tainted_by_import: bool = False
    upgrade_failure: str = ""
    manifests_synced: bool = False

    @property
    def machine_sets(self) -> tuple[str, str]:
        return f"{self.name}-control-planes", f"{self.name}-workers"


@attrs.define(kw_only=True, eq=False)
class JoinToken:
    """A secret with which machines join; `id` is the secret."""

    id: str = attrs.field(repr=False)
    name: str
    created: datetime
    expiration: datetime | None = None
    revoked: bool = False
    use_count: int = 0
    warnings: list[tuple[str, str]] = attrs.field(factory=list)
    """Machines that need the token, and why."""
    version: int = 1
    updated: datetime | None = None
    labels: dict[str, str] = attrs.field(factory=dict)
    annotations: dict[str, str] = attrs.field(factory=dict)
    finalizers: list[str] = attrs.field(factory=list)
    """Who must let go of it first; the controller for the status, which always does, aside."""
    torn_down: bool = False

    def state(self, now: datetime) -> int:
        """1 active, 2 revoked, 3 expired."""
        if self.revoked:
            return 2
        return 3 if self.expiration is not None and self.expiration <= now else 1

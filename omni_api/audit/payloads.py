"""The typed payloads of audit events: one class per member of `event_data`.

The classes say which fields a member has (recorded from Omni 1.10); empty ones are not sent and
have their default here. How JSON becomes a field is decided in `_record.py`, which payload
belongs to which event at the end of this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs

from omni_api.audit._record import Record

__all__ = [
    "AccessPolicyChange",
    "AuditLogAccess",
    "ClusterChange",
    "ConfigPatchChange",
    "KubernetesAccess",
    "MachineChange",
    "MachineConfigChange",
    "MachineLabelsChange",
    "MachineSetChange",
    "MachineSetNodeChange",
    "MigrationError",
    "Payload",
    "TalosAccess",
    "UnknownPayload",
    "UserChange",
]


@attrs.frozen(kw_only=True, repr=False)
class Payload(Record):
    """Base of all payloads.

    A payload describes its object after the change. Its repr names the fields that are filled
    and never shows what is in them.

    Attributes:
        extra: Members that this version has no field for, or whose type is not the expected one.
    """


# ---- Changes of resources -----------------------------------------------------------------------


@attrs.frozen(kw_only=True, repr=False)
class UserChange(Payload):
    """A user or service account: member `new_user`, of Identities and Users.

    Attributes:
        id: Id of the user, a UUID.
        email: E-mail address; events of Users do not have it.
        role: Role; events of Identities do not have it.
        is_service_account: Whether it is a service account.
    """

    id: str = ""
    email: str = ""
    role: str = ""
    is_service_account: bool = False


@attrs.frozen(kw_only=True, repr=False)
class MachineChange(Payload):
    """A machine: member `machine`, of Machines.

    Attributes:
        id: Id of the machine.
        management_address: Its address in the SideroLink network.
        is_connected: Whether it is connected.
        labels: Its labels.
    """

    id: str = ""
    management_address: str = ""
    is_connected: bool = False
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True, repr=False)
class MachineLabelsChange(Payload):
    """The labels that people gave a machine: member `machine_labels`, of MachineLabels.

    Attributes:
        id: Id of the machine.
        labels: The labels.
    """

    id: str = ""
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True, repr=False)
class ClusterChange(Payload):
    """A cluster: member `cluster`, of Clusters.

    Attributes:
        id: Name of the cluster.
        kubernetes_version: Version of Kubernetes, without `v`.
        talos_version: Version of Talos, without `v`.
        labels: Its labels.
        features: Its features, as the server writes them.
        backup_configuration: When etcd is backed up, as the server writes it.
    """

    id: str = ""
    kubernetes_version: str = ""
    talos_version: str = ""
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    features: Mapping[str, object] = attrs.field(factory=dict, hash=False)
    backup_configuration: Mapping[str, object] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True, repr=False)
class MachineSetChange(Payload):
    """A machine set: member `machine_set`, of MachineSets.

    Attributes:
        id: Name of the machine set.
        cluster_id: Name of its cluster.
        update_strategy: `Unset` or `Rolling`.
        delete_strategy: `Unset` or `Rolling`.
        labels: Its labels.
        machine_allocation: Which machines it takes, as the server writes it.
        bootstrap_spec: What it is bootstrapped from, as the server writes it.
        update_strategy_config: Options of the strategy, as the server writes them.
        delete_strategy_config: Options of the strategy, as the server writes them.
    """

    id: str = ""
    cluster_id: str = ""
    update_strategy: str = ""
    delete_strategy: str = ""
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    machine_allocation: Mapping[str, object] = attrs.field(factory=dict, hash=False)
    bootstrap_spec: Mapping[str, object] = attrs.field(factory=dict, hash=False)
    update_strategy_config: Mapping[str, object] = attrs.field(factory=dict, hash=False)
    delete_strategy_config: Mapping[str, object] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True, repr=False)
class MachineSetNodeChange(Payload):
    """A machine in a machine set: member `machine_set_node`, of MachineSetNodes.

    Attributes:
        id: Id of the machine.
        cluster_id: Name of its cluster.
        labels: Labels of the membership; they name the machine set.
    """

    id: str = ""
    cluster_id: str = ""
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True, repr=False)
class ConfigPatchChange(Payload):
    """A config patch: member `config_patch`, of ConfigPatches.

    Attributes:
        id: Id of the patch.
        cluster_id: Name of the cluster.
        data: The patch, YAML; may hold secrets.
        labels: Its labels; they say what it applies to.
    """

    id: str = ""
    cluster_id: str = ""
    data: str = ""
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True, repr=False)
class MachineConfigChange(Payload):
    """A new machine config: member `machine_config_diff`, of MachineConfigDiffs.

    Attributes:
        id: Id of the machine.
        cluster_id: Name of its cluster.
        diff: What changed, as unified diff; may hold secrets.
    """

    id: str = ""
    cluster_id: str = ""
    diff: str = ""


@attrs.frozen(kw_only=True, repr=False)
class AccessPolicyChange(Payload):
    """The access policy: member `access_policy`, of AccessPolicies.

    Attributes:
        id: Id of the policy.
        user_groups: Groups of users by name, as the server writes them.
        cluster_groups: Groups of clusters by name, as the server writes them.
        rules: The rules, as the server writes them.
        tests: The policy's own tests, as the server writes them.
    """

    id: str = ""
    user_groups: Mapping[str, object] = attrs.field(factory=dict, hash=False)
    cluster_groups: Mapping[str, object] = attrs.field(factory=dict, hash=False)
    rules: tuple[object, ...] = attrs.field(default=(), hash=False)
    tests: tuple[object, ...] = attrs.field(default=(), hash=False)


# ---- Access -------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, repr=False)
class TalosAccess(Payload):
    """A call of a Talos API, or of Omni's own that needs one: member `talos_access`.

    Attributes:
        full_method_name: The rpc, without leading slash: `machine.MachineService/Shutdown`.
        cluster_name: Name of the cluster.
        machine_ip: Despite its name, whatever nodes the caller named; the id of a machine where
            Omni itself makes the call (recorded from Omni 1.10).
    """

    full_method_name: str = ""
    cluster_name: str = ""
    machine_ip: str = ""


@attrs.frozen(kw_only=True, repr=False)
class KubernetesAccess(Payload):
    """A changing request to the Kubernetes API of a cluster: member `k8s_access`.

    Attributes:
        full_method_name: Verb and path: `PATCH /api/v1/...`. Verbs that only read are not logged.
        command: What kubectl says it was doing.
        kube_session: Id of the kubectl session.
        cluster_name: Name of the cluster.
        cluster_uuid: UUID of the cluster.
    """

    full_method_name: str = ""
    command: str = ""
    kube_session: str = ""
    cluster_name: str = ""
    cluster_uuid: str = ""


@attrs.frozen(kw_only=True, repr=False)
class AuditLogAccess(Payload):
    """Somebody read the audit log, with these arguments: member `audit_log_access`.

    Attributes:
        start: Begin of the window that was read; None when following.
        end: End of the window; None when following.
        search: Text that was searched for.
        event_type: Filter by kind of event.
        resource_type: Filter by type of resource.
        resource_id: Filter by id of the resource.
        cluster_id: Filter by cluster.
        actor: Filter by e-mail address.
        from_id: Id that a followed log began with.
        follow: Whether the log was followed.
    """

    start: datetime | None = None
    end: datetime | None = None
    search: str = ""
    event_type: str = ""
    resource_type: str = ""
    resource_id: str = ""
    cluster_id: str = ""
    actor: str = ""
    from_id: int = 0
    follow: bool = False


# ---- The rest -----------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, repr=False)
class MigrationError(Payload):
    """An event that the server could not take over into its log: member `migration_error`.

    Attributes:
        raw_data: The event as the server found it.
        error: Why it could not be taken over.
    """

    raw_data: str = ""
    error: str = ""


@attrs.frozen(kw_only=True, repr=False)
class UnknownPayload(Payload):
    """A member of `event_data` that this version does not know.

    Attributes:
        name: Name of the member.
        fields: Its members, as decoded.
    """

    name: str
    fields: Mapping[str, object] = attrs.field(hash=False)


# ---- Which payload belongs to which event -------------------------------------------------------

KINDS: Mapping[str, type[Payload]] = {
    "new_user": UserChange,
    "machine": MachineChange,
    "machine_labels": MachineLabelsChange,
    "cluster": ClusterChange,
    "machine_set": MachineSetChange,
    "machine_set_node": MachineSetNodeChange,
    "config_patch": ConfigPatchChange,
    "machine_config_diff": MachineConfigChange,
    "access_policy": AccessPolicyChange,
    "talos_access": TalosAccess,
    "k8s_access": KubernetesAccess,
    "audit_log_access": AuditLogAccess,
    "migration_error": MigrationError,
}

MEMBERS: Mapping[str, str] = {
    "Identities.omni.sidero.dev": "new_user",
    "Users.omni.sidero.dev": "new_user",
    "Machines.omni.sidero.dev": "machine",
    "MachineLabels.omni.sidero.dev": "machine_labels",
    "Clusters.omni.sidero.dev": "cluster",
    "MachineSets.omni.sidero.dev": "machine_set",
    "MachineSetNodes.omni.sidero.dev": "machine_set_node",
    "ConfigPatches.omni.sidero.dev": "config_patch",
    "MachineConfigDiffs.omni.sidero.dev": "machine_config_diff",
    "AccessPolicies.omni.sidero.dev": "access_policy",
}
"""The member of `event_data` that describes a resource of a type."""

CLUSTER_FIELDS: Mapping[str, str] = {
    "cluster": "id",
    "talos_access": "cluster_name",
    "k8s_access": "cluster_name",
}
"""The field of a member that names the cluster, where it is not `cluster_id`."""


def payload(name: str, members: Mapping[str, object]) -> Payload:
    """Return the payload of one member of `event_data`."""
    kind = KINDS.get(name)
    if kind is None:
        return UnknownPayload(name=name, fields=members)
    return kind.from_members(members)

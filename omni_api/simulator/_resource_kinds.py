"""Which resource types the simulated Omni has, who may read them, and how they are made.

Nothing is stored: a resource is built from the fleet and the accounts when it is asked for, so it
can never disagree with what the other rpcs say. Types that a real Omni has and the simulator does
not fill are known too, and empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from omni_api.simulator import _cluster_resources as clusters
from omni_api.simulator import _machine_resources as machines
from omni_api.simulator._installation_media import MEDIA, installation_media, talos_extensions
from omni_api.simulator._resource import Resource, time_text
from omni_api.simulator._versions import KUBERNETES_VERSIONS, TALOS_RELEASES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from omni_api.simulator._state import Omni

SUFFIX = ".omni.sidero.dev"
SYS_VERSION = "SysVersions.system.sidero.dev"
_ACTIVE = 1
PUBLIC, SIGNED = "public", "signed"
"""Access beside the roles: without a signature, or with any."""


@attrs.frozen(kw_only=True)
class Kind:
    """One resource type.

    Attributes:
        access: The role that may read it, or PUBLIC or SIGNED.
        ids: The ids that exist now.
        make: Build one; called only with such an id.
    """

    namespace: str = "default"
    access: str = "Reader"
    ids: Callable[[Omni], Iterable[str]] = lambda _: ()
    make: Callable[[Omni, str], Resource]


def kind_of(type_: str) -> Kind | None:
    """The kind, None for types nobody may read."""
    return KINDS.get(type_) or _EMPTY_KINDS.get(type_)


def _resource(omni: Omni, type_: str, id_: str, **fields: Any) -> Resource:
    fields.setdefault("created", omni.fleet.created)
    return Resource(type=type_, id=id_, **fields)


def _talos_version(omni: Omni, id_: str) -> Resource:
    release = TALOS_RELEASES[id_]
    spec: dict[str, Any] = {
        "compatible_kubernetes_versions": list(release.kubernetes),
        "image_factory_url": "https://factory.talos.dev",
        "upgradable_talos_versions": list(release.upgrades),
        "version": id_,
    }
    if release.unsupported:
        spec["unsupported"] = True
    return _resource(
        omni,
        "TalosVersions" + SUFFIX,
        id_,
        version=2,
        owner="VersionsController",
        finalizers=("TalosExtensionsController",),
        spec=spec,
    )


def _kubernetes_version(omni: Omni, id_: str) -> Resource:
    return _resource(
        omni,
        "KubernetesVersions" + SUFFIX,
        id_,
        owner="VersionsController",
        spec={"version": id_},
    )


def _sys_version(omni: Omni, id_: str) -> Resource:
    backend, api = ("v1.2.1", 1) if omni.legacy else ("v1.10.0-beta.0", 3)
    return _resource(
        omni,
        SYS_VERSION,
        id_,
        namespace="ephemeral",
        spec={
            "backend_api_version": api,
            "backend_version": backend,
            "instance_name": omni.account,
        },
    )


def _features(omni: Omni, id_: str) -> Resource:
    return _resource(
        omni,
        "FeaturesConfigs" + SUFFIX,
        id_,
        spec={
            "account": {"id": "11111111-2222-3333-4444-555555555555", "name": omni.account},
            **({"audit_log_enabled": True} if omni.audit_log_enabled else {}),
            "embedded_discovery_service": True,
            "etcd_backup_settings": {
                "max_interval": "86400s",
                "min_interval": "3600s",
                "tick_interval": "60s",
            },
            "image_factory_base_url": omni.image_factory,
            "image_factory_pxe_base_url": omni.image_factory_pxe,
            "posthog_settings": {},
            "stripe_settings": {},
            "user_pilot_settings": {},
        },
    )


def _token_ids(omni: Omni) -> list[str]:
    return list(omni.fleet.join_tokens)


def _join_token(omni: Omni, id_: str) -> Resource:
    token = omni.fleet.join_tokens[id_]
    spec: dict[str, Any] = {"name": token.name}
    if token.revoked:
        spec["revoked"] = True
    if token.expiration is not None:
        spec["expiration_time"] = token.expiration.isoformat().replace("+00:00", "Z")
    return _resource(
        omni,
        "JoinTokens" + SUFFIX,
        id_,
        created=token.created,
        updated=token.updated,
        version=token.version,
        phase="tearingDown" if token.torn_down else "running",
        labels=dict(token.labels),
        annotations=dict(token.annotations),
        finalizers=tuple(token.finalizers),
        spec=spec,
    )


def _default_join_token(omni: Omni, id_: str) -> Resource:
    spec = {"token_id": omni.fleet.default_join_token}
    version = omni.fleet.default_join_token_version
    return _resource(omni, "DefaultJoinTokens" + SUFFIX, id_, version=version, spec=spec)


def _join_token_status(omni: Omni, id_: str) -> Resource:
    token = omni.fleet.join_tokens[id_]
    state = token.state(omni.now())
    spec: dict[str, Any] = {"name": token.name, "state": state}
    # As everywhere, what is false or zero is left out.
    if id_ == omni.fleet.default_join_token:
        spec["is_default"] = True
    if token.use_count:
        spec["use_count"] = str(token.use_count)
    if token.expiration is not None:
        spec["expiration_time"] = token.expiration.isoformat().replace("+00:00", "Z")
    if token.warnings:
        spec["warnings"] = [
            {"machine": machine, "message": message} for machine, message in token.warnings
        ]
    return _resource(
        omni,
        "JoinTokenStatuses" + SUFFIX,
        id_,
        owner="JoinTokenStatusController",
        created=token.created,
        labels={"omni.sidero.dev/active-join-token": ""} if state == _ACTIVE else {},
        spec=spec,
    )


def _user(omni: Omni, id_: str) -> Resource:
    user = omni.accounts.users[id_]
    return _resource(omni, "Users" + SUFFIX, id_, created=user.created, spec={"role": user.role})


def _identity(omni: Omni, id_: str) -> Resource:
    identity = omni.accounts.identities[id_]
    labels = {"user-id": identity.user_id}
    finalizers = ["IdentityCleanupController", "IdentityStatusController"]
    if identity.is_service_account:
        labels["type-service-account"] = ""
        finalizers.insert(0, "ServiceAccountStatusController")
    return _resource(
        omni,
        "Identities" + SUFFIX,
        id_,
        created=identity.created,
        version=3,
        labels=labels,
        finalizers=tuple(finalizers),
        spec={"user_id": identity.user_id},
    )


def _identity_status(omni: Omni, id_: str) -> Resource:
    identity = omni.accounts.identities[id_]
    spec = {"user_id": identity.user_id, "role": omni.accounts.users[identity.user_id].role}
    if identity.last_active is not None:
        spec["last_active"] = time_text(identity.last_active)
    return _resource(
        omni,
        "IdentityStatuses" + SUFFIX,
        id_,
        namespace="ephemeral",
        owner="IdentityStatusController",
        created=identity.created,
        spec=spec,
    )


def _service_accounts(omni: Omni) -> list[str]:
    return sorted(one.email for one in omni.accounts.identities.values() if one.is_service_account)


def _service_account_status(omni: Omni, id_: str) -> Resource:
    identity = omni.accounts.identities[id_]
    keys = omni.accounts.keys_of(id_)
    spec: dict[str, Any] = {
        "role": omni.accounts.users[identity.user_id].role,
        "public_keys": [
            {
                "id": key.id,
                "armored": key.armored,
                "expiration": time_text(key.expiration),
                "created": time_text(key.created),
                **({"last_used": time_text(key.last_used)} if key.last_used else {}),
            }
            for key in keys
        ],
    }
    if keys:
        spec["expiration"] = time_text(max(key.expiration for key in keys))
    return _resource(
        omni,
        "ServiceAccountStatuses" + SUFFIX,
        id_,
        namespace="ephemeral",
        owner="ServiceAccountStatusController",
        created=identity.created,
        spec=spec,
    )


def _eula(omni: Omni, id_: str) -> Resource:
    return _resource(omni, "EulaAcceptances" + SUFFIX, id_, spec={})


def _auth_config(omni: Omni, id_: str) -> Resource:
    spec = {"suspended": True} if omni.suspended else {}
    return _resource(omni, "AuthConfigs" + SUFFIX, id_, spec=spec)


KINDS: dict[str, Kind] = {
    **{
        name + SUFFIX: Kind(ids=clusters.cluster_ids, make=make)
        for name, make in {
            "Clusters": clusters.cluster,
            "ClusterStatuses": clusters.cluster_status,
            "KubernetesUpgradeStatuses": clusters.kubernetes_upgrade_status,
            "TalosUpgradeStatuses": clusters.talos_upgrade_status,
            "LoadBalancerStatuses": clusters.load_balancer_status,
        }.items()
    },
    "MachineSets" + SUFFIX: Kind(ids=clusters.machine_set_ids, make=clusters.machine_set),
    "MachineSetStatuses" + SUFFIX: Kind(
        ids=clusters.machine_set_ids, make=clusters.machine_set_status
    ),
    "MachineLabels" + SUFFIX: Kind(ids=machines.all_ids, make=machines.machine_labels),
    "FeaturesConfigs" + SUFFIX: Kind(
        access=SIGNED, ids=lambda _: ("features-config",), make=_features
    ),
    "MachineSetNodes" + SUFFIX: Kind(ids=machines.allocated_ids, make=machines.machine_set_node),
    "ClusterMachines" + SUFFIX: Kind(ids=machines.allocated_ids, make=machines.cluster_machine),
    "ClusterMachineStatuses" + SUFFIX: Kind(
        ids=machines.allocated_ids, make=machines.cluster_machine_status
    ),
    "Machines" + SUFFIX: Kind(ids=machines.all_ids, make=machines.machine),
    "MachineStatuses" + SUFFIX: Kind(ids=machines.all_ids, make=machines.machine_status),
    "TalosVersions" + SUFFIX: Kind(
        access=SIGNED, ids=lambda _: sorted(TALOS_RELEASES), make=_talos_version
    ),
    "TalosExtensions" + SUFFIX: Kind(ids=lambda _: sorted(TALOS_RELEASES), make=talos_extensions),
    "InstallationMedias" + SUFFIX: Kind(
        namespace="ephemeral", access=SIGNED, ids=lambda _: sorted(MEDIA), make=installation_media
    ),
    "KubernetesVersions" + SUFFIX: Kind(
        access=SIGNED, ids=lambda _: KUBERNETES_VERSIONS, make=_kubernetes_version
    ),
    SYS_VERSION: Kind(
        namespace="ephemeral", access=SIGNED, ids=lambda _: ("current",), make=_sys_version
    ),
    "JoinTokens" + SUFFIX: Kind(ids=_token_ids, make=_join_token),
    "JoinTokenStatuses" + SUFFIX: Kind(ids=_token_ids, make=_join_token_status),
    "DefaultJoinTokens" + SUFFIX: Kind(ids=lambda _: ("default",), make=_default_join_token),
    "InfraMachineConfigs" + SUFFIX: Kind(
        ids=machines.infra_ids, make=machines.infra_machine_config
    ),
    "Users" + SUFFIX: Kind(
        access="Admin", ids=lambda omni: sorted(omni.accounts.users), make=_user
    ),
    "Identities" + SUFFIX: Kind(
        access="Admin", ids=lambda omni: sorted(omni.accounts.identities), make=_identity
    ),
    "IdentityStatuses" + SUFFIX: Kind(
        namespace="ephemeral",
        access="Admin",
        ids=lambda omni: sorted(omni.accounts.identities),
        make=_identity_status,
    ),
    "ServiceAccountStatuses" + SUFFIX: Kind(
        namespace="ephemeral", access="Admin", ids=_service_accounts, make=_service_account_status
    ),
    "MachineStatusMetrics" + SUFFIX: Kind(
        namespace="ephemeral", ids=lambda _: ("metrics",), make=machines.metrics
    ),
    "AuthConfigs" + SUFFIX: Kind(access=PUBLIC, ids=lambda _: ("auth-config",), make=_auth_config),
    "EulaAcceptances" + SUFFIX: Kind(
        access=PUBLIC, ids=lambda omni: ("eula",) if omni.eula_accepted else (), make=_eula
    ),
}


def _never(_: Omni, id_: str) -> Resource:
    raise AssertionError(id_)


# Types of a real Omni of which the simulator has none: listing them is allowed and empty.
_EMPTY_KINDS = {
    name + SUFFIX: Kind(access=access, make=_never)
    for access, names in {
        "Reader": "MachineClasses ConfigPatches EtcdBackups EtcdManualBackups ExposedServices"
        " KubernetesStatuses ControlPlaneStatuses Links MachineStatusLinks MachineExtensions"
        " InfraProviderCombinedStatuses SiderolinkAPIConfigs OngoingTasks",
        "Admin": "AccessPolicies SAMLLabelRules EtcdBackupS3Confs",
        SIGNED: "Notifications CurrentUsers Permissions ClusterPermissions",
    }.items()
    for name in names.split()
}

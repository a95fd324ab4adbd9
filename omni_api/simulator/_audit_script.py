"""What happened on the simulated Omni before it started: the content of the audit history.

Everything is about the accounts, clusters and machines that the simulator really has, so that a
filter found in one answer finds events in the other.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from omni_api.simulator._accounts import IDENTITIES, PUBLIC_KEYS, SERVICE_ACCOUNT_DOMAIN, USERS
from omni_api.simulator._audit_history import Event, History
from omni_api.simulator._audit_message import frame, ordered
from omni_api.simulator._go import json_text, milliseconds

if TYPE_CHECKING:
    from omni_api.simulator._fleet import Cluster, Machine
    from omni_api.simulator._state import Omni

SPAN = timedelta(days=29, hours=22)
"""Within the 30 days of retention, so that nothing expires while a test looks at it."""
_SET_UP_AT_MOST = 5000
_CLUSTERS_IN_SCRIPT = 8
_GO_AGENT = "grpc-go/1.83.1"
_INTERNAL = {"user_agent": "Omni-Internal-Agent"}
_LABEL = "omni.sidero.dev/"
_SCRATCH = "scratch-~d~"

_Session = dict[str, Any]


def history(omni: Omni, events: int | None) -> History:
    """The history of an Omni: `events` in all, or without a number a short one of all kinds."""
    once = _set_up(omni)
    now = milliseconds(omni.now())
    if events is None:
        # An hour of it, after the fleet was made: the set-up and one round of work.
        script = _everyday(omni)
        return History(
            count=len(once) + len(script),
            start_ms=milliseconds(omni.fleet.created),
            span_ms=3_600_000,
            once=once,
            script=script,
        )
    span = SPAN // timedelta(milliseconds=1)
    return History(
        count=events,
        start_ms=now - span,
        # Two seconds short of now: the last event is surely over when the first call comes.
        span_ms=span - 2000,
        once=once,
        script=_everyday(omni),
    )


def _event(
    event_type: str,
    resource_type: str,
    resource_id: str,
    session: _Session,
    cluster_id: str = "",
    **members: dict[str, Any],
) -> Event:
    data = json_text(ordered({**members, "session": session}))
    return Event(
        event_type=event_type,
        resource_type=f"{resource_type}.omni.sidero.dev" if resource_type else "",
        resource_id=resource_id,
        cluster_id=cluster_id,
        actor=str(session.get("email", "")),
        data=data,
        start=frame(
            event_type,
            f"{resource_type}.omni.sidero.dev" if resource_type else "",
            resource_id,
            data,
        ),
    )


def _session(omni: Omni, email: str, agent: str = _GO_AGENT) -> _Session:
    """The session of a known account."""
    identity = omni.accounts.identities[email]
    keys = omni.accounts.keys_of(email)
    # A user's keys live for hours; the one of that day is long gone.
    gone = hashlib.sha256(email.encode()).hexdigest()[:40]
    return {
        "user_agent": agent,
        "user_id": identity.user_id,
        "role": omni.accounts.users[identity.user_id].role,
        "email": email,
        "fingerprint": keys[0].id if keys else gone,
    }


def _automation(omni: Omni) -> _Session:
    return _session(omni, f"automation{SERVICE_ACCOUNT_DOMAIN}")


def _set_up(omni: Omni) -> list[Event]:
    """How accounts, machines and clusters came to be, each once."""
    accounts = omni.accounts
    events: list[Event] = []
    for identity in accounts.identities.values():
        user = accounts.users[identity.user_id]
        new = {
            "id": user.id,
            "email": identity.email,
            "is_service_account": identity.is_service_account,
        }
        for key in accounts.keys_of(identity.email):
            session = _INTERNAL | {
                "user_id": user.id,
                "role": key.role,
                "email": identity.email,
                "fingerprint": key.id,
                "public_key_expiration": int(key.expiration.timestamp()),
            }
            events.append(_event("create", _kind(PUBLIC_KEYS), key.id, session))
        role = {"role": user.role, "id": user.id}
        events += [
            _event("create", _kind(IDENTITIES), identity.email, _INTERNAL, new_user=new),
            _event("create", _kind(USERS), user.id, _INTERNAL, new_user=role),
        ]
    events.append(_event("create", "DefaultJoinTokens", "default", _INTERNAL))
    tokens = omni.fleet.join_tokens
    events += [_event("create", "JoinTokens", token, _INTERNAL) for token in tokens]
    automation = _automation(omni)
    machines = omni.fleet.machines()
    for machine in machines[: _SET_UP_AT_MOST // 3]:
        events += _joined(machine)
    for cluster in omni.fleet.clusters():
        if len(events) > _SET_UP_AT_MOST:
            break
        events += _cluster_made(cluster, omni.fleet.machines_of(cluster), automation)
    return events


def _kind(full_type: str) -> str:
    return full_type.partition(".")[0]


def _joined(machine: Machine) -> list[Event]:
    fields = {
        "labels": {f"{_LABEL}address": machine.address},
        "id": machine.id,
        "management_address": machine.address,
        "is_connected": True,
    }
    labels = {"id": machine.id}
    return [
        _event("create", "Machines", machine.id, _INTERNAL, machine=fields),
        _event("create", "MachineLabels", machine.id, _INTERNAL, machine_labels=labels),
    ]


def _cluster_made(cluster: Cluster, machines: list[Machine], session: _Session) -> list[Event]:
    events = [_cluster(cluster, cluster.name, session)]
    events += [
        _machine_set("create", cluster.name, machine_set, session)
        for machine_set in cluster.machine_sets
    ]
    for machine in machines:
        labels = _set_labels(cluster.name, machine.machine_set)
        fields = {"labels": labels, "id": machine.id, "cluster_id": cluster.name}
        events.append(
            _event(
                "create",
                "MachineSetNodes",
                machine.id,
                session,
                cluster.name,
                machine_set_node=fields,
            )
        )
    return events


def _cluster(like: Cluster, name: str, session: _Session, event_type: str = "create") -> Event:
    fields = {
        "id": name,
        "labels": dict(like.labels),
        "features": {},
        "kubernetes_version": like.kubernetes_version,
        "talos_version": like.talos_version,
    }
    return _event(event_type, "Clusters", name, session, name, cluster=fields)


def _set_labels(cluster: str, machine_set: str) -> dict[str, str]:
    role = "controlplane" if machine_set.endswith("control-planes") else "worker"
    return {
        f"{_LABEL}cluster": cluster,
        f"{_LABEL}machine-set": machine_set,
        f"{_LABEL}role-{role}": "",
    }


def _machine_set(event_type: str, cluster: str, machine_set: str, session: _Session) -> Event:
    labels = _set_labels(cluster, machine_set)
    del labels[f"{_LABEL}machine-set"]
    fields = {
        "labels": labels,
        "id": machine_set,
        "update_strategy": "Rolling",
        "delete_strategy": "Unset",
        "cluster_id": cluster,
    }
    return _event(event_type, "MachineSets", machine_set, session, cluster, machine_set=fields)


def _everyday(omni: Omni) -> list[Event]:
    """One round of everyday work."""
    operator = _session(omni, "operator@example.org", "grpc-go/1.83.1")
    admin = _session(omni, "admin@example.org", "Mozilla/5.0 (X11; Linux x86_64)")
    automation = _automation(omni)
    clusters = omni.fleet.clusters()[:_CLUSTERS_IN_SCRIPT]
    events: list[Event] = []
    if clusters:
        events += _scratch_cluster_made(omni, clusters[0], automation)
    for cluster in clusters:
        events += _work_on(cluster, omni.fleet.machines_of(cluster), operator, automation)
    events += _accounts_come_and_go(admin)
    auditor = _session(omni, "auditor@example.org")
    events.append(_event("audit_log_access", "", "", auditor, audit_log_access={"follow": True}))
    if clusters:
        events += [
            _cluster(clusters[0], _SCRATCH, automation, event_type)
            for event_type in ("teardown", "destroy")
        ]
    return events


def _scratch_cluster_made(omni: Omni, like: Cluster, session: _Session) -> list[Event]:
    events = [_cluster(like, _SCRATCH, session)]
    sets = (f"{_SCRATCH}-control-planes", f"{_SCRATCH}-workers")
    events += [_machine_set("create", _SCRATCH, machine_set, session) for machine_set in sets]
    spare = [machine for machine in omni.fleet.machines() if machine.cluster is None]
    for machine, machine_set in zip(spare, sets, strict=False):
        labels = _set_labels(_SCRATCH, machine_set)
        fields = {"labels": labels, "id": machine.id, "cluster_id": _SCRATCH}
        kind = "MachineSetNodes"
        events.append(
            _event("create", kind, machine.id, session, _SCRATCH, machine_set_node=fields)
        )
    return events


def _work_on(
    cluster: Cluster, machines: list[Machine], operator: _Session, automation: _Session
) -> list[Event]:
    name = cluster.name
    patch_id = f"500-{name}-sysctls"
    patch = {
        "labels": {f"{_LABEL}cluster": name},
        "id": patch_id,
        "data": 'machine:\n  sysctls:\n    vm.max_map_count: "~d~"\n',
        "cluster_id": name,
    }
    diff = {
        "diff": '--- old\n+++ new\n-        vm.max_map_count: "262144"\n'
        '+        vm.max_map_count: "~d~"\n',
        "cluster_id": name,
    }
    talosconfig = "management.ManagementService/Talosconfig"
    methods = ("machine.MachineService/Version", "machine.MachineService/ServiceList")
    requests = (
        ("PATCH /apis/apps/v1/namespaces/default/deployments/web", "kubectl rollout restart"),
        ("POST /api/v1/namespaces/default/configmaps", "kubectl apply"),
        ("DELETE /api/v1/namespaces/default/pods/web-~x~", "kubectl delete"),
    )
    events = [
        _talos_access(operator, name, talosconfig),
        _event(
            "update_with_conflicts", "ConfigPatches", patch_id, operator, name, config_patch=patch
        ),
    ]
    for machine in machines[:4]:
        fields = {"id": machine.id, **diff}
        kind = "MachineConfigDiffs"
        events.append(
            _event("create", kind, machine.id, _INTERNAL, name, machine_config_diff=fields)
        )
        events += [_talos_access(automation, name, method, machine.id) for method in methods]
    for method, command in requests:
        fields = {
            "full_method_name": method,
            "command": command,
            "kube_session": "~x~-5d1c-4d7e-9f0a-1b2c3d4e5f60",
            "cluster_name": name,
            "cluster_uuid": cluster.uuid,
        }
        events.append(_event("k8s_access", "", "", operator, name, k8s_access=fields))
    return events


def _talos_access(session: _Session, cluster: str, method: str, machine: str = "") -> Event:
    fields = {"full_method_name": method, "cluster_name": cluster, "machine_ip": machine}
    return _event("talos_access", "", "", session, cluster, talos_access=fields)


def _accounts_come_and_go(admin: _Session) -> list[Event]:
    """A contractor and a pipeline get accounts, and lose them again."""
    events: list[Event] = []
    for email, is_service_account, user_id in (
        ("contractor-~d~@example.org", False, "~x~-7d44-4b0c-8a53-0c4f1b2e9d10"),
        (f"pipeline-~d~{SERVICE_ACCOUNT_DOMAIN}", True, "~x~-91e2-4f6a-b7c8-5a6d3e2f1c00"),
    ):
        new = {"id": user_id, "email": email, "is_service_account": is_service_account}
        user = new | {"role": "Reader"}
        key = f"~x~{hashlib.sha256(email.encode()).hexdigest()[:32]}"
        managed = admin | {"fingerprint": key}
        speaker = managed if is_service_account else admin
        for events_of_one in (("create",), ("teardown", "destroy")):
            if is_service_account:
                events += [_event(one, _kind(PUBLIC_KEYS), key, managed) for one in events_of_one]
            events += [
                _event(one, _kind(IDENTITIES), email, speaker, new_user=new)
                for one in events_of_one
            ]
            events += [
                _event(one, _kind(USERS), user_id, speaker, new_user=user) for one in events_of_one
            ]
    return events

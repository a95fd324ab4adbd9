"""How one audit event is written: its JSON line, and the message that carries it.

The order of members is the recorded one. Messages are put together as bytes, because a protobuf
object for each of a million events would be most of the work of reading them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from omni_api.simulator._go import json_text

_CLUSTERED = "labels id cluster_id"
_FIELDS = {
    "new_user": "role id email is_service_account",
    "machine": "labels id management_address is_connected",
    "machine_labels": "labels id",
    "cluster": "id labels backup_configuration features kubernetes_version talos_version",
    "machine_set": "labels machine_allocation bootstrap_spec update_strategy_config "
    "delete_strategy_config id update_strategy delete_strategy cluster_id",
    "machine_set_node": _CLUSTERED,
    "config_patch": "labels id data cluster_id",
    "machine_config_diff": "id diff cluster_id",
    "access_policy": "id cluster_groups user_groups rules tests",
    "talos_access": "full_method_name cluster_name machine_ip",
    "k8s_access": "full_method_name command kube_session cluster_name cluster_uuid",
    "audit_log_access": "start end search event_type resource_type resource_id cluster_id actor "
    "from_id follow",
    "migration_error": "raw_data error",
    "session": "user_agent user_id role email fingerprint confirmation_type public_key_expiration",
}
_ORDER = {name: fields.split() for name, fields in _FIELDS.items()}


@attrs.frozen(kw_only=True)
class Row:
    """One event, with everything that filters and orders look at."""

    id: int
    ts: int
    event_type: str
    resource_type: str
    resource_id: str
    cluster_id: str
    actor: str
    data: str
    """The JSON text of `event_data`, which a search looks through."""
    line: bytes


def event_line(
    *,
    id: int,
    ts: int,
    event_type: str,
    resource_type: str,
    resource_id: str,
    cluster_id: str,
    data: Mapping[str, Mapping[str, Any]],
) -> Row:
    """Write one event."""
    text = json_text(ordered(data))
    return Row(
        id=id,
        ts=ts,
        event_type=event_type,
        resource_type=resource_type,
        resource_id=resource_id,
        cluster_id=cluster_id or _cluster_of(data),
        actor=data["session"].get("email", ""),
        data=text,
        line=(frame(event_type, resource_type, resource_id, text) + f"{ts}}}\n").encode(),
    )


def frame(event_type: str, resource_type: str, resource_id: str, data: str) -> str:
    """The event's line up to its time."""
    head = {"event_type": event_type, "resource_type": resource_type, "resource_id": resource_id}
    members = json_text({name: value for name, value in head.items() if value})
    return f'{members[:-1]},"event_data":{data},"event_ts":'


def ordered(data: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Put members and their fields into the server's order, and leave empty fields out."""
    return {
        member: {
            name: data[member][name]
            for name in (*order, *(name for name in data[member] if name not in order))
            if not _left_out(name, data[member].get(name))
        }
        for member, order in _ORDER.items()
        if member in data
    }


def _left_out(name: str, value: object) -> bool:
    # `features` is a message: it is written even when nothing in it is set.
    return not value and not (isinstance(value, dict) and name != "labels")


def _cluster_of(data: Mapping[str, Mapping[str, Any]]) -> str:
    for member, fields in data.items():
        if found := fields.get("cluster_id") or fields.get("cluster_name"):
            return str(found)
        if member == "cluster":
            return str(fields.get("id", ""))
    return ""


def message(line: bytes) -> bytes:
    """A ReadAuditLogResponse without an id, as bytes."""
    return b"\n" + varint(len(line)) + line


def follow_message(line: bytes, position: int) -> bytes:
    """A ReadAuditLogResponse with an id, as bytes; without a line it is an acknowledgment."""
    body = message(line) if line else b""
    return body + b"\x10" + varint(position) if position else body


def varint(number: int) -> bytes:
    if number < 0x80:
        return _SMALL[number]
    if number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_SMALL = [bytes((number,)) for number in range(0x80)]

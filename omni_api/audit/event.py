"""One event of the audit log, typed, beside the bytes that it came as.

A line is decoded once, when the event is made, and checked as far as every reader relies on: it
is a JSON object and has a time. Everything else is built when it is looked at, since a log has
many events and most are only counted, filtered or stored. What a reader does with lines that are
no events stands in `reader.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

import attrs
import orjson

from omni_api.audit._record import EPOCH, Record
from omni_api.audit._time import usable_time
from omni_api.audit.payloads import CLUSTER_FIELDS, MEMBERS, Payload, payload
from omni_api.errors import MalformedEventError
from omni_api.rows import Value

__all__ = ["Actor", "AuditEvent"]

_INTERNAL_AGENT = "Omni-Internal-Agent"
SERVICE_ACCOUNTS = "serviceaccount.omni.sidero.dev"
_SESSION = "session"
_MEMBERS: Mapping[str, type] = {
    "event_type": str,
    "resource_type": str,
    "resource_id": str,
    "event_data": dict,
    "event_ts": int,
}


@attrs.frozen(kw_only=True, repr=False)
class Actor(Record):
    """Who caused an event: the member `session` of its data.

    The repr names the fields that are filled and never shows what is in them.

    Attributes:
        email: E-mail address; empty in most internal actions.
        user_id: Id of the user, a UUID.
        role: Role that the action was done with.
        fingerprint: Fingerprint of the key that signed. In events about a public key, that of the
            *managed* key instead (recorded from Omni 1.10).
        user_agent: Program; `Omni-Internal-Agent` when Omni did it by itself.
        confirmation_type: How the login was confirmed: `auth0` or `saml`.
        public_key_expiration: When the managed key expires, in events about a public key.
        ip: Address of the caller. No server up to Omni 1.10 records one, so it is empty; a member
            `ip` of a later server is read.
        extra: Members that this version has no field for, or whose type is not the expected one.

    Example:
        >>> from omni_api.audit import Actor
        >>> actor = Actor(email="ci@serviceaccount.omni.sidero.dev", role="Operator")
        >>> actor.is_service_account, actor.is_internal
        (True, False)
        >>> actor
        <Actor with email, role>
    """

    email: str = ""
    user_id: str = ""
    role: str = ""
    fingerprint: str = ""
    user_agent: str = ""
    confirmation_type: str = ""
    public_key_expiration: datetime | None = None
    ip: str = ""

    @property
    def is_internal(self) -> bool:
        """Whether Omni did it by itself."""
        return self.user_agent == _INTERNAL_AGENT

    @property
    def is_service_account(self) -> bool:
        """Whether it was a service account, that of an infra provider included."""
        domain = self.email.partition("@")[2]
        return domain == SERVICE_ACCOUNTS or domain.endswith(f".{SERVICE_ACCOUNTS}")


class AuditEvent(Value):
    """One event of the audit log.

    Events are immutable, can be pickled and copied, and are equal when id and raw bytes are. The
    repr shows type, resource type and time; never contents, since a join token is a resource id.
    A table of them (`Rows(events)`) also has the cluster and who caused them.

    Args:
        raw: The line, as it came: one JSON object, with or without a line break.
        id: Id of the event; 0 where there is none.

    Raises:
        MalformedEventError: The line is no JSON object, or has no time.

    Example:
        >>> from omni_api.audit import AuditEvent
        >>> event = AuditEvent(
        ...     b'{"event_type":"create","resource_type":"Clusters.omni.sidero.dev",'
        ...     b'"resource_id":"prod","event_data":{"cluster":{"id":"prod"},"session":'
        ...     b'{"email":"ops@example.org"}},"event_ts":1795479369548}'
        ... )
        >>> event
        <AuditEvent create Clusters.omni.sidero.dev at 2026-11-24T00:16:09.548+00:00>
        >>> event.cluster, event.actor.email, event.payload
        ('prod', 'ops@example.org', <ClusterChange with id>)
    """

    # Not attrs, which would write each slot through object.__setattr__: logs have many events.
    _columns: ClassVar = ("time", "type", "resource_type", "cluster", "actor=actor.email")
    __slots__ = ("_actor", "_id", "_members", "_payloads", "_raw")

    def __init__(self, raw: bytes, id: int = 0) -> None:
        members, reason = None, ""
        try:
            members = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            reason = f"it is not JSON ({error.msg}, character {error.pos})"
        # Raised out here: the decoder's error holds the whole line.
        if reason or not isinstance(members, dict):
            raise _malformed(id, reason or "it is not a JSON object")
        moment = members.get("event_ts")
        if not usable_time(moment):
            raise _malformed(id, "it has no usable event_ts")
        self._raw = raw
        self._id = id
        self._members: dict[str, Any] = members
        self._actor: Actor | None = None
        self._payloads: dict[str, Payload] | None = None

    @property
    def raw(self) -> bytes:
        """The line exactly as it came, with its line break."""
        return self._raw

    @property
    def id(self) -> int:
        """Id of the event; 0 where the stream has no ids, which is everywhere but in following."""
        return self._id

    @property
    def time(self) -> datetime:
        """When it happened, in UTC, to the millisecond."""
        return EPOCH + timedelta(milliseconds=self._members["event_ts"])

    @property
    def type(self) -> str:
        """What happened.

        `create`, `update`, `update_with_conflicts`, `destroy`, `teardown`, `talos_access`,
        `k8s_access`, `audit_log_access`, or what a newer server says.
        """
        return self._text("event_type")

    @property
    def resource_type(self) -> str:
        """Type of the resource, e.g. `Clusters.omni.sidero.dev`; empty in events of access."""
        return self._text("resource_type")

    @property
    def resource_id(self) -> str:
        """Id of the resource; empty in events of access.

        The id of a join token is the token itself: treat it as a secret.
        """
        return self._text("resource_id")

    @property
    def actor(self) -> Actor:
        """Who caused it."""
        if self._actor is None:
            session = self.data.get(_SESSION)
            self._actor = Actor.from_members(session if isinstance(session, dict) else {})
        return self._actor

    @property
    def cluster(self) -> str:
        """Name of the cluster that it is about; empty if none is named.

        Taken from the event's own payload, or else from the first payload that names one.
        """
        data = self.data
        for name in (self._own_member, *data):
            fields = data.get(name)
            if isinstance(fields, dict) and name != _SESSION:
                found = fields.get(CLUSTER_FIELDS.get(name, "cluster_id"))
                if found and isinstance(found, str):
                    return found
        return ""

    @property
    def payload(self) -> Payload | None:
        """The payload that belongs to the event's own resource type or kind of access.

        None if there is none: for example, events about join tokens and public keys have none.
        """
        payloads = self.payloads
        return payloads.get(self._own_member) or payloads.get("migration_error")

    @property
    def payloads(self) -> Mapping[str, Payload]:
        """The payloads of all members of the data but `session`, by name.

        One request shares one data object (recorded from Omni 1.10): when it changes several
        resources, its later events also carry the members of the earlier ones. `payload` is the
        event's own. A member that is no JSON object is in `data` only.
        """
        if self._payloads is None:
            self._payloads = {
                name: payload(name, fields)
                for name, fields in self.data.items()
                if name != _SESSION and isinstance(fields, dict)
            }
        return self._payloads

    @property
    def data(self) -> Mapping[str, object]:
        """The whole `event_data`, as decoded."""
        data = self._members.get("event_data")
        return data if isinstance(data, dict) else {}

    @property
    def extra(self) -> Mapping[str, object]:
        """Top-level members that this version does not know, or of an unexpected type."""
        return {
            name: value
            for name, value in self._members.items()
            if not isinstance(value, _MEMBERS.get(name, ()))
        }

    @property
    def _own_member(self) -> str:
        # Events of access have no resource; their member is called as the event's type.
        return MEMBERS.get(self.resource_type, self.type)

    def _text(self, name: str) -> str:
        value = self._members.get(name)
        return value if isinstance(value, str) else ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AuditEvent):
            return NotImplemented
        return self._id == other._id and self._raw == other._raw

    def __hash__(self) -> int:
        return hash((self._id, self._raw))

    def __reduce__(self) -> tuple[Any, ...]:
        return AuditEvent, (self._raw, self._id)

    def __repr__(self) -> str:
        what = f"{self.type} {self.resource_type}".strip()
        return f"<AuditEvent {what} at {self.time.isoformat(timespec='milliseconds')}>"


def _malformed(id: int, reason: str) -> MalformedEventError:
    return MalformedEventError(f"the line is no event: {reason}", position=1, id=id, reason=reason)

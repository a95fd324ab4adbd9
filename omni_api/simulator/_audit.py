"""The audit log: append-only rows, written by every call that changes something.

A row keeps its finished line, because a log is read far more often than written. Rows from
before the start are not kept at all: `_audit_history` makes them again at each read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs

from omni_api.simulator._audit_history import History
from omni_api.simulator._audit_message import Row, event_line, follow_message
from omni_api.simulator._call import Call
from omni_api.simulator._go import milliseconds

if TYPE_CHECKING:
    from omni_api.simulator._state import Omni

RETENTION = timedelta(days=30)
INTERNAL_AGENT = "Omni-Internal-Agent"


@attrs.define(eq=False)
class AuditLog:
    """All events, the synthesised history first. Ids start at 1 and rise by 1."""

    omni: Omni
    history: History = attrs.field(factory=History)
    follow_lease: timedelta = timedelta(hours=1)
    """How long a follow stream lasts before it ends with OK."""
    leases_expired: float = float("-inf")
    """Follow streams begun before this moment, in monotonic seconds, have to end."""
    _live: list[Row] = attrs.field(factory=list, init=False)
    _forgotten: int = attrs.field(default=0, init=False)
    """How many of the live rows the retention has dropped."""

    @property
    def newest_id(self) -> int:
        return self.history.count + len(self._live)

    def record(
        self,
        call: Call | None,
        event_type: str,
        *,
        resource_type: str = "",
        resource_id: str = "",
        data: Mapping[str, Mapping[str, Any]] | None = None,
        cluster_id: str = "",
        session: Mapping[str, Any] | None = None,
        at_ms: int | None = None,
    ) -> int:
        """Append one event and wake the followers.

        Args:
            call: The call that caused it; None for an action of Omni itself.
            event_type: `create`, `update`, `update_with_conflicts`, `destroy`, `teardown`,
                `talos_access`, `k8s_access` or `audit_log_access`.
            resource_type: Full type name, for example `Clusters.omni.sidero.dev`.
            resource_id: Id of the resource.
            data: Members of `event_data`, for example `{"cluster": {"id": "c1"}}`. Empty fields
                are left out, and the fields are put into the server's order.
            cluster_id: What the cluster filter matches; taken from the data when empty.
            session: What the event says of the session beyond the caller.
            at_ms: Unix milliseconds; now when None.

        Returns:
            The id of the event, 0 when the audit log is disabled.
        """
        if not self.omni.audit_log_enabled:
            return 0
        with self.omni.changed:
            shared: dict[str, dict[str, Any]] = {} if call is None else call.audit_data
            for name, fields in (data or {}).items():
                shared.setdefault(name, {}).update(fields)
            speaker = shared.setdefault("session", _session(call))
            for name, value in (session or {}).items():
                # A key's event replaces what identifies the key, not who acts.
                if name in ("fingerprint", "public_key_expiration") or not speaker.get(name):
                    speaker[name] = value
            row = event_line(
                id=self.newest_id + 1,
                ts=milliseconds(self.omni.now()) if at_ms is None else at_ms,
                event_type=event_type,
                resource_type=resource_type,
                resource_id=resource_id,
                cluster_id=cluster_id,
                data=shared,
            )
            self._live.append(row)
            self.omni.changed.notify_all()
            return row.id

    def oldest_id(self) -> int:
        """The first event still retained: 30 days, but always the newest one."""
        cutoff = milliseconds(self.omni.now() - RETENTION)
        with self.omni.changed:
            while self._forgotten < len(self._live) and self._live[self._forgotten].ts < cutoff:
                self._forgotten += 1
            kept = self.history.first_at(cutoff)
            if kept < self.history.count:
                return kept + 1
            return min(self.history.count + self._forgotten + 1, max(self.newest_id, 1))

    def first_id_at(self, ts: int) -> int:
        """The first retained event at or after a time; one past the newest without any."""
        oldest = self.oldest_id()
        found = self.history.first_at(ts)
        if found < self.history.count:
            return max(found + 1, oldest)
        with self.omni.changed:
            later = (row.id for row in self._live[self._forgotten :] if row.ts >= ts)
            return max(next(later, self.newest_id + 1), oldest)

    def live_rows(self, oldest: int) -> list[Row]:
        """The rows written since the start, of those retained."""
        with self.omni.changed:
            return self._live[max(oldest - self.history.count - 1, 0) :]

    def follow(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the messages of a follow stream for a range of ids, both ends included."""
        yield from self.history.follow_messages(first - 1, min(last, self.history.count))
        with self.omni.changed:
            rows = self._live[max(first - self.history.count - 1, 0) : last - self.history.count]
        for row in rows if last > self.history.count else ():
            yield follow_message(row.line, row.id)


def _session(call: Call | None) -> dict[str, Any]:
    if call is None:
        return {"user_agent": INTERNAL_AGENT}
    signed = bool(call.caller.identity)
    return {
        "user_agent": call.user_agent,
        "user_id": call.caller.user_id,
        "role": call.caller.role if signed else "",
        "email": call.caller.identity,
        "fingerprint": call.caller.fingerprint if signed else "",
    }

"""How events of the audit log look: unchanged, as rows of a table, or as YAML."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import click

from omni_api.cli.session import Session
from omni_api.cli.streaming import Lines, Rows
from omni_api.errors import MalformedEventError

if TYPE_CHECKING:
    from omni_api.audit import AuditEvent

__all__ = ["Show", "writer"]

Show = Callable[[bytes], None]
"""Shows a line of the log."""

_COLUMNS: Final = {"TIME": 24, "EVENT": 16, "RESOURCE": 40, "CLUSTER": 16, "ACTOR": 0}
_JOIN_TOKENS: Final = "JoinTokens.omni.sidero.dev"


def writer(session: Session, lines: Lines) -> Show:
    """Return what shows a line in the format that was asked for; as it came, if none was.

    Raises:
        click.UsageError: Events have no such format.
    """
    match session.output if "output" in session.given else "json":
        case "json":
            return lines.raw
        case "yaml":
            return lambda line: lines.yaml(_members(line))
        case "table":
            rows = Rows(lines, _COLUMNS)
            rows.begin()
            return lambda line: rows.row(_cells(line))
    raise click.UsageError("Events have no names: use -o json (the default), table or yaml.")


def _members(line: bytes) -> object:
    import json

    try:
        return json.loads(line)
    except ValueError:
        return line.decode(errors="replace")


def _cells(line: bytes) -> tuple[str, ...]:
    from omni_api.audit import AuditEvent

    try:
        event = AuditEvent(line)
    except MalformedEventError as error:
        return ("", "malformed", error.reason, "", "")
    time = event.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return (time, event.type, _resource(event), event.cluster, _actor(event))


def _resource(event: AuditEvent) -> str:
    # The id of a join token is the token.
    named = "(hidden)" if event.resource_type == _JOIN_TOKENS else event.resource_id
    kind = event.resource_type.removesuffix(".omni.sidero.dev")
    return f"{kind} {named}".strip()


def _actor(event: AuditEvent) -> str:
    return event.actor.email or ("Omni" if event.actor.is_internal else event.actor.user_id)

"""`omni-api audit-log`: the log printed and followed. Flags are those of the official tool.

What it does with days is the library's: the last day is included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import click

from omni_api.cli.audit_events import Show, writer
from omni_api.cli.commands import audit_export, audit_query
from omni_api.cli.default_command import DefaultGroup
from omni_api.cli.names import CLUSTER
from omni_api.cli.parameters import DAY, DURATION
from omni_api.cli.session import Session, pass_session
from omni_api.cli.streaming import Lines
from omni_api.errors import MalformedEventError, MissingEventsError

_EVENT_TYPES: Final = (
    "create",
    "update",
    "update_with_conflicts",
    "destroy",
    "teardown",
    "talos_access",
    "k8s_access",
    "audit_log_access",
)
_ORDERS: Final = {
    "event_ts_ms": "DATE",
    "event_type": "EVENT_TYPE",
    "resource_type": "RESOURCE_TYPE",
    "resource_id": "RESOURCE_ID",
    "cluster_id": "CLUSTER_ID",
    "actor": "ACTOR",
}
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_A_DAY: Final = timedelta(days=1)


@click.group(cls=DefaultGroup, default="print")
def command() -> None:
    """Print, follow, export and query the audit log.

    Prints one JSON object a line, as the server sent it, with all filters of the official tool.
    Days are the server's. START is the first one (default: 29 days ago) and END the last one,
    which is included: the official tool leaves END out.

    `-o table` shows time, event, resource, cluster and actor instead; ids of join tokens, which are
    secrets, are hidden there. `-o yaml` makes each event a document.

    --follow goes on for ever, through restarts of the server and lost connections. It cannot be
    combined with days, filters or an order: the server refuses that. `--since 2h` tells where to
    begin.

    The role Auditor or Admin is needed; Operator is not enough.

    \b
    Examples:
      omni-api audit-log
      omni-api audit-log 2026-11-01 2026-11-03 --event-type destroy -o table
      omni-api audit-log --since 2h --cluster-id prod
      omni-api audit-log --follow
      omni-api audit-log export /var/lib/omni-audit
      omni-api audit-log query /var/lib/omni-audit "SELECT actor, count(*) FROM events GROUP BY ALL"
    """


@command.command("print", hidden=True)
@click.argument("start", type=DAY, required=False, help="First day, such as 2026-11-01.")
@click.argument("end", type=DAY, required=False, help="Last day, included.")
@click.option("--since", type=DURATION, help="From so long ago, such as 2h, instead of START.")
@click.option("-f", "--follow", is_flag=True, help="Print events as they happen, until Ctrl-C.")
@click.option("--search", metavar="TEXT", help="Only events that contain this text.")
@click.option(
    "--event-type",
    metavar="TYPE",
    type=click.Choice(_EVENT_TYPES),
    help=f"Only events of this type: {', '.join(_EVENT_TYPES)}.",
)
@click.option("--resource-type", metavar="TYPE", help="Only on resources of this type.")
@click.option("--resource-id", metavar="ID", help="Only on the resource with this id.")
@click.option("--cluster-id", type=CLUSTER, metavar="NAME", help="Only on this cluster.")
@click.option("--actor", metavar="EMAIL", help="Only what this account did.")
@click.option(
    "--order-by-field",
    metavar="FIELD",
    type=click.Choice(tuple(_ORDERS)),
    help=f"Sort by {', '.join(_ORDERS)}; default: event_ts_ms.",
)
@click.option("--order-by-dir", type=click.Choice(("asc", "desc")), help="default: asc")
@pass_session
def printing(
    session: Session,
    /,
    *,
    start: date | None,
    end: date | None,
    since: timedelta | None,
    follow: bool,
    **filters: str | None,
) -> None:
    """Print the audit log, one JSON object a line, as the server sent it."""
    if since is not None and start is not None:
        raise click.UsageError("--since and START both say where to begin: pass one of them.")
    show = writer(session, Lines(live=follow))
    if follow:
        _refuse_with_follow(start=start, end=end, **filters)
        _follow(session, since, show)
        return
    narrowed = _narrowed(filters)
    if since is not None:
        _print_since(session, since, narrowed, show)
        return
    with session.client().audit_log.read(start, end, timeout=session.timeout, **narrowed) as lines:
        for line in lines:
            show(line.audit_log)


command.add_command(audit_export.command, "export")
command.add_command(audit_query.command, "query")


def _narrowed(filters: Mapping[str, str | None]) -> dict[str, Any]:
    """Return what was given, as the library has it."""
    from omni_api import AuditLogEventType, AuditLogOrderByDir, AuditLogOrderByField

    enums: dict[str, Callable[[str], object]] = {
        "event_type": lambda text: AuditLogEventType[text.upper()],
        "order_by_field": lambda text: AuditLogOrderByField[_ORDERS[text]],
        "order_by_dir": lambda text: AuditLogOrderByDir[text.upper()],
    }
    return {name: enums.get(name, str)(text) for name, text in filters.items() if text is not None}


def _print_since(session: Session, since: timedelta, narrowed: dict[str, Any], show: Show) -> None:
    """Print what happened since a moment.

    Servers before Omni 1.10 know days only. So the day is sent, too, and what is older is left out.
    """
    now = datetime.now(UTC)
    begin = now - min(since, now - _EPOCH)  # there is nothing older, nor may there be a day
    with session.client().management.read_audit_log(
        start_time=begin.date() - _A_DAY,  # it may be yesterday where the server is
        start_ts_ms=max(int(begin.timestamp() * 1000), 1),
        timeout=session.timeout,
        **narrowed,
    ) as lines:
        for line in lines:
            if not _is_before(begin, line.audit_log):
                show(line.audit_log)


def _is_before(moment: datetime, line: bytes) -> bool:
    from omni_api.audit import AuditEvent

    try:
        return AuditEvent(line).time < moment
    except MalformedEventError:
        return False  # nothing is passed over


def _refuse_with_follow(**given: object) -> None:
    """Refuse what the server does not take when it follows, before anything is sent."""
    for name, value in given.items():
        if value is not None:
            said = name.upper() if name in {"start", "end"} else f"--{name.replace('_', '-')}"
            raise click.UsageError(
                f"{said} cannot be combined with --follow: the server follows the whole log. "
                "Filter what comes, for example with jq; --since says where to begin."
            )


def _follow(session: Session, since: timedelta | None, show: Show) -> None:
    """Print events until Ctrl-C. Where events are lost, say so and go on."""
    where: dict[str, Any] | None = {"since": since}
    while where is not None:
        where = _follow_once(session, where, show)


def _follow_once(session: Session, where: dict[str, Any], show: Show) -> dict[str, Any] | None:
    """Return where to go on."""
    events = session.client().audit_log.follow(
        **where, patience=session.timeout, on_malformed=lambda line: show(line.raw)
    )
    try:
        with events:
            for event in events:
                show(event.raw)
    except MissingEventsError as error:
        if error.checkpoint is None:
            raise
        session.warn(
            f"the server removed events {error.first_id} to {error.last_id} before they could be "
            "read, unless their numbers were never used"
        )
        return {"checkpoint": error.checkpoint}
    return None

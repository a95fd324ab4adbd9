"""`omni-api audit-log query`: questions in SQL over an export."""

from __future__ import annotations

import sys
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING

import click

from omni_api.cli.options import Command
from omni_api.cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omni_api.cli.output import Column


@click.command(cls=Command)
@click.argument("directory", help="Directory or URL of an export.")
@click.argument("sql", help="The query, in the SQL of DuckDB; - reads it from standard input.")
@pass_session
def command(session: Session, directory: str, sql: str) -> None:
    """Ask an export of the audit log a question, in SQL.

    No server is asked. The view `events` has the columns time, event_type, resource_type,
    resource_id, cluster, actor, user_id, role, fingerprint, user_agent and raw (the line).
    `-o name` prints the first column alone.

    It needs DuckDB: pip install 'sidero-omni-api[duckdb]'. The query runs with your rights: it can
    also read other files.

    \b
    Examples:
      omni-api audit-log query audit "SELECT * FROM events WHERE cluster = 'prod' LIMIT 20"
      omni-api audit-log query audit "FROM events SELECT actor, count(*) AS n GROUP BY ALL" -o json
      omni-api audit-log query audit - < question.sql
    """
    from omni_api.audit import AuditExport

    if sql == "-":
        sql = sys.stdin.read()
    found = AuditExport(directory).query(sql)
    titles = found.columns
    columns: list[Column[Mapping[str, object]]] = [(title, itemgetter(title)) for title in titles]
    session.out.show(
        ({name: _number(value) for name, value in row.items()} for row in found),
        columns,
        name=lambda row: str(row[titles[0]]),
    )


def _number(value: object) -> object:
    """Return a sum as a number: DuckDB adds integers up to a decimal."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value

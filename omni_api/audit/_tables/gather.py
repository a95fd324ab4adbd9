"""Reads a stream of the audit log into a table, batch by batch."""

from __future__ import annotations

from functools import partial
from typing import Final

from omni_api._core.call import Call
from omni_api._core.steps import Fill, Steps, run, start
from omni_api._gen.models import AuditLogLine
from omni_api.audit._tables import arrow
from omni_api.audit.table import EventTable

_BATCH: Final = 10_000
"""Lines at once: enough for Arrow to be fast, few enough to cost little memory twice."""


def gathered(call: Call[AuditLogLine]) -> Steps[EventTable]:
    """Return the steps that read all lines of a call into a table."""
    # Before anything is sent, since pyarrow may be missing; and beside the event loop, since it
    # takes a while to import.
    tables = [(yield from run(partial(arrow.to_table, ())))]
    stream = yield from start(call)
    while True:
        lines: list[AuditLogLine] = []
        yield Fill(stream, lines, _BATCH)
        if not lines:
            return EventTable((yield from run(partial(arrow.joined, tables))))
        batch = [line.audit_log for line in lines]
        tables.append((yield from run(partial(arrow.to_table, batch))))

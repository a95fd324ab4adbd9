"""The stored lines of the logs of one or several machines, as steps.

The streams end by themselves, so several logs are merged with a few lines of each in memory.
"""

from __future__ import annotations

from collections.abc import Mapping

from omni_api._core.call import Call
from omni_api._core.steps import Fill, Give, Ready, Running, Steps, start
from omni_api._core.time_order import TimeOrder
from omni_api.errors import CallError
from omni_api.machine_log import LogRecord

_BATCH = 256
"""Lines of one machine that are read at once."""


def stored_lines(calls: Mapping[str, Call[LogRecord]]) -> Steps[None]:
    """Hand out the lines of all machines, in the order of their times.

    All machines are asked before the first line is handed out, so a machine that is unknown ends
    the stream before it began. A log that breaks ends it after the lines that came before.

    Args:
        calls: For each machine the call that reads its log and does not follow it.
    """
    streams: dict[str, Running[LogRecord]] = {}
    for machine_id, call in calls.items():
        streams[machine_id] = yield from start(call)
    yield Ready()
    if len(streams) == 1:
        yield from _unmerged(*streams.values())
    else:
        yield from _merged(streams)


def _unmerged(stream: Running[LogRecord]) -> Steps[None]:
    while True:
        batch: list[LogRecord] = []
        try:
            yield Fill(stream, batch, _BATCH)
        except CallError:
            yield from _given(batch)
            raise
        if not batch:
            return
        yield from _given(batch)


def _given(batch: list[LogRecord]) -> Steps[None]:
    for record in batch:
        yield Give(record)


def _merged(streams: Mapping[str, Running[LogRecord]]) -> Steps[None]:
    order = TimeOrder()
    broken: dict[str, CallError] = {}
    for machine_id in streams:
        order.expect(machine_id)
    while True:
        # In the order of the machines, so that the same logs give the same error.
        for machine_id in [one for one in streams if one in order.lacking]:
            if machine_id in broken:
                raise broken.pop(machine_id)
            batch: list[LogRecord] = []
            try:
                yield Fill(streams[machine_id], batch, _BATCH)
            except CallError as error:
                about(machine_id, error)
                if not batch:
                    raise
                broken[machine_id] = error
            if not batch:
                order.forget(machine_id)
            for record in batch:
                order.put(record)
        while order and not order.lacking:
            yield Give(order.pop())
        if not order:
            return


def about(machine_id: str, error: CallError) -> CallError:
    """Say in the error whose log it was."""
    if machine_id not in error.details:
        error.hint = f"It was the log of machine {machine_id}. {error.hint}".rstrip()
    return error

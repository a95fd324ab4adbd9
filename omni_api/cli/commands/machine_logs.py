"""`omni-api machine-logs`: the logs of machines, merged by time. Flags are the official tool's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import cycle
from typing import Final

import click

from omni_api import LogFormat, LogRecord
from omni_api.cli.names import MACHINE
from omni_api.cli.options import Command
from omni_api.cli.session import Session, pass_session
from omni_api.cli.streaming import Lines

_COLOURS: Final = ("cyan", "magenta", "green", "blue", "bright_cyan", "bright_magenta")
_LEVELS: Final = {"warn": "yellow", "warning": "yellow"} | dict.fromkeys(
    ("error", "crit", "critical", "fatal", "alert", "emerg", "panic"), "red"
)
_SHORTEST: Final = 8
"""Characters of an id that a machine is called by, unless another one begins alike."""

Show = Callable[[LogRecord], None]


@click.command(cls=Command)
@click.argument(
    "machine_ids", type=MACHINE, nargs=-1, required=True, metavar="ID...", help="Ids of machines."
)
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines, until Ctrl-C.")
@click.option(
    "--tail",
    type=int,
    default=-1,
    show_default=True,
    help="How many stored lines of each machine come first; -1 for all, 0 for none.",
)
@click.option(
    "--log-format",
    type=click.Choice(("raw", "omni", "dmesg")),
    default="raw",
    show_default=True,
    help="Lines as they came, for people, or as the kernel's own tool shows them.",
)
@pass_session
def command(
    session: Session,
    /,
    *,
    machine_ids: tuple[str, ...],
    follow: bool,
    tail: int,
    log_format: LogFormat,
) -> None:
    """Show the logs of machines, and follow them.

    The lines of several machines are merged in the order of their times, each behind the first
    characters of its machine's id. On a terminal each machine has a colour, and so have errors and
    warnings.

    A followed log goes on through lost connections and restarts of the server, until Ctrl-C or
    until every machine was removed. -o json makes each line an object with machine_id, time, level,
    service, message and fields; -o yaml a document.

    The role Reader is enough.

    \b
    Examples:
      omni-api machine-logs 10001802-c798-4da7-a410-f09abb48c8d8 --tail 100
      omni-api machine-logs ID1 ID2 ID3 --follow --tail 0 --log-format omni
      omni-api machine-logs ID -o json | jq 'select(.level == "error")'
    """
    lines = Lines(live=follow)
    show = _writer(session, lines, dict.fromkeys(machine_ids), log_format)
    with session.client().machines.logs(
        machine_ids, tail=tail, follow=follow, timeout=session.timeout
    ) as records:
        for record in records:
            show(record)


def _writer(
    session: Session, lines: Lines, machine_ids: Iterable[str], log_format: LogFormat
) -> Show:
    match session.output:
        case "json":
            return lambda record: lines.json(_members(record))
        case "yaml":
            return lambda record: lines.yaml(_members(record))
        case "name":
            raise click.UsageError("Lines of a log have no names: use -o json or yaml.")
    prefixes = _prefixes(machine_ids, lines)
    if log_format == "raw" and not lines.coloured:
        return lambda record: lines.raw(prefixes[record.machine_id].encode() + record.raw + b"\n")

    def show(record: LogRecord) -> None:
        text = lines.styled(record.format(log_format).rstrip("\n"), _LEVELS.get(record.level))
        lines.text(prefixes[record.machine_id] + text)

    return show


def _prefixes(machine_ids: Iterable[str], lines: Lines) -> dict[str, str]:
    """Return what stands before the lines of each machine: nothing, if there is but one."""
    ids = tuple(machine_ids)
    if len(ids) == 1:
        return {ids[0]: ""}
    length = _SHORTEST
    while len({one[:length] for one in ids}) < len(ids):
        length += 1
    colours = cycle(_COLOURS)
    return {one: lines.styled(one[:length], next(colours)) + " " for one in ids}


def _members(record: LogRecord) -> dict[str, object]:
    time = None if record.time is None else record.time.isoformat().replace("+00:00", "Z")
    return {
        "machine_id": record.machine_id,
        "time": time,
        "level": record.level,
        "service": record.service,
        "message": record.message,
        "fields": record.fields,
        "after_gap": record.after_gap,
    }

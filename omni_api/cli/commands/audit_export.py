"""`omni-api audit-log export`: the log as files, a file a day, or by the daemon as it happens."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs
import click

from omni_api.cli.exits import Exit
from omni_api.cli.options import Command
from omni_api.cli.output import Column
from omni_api.cli.parameters import ADDRESS, DAY
from omni_api.cli.session import Session, pass_session

if TYPE_CHECKING:
    from omni_api.audit import DayFile, ExportResult

_OF_FILES: Final = ("start", "end", "format", "compression")
_AS_SAID: Final = {"start": "START", "end": "END", "begin": "--start"}
_OF_THE_DAEMON: Final = {
    "begin": "start",
    "checkpoint": "checkpoint",
    "no_checkpoint": "no_checkpoint",
    "force": "force",
    "on_gap": "on_gap",
    "rotate_mib": "rotate_mib",
    "keep_files": "keep_files",
    "keep_days": "keep_days",
    "metrics": "metrics",
}
"""Options of the daemon: as they are called here, and as it calls them."""

_COUNT: Final = click.IntRange(1, 999_999)


@click.command(cls=Command)
@click.argument(
    "directory", help="Where to write: a directory, or a URL such as s3://bucket/audit."
)
@click.argument("start", type=DAY, required=False, help="First day; default: the oldest there is.")
@click.argument("end", type=DAY, required=False, help="Last day, included; default: today.")
@click.option("--format", type=click.Choice(("jsonl", "parquet")), help="[default: jsonl]")
@click.option("--compression", type=click.Choice(("none", "gzip", "zstd")), help="[default: none]")
@click.option("-f", "--follow", is_flag=True, help="Copy events as they happen, until SIGTERM.")
@click.option(
    "--start",
    "begin",
    metavar="WHERE",
    help="With -f and no checkpoint: now, oldest, the id of an event, a day or a moment.  "
    "[default: now]",
)
@click.option(
    "--checkpoint",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With -f: where to keep how far it came.  [default: checkpoint.json in DIRECTORY]",
)
@click.option("--no-checkpoint", is_flag=True, help="With -f and DIRECTORY -: keep nothing.")
@click.option("--force", is_flag=True, help="With -f: use the checkpoint of another endpoint.")
@click.option(
    "--on-gap",
    type=click.Choice(("continue", "stop")),
    help="With -f: when events were removed before they could be read.  [default: continue]",
)
@click.option(
    "--rotate-mib", type=_COUNT, help="With -f: size of a file, besides each day.  [default: 100]"
)
@click.option("--keep-files", type=_COUNT, help="With -f: remove the oldest files beyond so many.")
@click.option("--keep-days", type=_COUNT, help="With -f: remove files older than so many days.")
@click.option(
    "--metrics", type=ADDRESS, help="With -f: serve /metrics and /healthz at [HOST:]PORT."
)
@pass_session
def command(
    session: Session,
    /,
    *,
    directory: str,
    start: date | None,
    end: date | None,
    follow: bool,
    **options: Any,
) -> Exit:
    """Copy the audit log into files, one a day; a second time, only what is new.

    A day that is complete is not read again, so the same command, run every night, keeps the whole
    log, also of days that the server has removed. What each file holds is in its manifest.

    With --follow it is the daemon of `python -m omni_api.audit`: events are written within a second
    or so, through every interruption, and after a kill it goes on where it was. SIGTERM or Ctrl-C
    end it with status 0. DIRECTORY - is standard output.

    The status is 4 if days are missing: the server had removed them before they were exported.
    The role Auditor or Admin is needed.

    \b
    Examples:
      omni-api audit-log export audit
      omni-api audit-log export audit 2026-11-01 2026-11-23 --compression gzip
      omni-api audit-log export s3://bucket/audit --format parquet --compression zstd
      omni-api audit-log export audit --follow --start oldest --keep-days 90
    """
    given = {name: value for name, value in options.items() if value not in {None, False}}
    days = {"start": start, "end": end}
    _refuse_mixed(follow=follow, given={*given, *(name for name in days if days[name])})
    if follow:
        return _serve(session, directory, given)
    from omni_api import display

    with display.bars() as bars:
        result = session.client().audit_log.export(
            directory, start, end, on_progress=bars, timeout=session.timeout, **given
        )
    _show(session, directory, result)
    return Exit.INCOMPLETE if result.missing else Exit.OK


def _refuse_mixed(*, follow: bool, given: set[str]) -> None:
    """Refuse options of the daemon where files of days are written, and the other way round."""
    wrong = sorted(given.intersection(_OF_FILES if follow else _OF_THE_DAEMON))
    if wrong:
        names = ", ".join(_AS_SAID.get(name, f"--{name.replace('_', '-')}") for name in wrong)
        why = "a follow has no days and writes JSON lines" if follow else "add --follow"
        raise click.UsageError(
            f"{names} cannot be used {'with' if follow else 'without'} --follow: {why}."
        )


def _serve(session: Session, directory: str, given: dict[str, Any]) -> Exit:
    from omni_api.audit.daemon import DaemonOptions, serve

    options = DaemonOptions(
        output=directory, **{_OF_THE_DAEMON[name]: value for name, value in given.items()}
    )
    found = session.settings()
    serve(attrs.evolve(found, tls=session.tls(found)), options)
    return Exit.OK


def _show(session: Session, directory: str, result: ExportResult) -> None:
    written = set(result.written)
    columns: tuple[Column[DayFile], ...] = (
        ("DAY", lambda day: day.day),
        ("EVENTS", lambda day: f"{day.events:,}"),
        ("BYTES", lambda day: f"{day.bytes:,}"),
        ("FILE", lambda day: day.file),
        ("STATE", lambda day: _state(day, written)),
    )
    if session.output in {"json", "yaml"}:
        session.out.document(result)
    else:
        session.out.show(result.days, columns, name=lambda day: day.file)
    session.note(
        f"{directory}: days {len(result.days)}, written now {len(written)}, "
        f"events {result.events:,}, bytes {result.bytes:,}"
    )
    if result.missing:
        session.warn(
            f"missing days: {len(result.missing)}, {result.missing[0]} to {result.missing[-1]}. "
            "The server had removed them before they were exported, or never had them"
        )


def _state(day: DayFile, written: set[date]) -> Literal["written", "written, goes on", "kept"]:
    if day.day not in written:
        return "kept"
    return "written" if day.complete else "written, goes on"

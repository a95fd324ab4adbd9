"""Stand-ins for what a daemon reads from: a log that is a list, without a server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import attrs
import grpc

from omni_api.audit import MalformedEvent
from omni_api.audit._daemon.checkpoint import load
from omni_api.audit._daemon.loop import Daemon
from omni_api.audit._daemon.metrics import Status
from omni_api.audit._daemon.rotation import Files
from omni_api.audit._daemon.sinks import Covered, Line, Sink
from omni_api.audit._daemon.start import Start
from omni_api.errors import OmniError, UnavailableError

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ENDPOINT = "grpc://127.0.0.1:1"


def line(id_: int, *, after: timedelta = timedelta(0)) -> Line:
    """A line of the log; one that happens a minute after the one before."""
    when = NOON + timedelta(minutes=id_) + after
    return Line(id_, f'{{"event_ts":{int(when.timestamp() * 1000)},"n":{id_}}}\n'.encode(), when)


class EndOfLogError(OmniError):
    """The log has no more lines; a daemon that reads it ends as with any error."""


@attrs.define
class Log:
    """A client whose audit log is a list of lines, and of errors that break the stream there."""

    lines: list[Line | MalformedEvent | Exception]
    follows: list[tuple[Any, int | None]] = attrs.field(factory=list)

    @property
    def audit_log(self) -> Self:
        return self

    def follow(self, since: Any = None, *, checkpoint: int | None, **options: Any) -> Stream:
        self.follows.append((since, checkpoint))
        return Stream(self, checkpoint, options["on_malformed"])

    def close(self) -> None:
        pass


@attrs.define
class Stream:
    """One follow of such a log: an error comes once, lines come from the checkpoint on."""

    log: Log
    checkpoint: int | None
    on_malformed: Callable[[MalformedEvent], None]
    reconnects: int = 0
    closed: bool = False

    def __enter__(self) -> Self:
        if self.log.lines and isinstance(self.log.lines[0], ConnectionError):
            raise away(str(self.log.lines.pop(0)))
        if self.checkpoint is None:
            self.checkpoint = 0
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.closed = True

    def __iter__(self) -> Iterator[Line]:
        for one in list(self.log.lines):
            if self.closed:
                return
            if isinstance(one, Exception):
                self.log.lines.remove(one)
                raise one
            if self.checkpoint is not None and one.id <= self.checkpoint:
                continue
            self.checkpoint = one.id
            if isinstance(one, Line):
                yield one
            else:
                self.on_malformed(one)
        raise EndOfLogError


def away(details: str) -> UnavailableError:
    """What a client says of a server that is away."""
    return UnavailableError(details, code=grpc.StatusCode.UNAVAILABLE, method="/m.S/ReadAuditLog")


def copy(
    log: Log,
    sink: Sink,
    *,
    checkpoint: Path | None = None,
    start: Start | None = None,
    stop_at_gaps: bool = False,
) -> Status:
    """Run a daemon until it has taken everything that the log holds."""
    status = Status()
    omni: Any = log
    daemon = Daemon(
        omni,
        endpoint=ENDPOINT,
        sink=sink,
        checkpoint=checkpoint,
        start=Start(since="oldest") if start is None else start,
        stop_at_gaps=stop_at_gaps,
        status=status,
    )
    with contextlib.suppress(EndOfLogError):
        daemon.run()
    return status


def copy_to_files(log: Log, directory: Path, *, most: int = 1 << 20, **options: Any) -> Status:
    """Run a daemon as the command does: from its checkpoint in the directory, if there is one."""
    file = directory / "checkpoint.json"
    sink = Files(directory, most=most)
    try:
        found = load(file, ENDPOINT)
        sink.go_on(None if found is None else Covered(found.file, found.length))
    except BaseException:
        sink.close()
        raise
    if found is not None:
        options["start"] = Start(checkpoint=found.id, last_time=found.time)
    return copy(log, sink, checkpoint=file, **options)


def written(directory: Path) -> list[str]:
    """The lines in the files, in the order of their names' ids."""
    files = sorted(directory.glob("*.jsonl"), key=lambda path: int(path.stem.rpartition("-")[2]))
    return [text for path in files for text in path.read_text().splitlines()]

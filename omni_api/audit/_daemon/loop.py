"""The daemon: takes lines from its reader, puts them out, and says in a checkpoint how far it is.

It decides when lines become safe: what was taken is synced, and then the checkpoint saved, once a
second at most while lines come, and once when it ends. So a crash costs a second of lines, which
come again. Signals, arguments and exit codes are `__main__.py`'s.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING

from omni_api._disk import telling
from omni_api.audit._daemon.checkpoint import Checkpoint, save
from omni_api.audit._daemon.metrics import Status
from omni_api.audit._daemon.reading import Arrival, Ended, Position, Reader
from omni_api.audit._daemon.sinks import Line, Sink
from omni_api.audit._daemon.start import Start

if TYPE_CHECKING:
    from omni_api import OmniClient

logger = logging.getLogger("omni_api")

_BETWEEN_SYNCS = 1.0


class Daemon:
    """Copies the audit log of one server to one output.

    Args:
        omni: The client; it is closed at the end.
        endpoint: URL of the server, for the checkpoint.
        sink: The output; it is closed at the end.
        checkpoint: File to save the checkpoint in; None for none.
        start: Where to begin.
        stop_at_gaps: Whether events that are gone end the daemon.
        status: Where to note how it goes.
    """

    def __init__(
        self,
        omni: OmniClient,
        *,
        endpoint: str,
        sink: Sink,
        checkpoint: Path | None,
        start: Start,
        stop_at_gaps: bool = False,
        status: Status,
    ) -> None:
        self._endpoint = endpoint
        self._sink = sink
        self._file = checkpoint
        self._status = status
        # A SimpleQueue, since a signal handler may put into it whatever the main thread does.
        self._inbox: SimpleQueue[Arrival | None] = SimpleQueue()
        self._reader = Reader(
            omni, start, stop_at_gaps=stop_at_gaps, status=status, hand=self._inbox.put
        )
        self._id = start.checkpoint
        self._time: datetime | None = start.last_time
        status.last_time = start.last_time
        self._synced = float("-inf")
        self._events = self._bytes = 0
        self._told_to_stop = False

    def stop(self) -> None:
        """Ask it to end; a signal handler may do so, at any time."""
        self._told_to_stop = True
        self._sink.hurry()
        self._inbox.put(None)

    def run(self) -> None:
        """Copy until told to stop.

        Raises:
            StorageError: The output or the checkpoint cannot be written. What is not covered comes
                again in the next run.
            OmniError: The log cannot be followed any more.
        """
        self._reader.start()
        try:
            self._copy()
        finally:
            self._reader.stop()
            self._sink.close()

    def _copy(self) -> None:
        error: Exception | None = None
        while error is None and not self._told_to_stop:
            match self._next():
                case Line() as line:
                    self._take(line)
                    self._reader.done(line)
                case Position(id_):
                    self._id = id_
                    self._await_sync()
                case Ended(error):
                    pass
            since = self._status.waiting_since
            if since is not None and monotonic() >= self._synced + _BETWEEN_SYNCS:
                self._sync()
        self._sync()
        if error is not None:
            raise error

    def _next(self) -> Arrival | None:
        """Wait for what comes next, or for the time to sync."""
        if self._status.waiting_since is None:
            return self._inbox.get()
        try:
            return self._inbox.get(timeout=max(self._synced + _BETWEEN_SYNCS - monotonic(), 0.0))
        except Empty:
            return None

    def _take(self, line: Line) -> None:
        if self._sink.full(line):
            self._sync()
            with telling("write to", self._sink.place):
                self._sink.turn(line)
            # A crash must find the new file in the checkpoint, or nothing in the file.
            self._sync()
        self._await_sync()
        with telling("write to", self._sink.place):
            self._sink.write(line)
        self._id, self._time = line.id, line.time
        self._events += 1
        self._bytes += len(line.raw)
        self._status.last_id, self._status.last_time = line.id, line.time

    def _await_sync(self) -> None:
        if self._status.waiting_since is None:
            self._status.waiting_since = monotonic()

    def _sync(self) -> None:
        """Make everything that was taken safe, and say so."""
        with telling("write to", self._sink.place):
            covered = self._sink.sync()
        # Nothing is known before the server has named the position.
        if self._file is not None and self._id is not None:
            with telling("write to", str(self._file)):
                save(
                    self._file,
                    Checkpoint(
                        endpoint=self._endpoint,
                        id=self._id,
                        time=self._time,
                        file=covered.file,
                        length=covered.length,
                    ),
                )
        self._synced = monotonic()
        status = self._status
        status.events, status.bytes = self._events, self._bytes
        status.checkpoint_id, status.waiting_since = self._id, None

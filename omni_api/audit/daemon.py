"""The daemon that copies the audit log until it is told to stop, for programs that offer it.

Decides what its options mean together, how they become a client, an output and a checkpoint, and
which signals end it. `python -m omni_api.audit` and the terminal program read their command lines
into `DaemonOptions`; the work is `_daemon`'s.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import attrs

from omni_api import OmniClient, RetryPolicy
from omni_api._disk import telling
from omni_api.audit._daemon.checkpoint import load
from omni_api.audit._daemon.locks import Lock
from omni_api.audit._daemon.loop import Daemon
from omni_api.audit._daemon.metrics import Monitor, Status
from omni_api.audit._daemon.rotation import Files
from omni_api.audit._daemon.sinks import Covered, Sink, StandardOutput
from omni_api.audit._daemon.start import Start, start_from
from omni_api.config import Settings
from omni_api.errors import InvalidInputError

__all__ = ["DaemonOptions", "serve"]

logger = logging.getLogger("omni_api")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@attrs.frozen(kw_only=True)
class DaemonOptions:
    """What the daemon is told on its command line.

    Attributes:
        output: A directory for files, or `-` for standard output.
        checkpoint: Where to keep how far it came. Default: `checkpoint.json` in the directory.
        no_checkpoint: Keep nothing; with standard output only.
        start: Where to begin without a checkpoint: `now`, `oldest`, the id of an event, a day
            (`YYYY-MM-DD`, UTC) or a moment (RFC 3339).
        force: Use the checkpoint of another endpoint.
        on_gap: What to do when events were removed before they could be read.
        rotate_mib: MiB after which a new file begins, besides each day.
        keep_files: How many files to keep, None for all.
        keep_days: Of how many days before the newest to keep files, None for all.
        metrics: Host and port to serve metrics at, None for nowhere.

    Raises:
        InvalidInputError: `checkpoint` and `no_checkpoint` do not fit the output.

    Example:
        >>> from omni_api.audit.daemon import DaemonOptions
        >>> DaemonOptions(output="/var/lib/omni-audit", start="oldest").on_gap
        'continue'
    """

    output: str = "-"
    checkpoint: Path | None = None
    no_checkpoint: bool = False
    start: str = "now"
    force: bool = False
    on_gap: Literal["continue", "stop"] = "continue"
    rotate_mib: int = 100
    keep_files: int | None = None
    keep_days: int | None = None
    metrics: tuple[str, int] | None = None

    def __attrs_post_init__(self) -> None:
        if self.output == "-":
            if (self.checkpoint is None) is not self.no_checkpoint:
                raise InvalidInputError(
                    "standard output needs --checkpoint FILE or --no-checkpoint, one of them"
                )
        elif self.no_checkpoint:
            raise InvalidInputError("--no-checkpoint is for standard output: files need one")


def serve(settings: Settings, options: DaemonOptions) -> None:
    """Copy the audit log of a server until SIGTERM or SIGINT comes.

    It answers those two signals itself meanwhile, so it runs in the main thread only.

    Args:
        settings: The server and the key, for example of `config.from_env()`. The role Auditor is
            enough.
        options: What to copy where.

    Raises:
        InvalidInputError: `start` is of no form that there is. Nothing was sent.
        ConfigurationError: The checkpoint cannot be used, or another daemon uses it.
        StorageError: The output or the checkpoint cannot be written.
        MissingEventsError: Events may be missing, and `on_gap` is "stop".
        OmniError: The log cannot be followed any more: the role, the key, or a server that is
            older than Omni 1.10.
    """
    start = start_from(options.start)
    if options.checkpoint is None:  # there is none, or it lies in a directory that is locked
        kept = None if options.no_checkpoint else Path(options.output, "checkpoint.json")
        _copy(options, settings, start, kept)
        return
    with telling("write to", str(options.checkpoint)):
        lock = Lock.of_checkpoint(options.checkpoint)
    try:
        _copy(options, settings, start, options.checkpoint)
    finally:
        lock.release()


def _copy(options: DaemonOptions, settings: Settings, start: Start, file: Path | None) -> None:
    endpoint = settings.endpoint.rstrip("/")
    sink = _sink(options)
    try:
        found = None if file is None else load(file, endpoint, any_endpoint=options.force)
        with telling("write to", sink.place):
            sink.go_on(None if found is None else Covered(found.file, found.length))
    except BaseException:
        sink.close()
        raise
    if found is not None:
        start = Start(checkpoint=found.id, last_time=found.time)
    status = Status()
    # One attempt a call: the reader waits out what does not pass at once, and says so.
    omni = OmniClient(
        settings.endpoint, auth=settings.auth, tls=settings.tls, retry=RetryPolicy(attempts=1)
    )
    daemon = Daemon(
        omni,
        endpoint=endpoint,
        sink=sink,
        checkpoint=file,
        start=start,
        stop_at_gaps=options.on_gap == "stop",
        status=status,
    )
    with _monitored(options.metrics, status), _stopped_by_signals(daemon):
        daemon.run()


def _sink(options: DaemonOptions) -> Sink:
    if options.output == "-":
        return StandardOutput(1)
    with telling("write to", options.output):
        return Files(
            Path(options.output),
            most=options.rotate_mib << 20,
            keep_files=options.keep_files,
            keep_days=options.keep_days,
        )


@contextmanager
def _stopped_by_signals(daemon: Daemon) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        for number in _SIGNALS:
            signal.signal(number, lambda _number, _frame: daemon.stop())
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _monitored(address: tuple[str, int] | None, status: Status) -> Iterator[None]:
    """Serve metrics meanwhile, if there is an address for them."""
    if address is None:
        yield
        return
    monitor = Monitor(*address, status)
    logger.info("metrics at http://%s:%d/metrics", address[0], monitor.port)
    try:
        yield
    finally:
        monitor.close()

"""`python -m omni_api.audit`: copy the audit log to standard output or to files.

How its command line is read, and which error ends with which code. What the options mean is
`daemon.py`'s.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from omni_api import config
from omni_api.audit.daemon import DaemonOptions, serve
from omni_api.errors import (
    ExpiredKeyError,
    InvalidInputError,
    MissingEventsError,
    OmniError,
    StorageError,
    UnsentError,
)

logger = logging.getLogger("omni_api")

_HIGHEST_PORT = 65_535
_TOO_MANY = 1_000_000
_EXIT_CODES = (
    (StorageError, 3),
    (MissingEventsError, 4),
    (ExpiredKeyError, 1),
    (UnsentError, 2),
    (OmniError, 1),
)
_EPILOG = """\
The server and the key come from the environment: OMNI_ENDPOINT and OMNI_SERVICE_ACCOUNT_KEY (and
OMNI_CA_FILE), or the omniconfig file of omnictl. The role Auditor is enough.

exit codes:
  0  asked to stop, by SIGTERM or SIGINT
  1  the server refuses: the role, the key, or it is older than Omni 1.10
  2  a mistake in the options, the environment or the checkpoint
  3  the output cannot be written, for example a full disk or a closed pipe
  4  events may be missing, and --on-gap is stop
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = _parser()
    chosen = vars(parser.parse_args(arguments))
    verbose = chosen.pop("verbose")
    try:
        options = DaemonOptions(**chosen)
    except InvalidInputError as error:
        parser.error(str(error))
    _log_to_stderr(verbose)
    try:
        serve(config.from_env(), options)
    except OmniError as error:
        sys.stderr.write(f"{parser.prog}: {' '.join(str(error).split())}\n")
        return next(code for kind, code in _EXIT_CODES if isinstance(error, kind))
    return 0


def _log_to_stderr(verbose: int) -> None:
    handler = logging.StreamHandler()
    form = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler.setFormatter(form)
    logger.addHandler(handler)
    logger.setLevel({0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m omni_api.audit",
        description="Copy the audit log of Omni, as JSON lines, until told to stop.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--output",
        metavar="PATH",
        default="-",
        help="a directory for files, or - for standard output (default)",
    )
    add(
        "--checkpoint",
        metavar="FILE",
        type=Path,
        help="where to keep how far it came (default: checkpoint.json in the directory)",
    )
    add(
        "--no-checkpoint",
        action="store_true",
        help="keep nothing: every run begins at --start (standard output only)",
    )
    add(
        "--start",
        metavar="WHERE",
        default="now",
        help="where to begin without a checkpoint: now (default), oldest, the id of an event "
        "that the log has, a day (YYYY-MM-DD, UTC) or a moment (RFC 3339)",
    )
    add(
        "--force",
        action="store_true",
        help="use the checkpoint of another endpoint: the same server under a new URL",
    )
    add(
        "--on-gap",
        choices=("continue", "stop"),
        default="continue",
        help="when events were removed before they could be read: warn and continue (default), or "
        "stop",
    )
    add(
        "--rotate-mib",
        metavar="N",
        type=_positive,
        default=100,
        help="MiB after which a new file begins, besides each day (default: %(default)s)",
    )
    add(
        "--keep-files",
        metavar="N",
        type=_positive,
        help="remove the oldest files beyond N (default: keep all)",
    )
    add(
        "--keep-days",
        metavar="N",
        type=_positive,
        help="remove files more than N days older than the newest (default: keep all)",
    )
    add(
        "--metrics",
        metavar="[HOST:]PORT",
        type=_address,
        help="serve /metrics and /healthz there (default host: 127.0.0.1); needs "
        "'sidero-omni-api[metrics]'",
    )
    add(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="say more on standard error; twice for every call",
    )
    return parser


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < _TOO_MANY:
        raise argparse.ArgumentTypeError(f"not a number from 1 to {_TOO_MANY - 1}: {text!r}")
    return int(text)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"not [HOST:]PORT: {text!r}")
    return host or "127.0.0.1", int(port)


if __name__ == "__main__":
    sys.exit(main())

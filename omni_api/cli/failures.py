"""Runs the program, and makes of whatever happens one paragraph and an exit status.

Nobody sees a traceback unless it is a defect and `-vv` was given.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import textwrap
import traceback
from collections.abc import Iterator, Sequence
from typing import TextIO

import click

from omni_api.cli.app import PROGRAM, EnoughError, app
from omni_api.cli.exits import Exit, status_of
from omni_api.cli.interruptions import heard
from omni_api.cli.output import coloured, printable
from omni_api.cli.session import tracing
from omni_api.cli.standard import ready
from omni_api.errors import CallError, OmniError

__all__ = ["Failure", "paragraph", "run"]

_WIDTH = 100


class Failure(click.ClickException):
    """What a command itself has to say when it cannot go on: a paragraph, and how to end.

    Args:
        message: What is wrong and what to do next.
        status: How the program ends.
    """

    def __init__(self, message: str, status: Exit = Exit.REFUSED) -> None:
        super().__init__(message)
        self.status = status


def run(arguments: Sequence[str]) -> int:
    """Run the program; returns its exit status."""
    if not ready():
        _tell(
            "standard output is closed, so the answer would be lost: nothing was done. "
            "Where nobody needs the answer, say > /dev/null"
        )
        return Exit.STORAGE
    with _logs_on_stderr(), _any_letter_on_stdout(), heard():
        try:
            # Without the standard mode click catches nothing on the way, so all ends meet here.
            result = app.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
            sys.stdout.flush()
            status = result if isinstance(result, int) else Exit.OK
        except BaseException as error:  # noqa: BLE001 - whatever it is, a person has to read it
            status = _ended(error)
    for stream in (sys.stdout, sys.stderr):
        _let_go(stream)
    return status


def _ended(error: BaseException) -> int:  # noqa: PLR0911 - a row for each kind of end
    """Say how the program ended; returns its exit status."""
    match error:
        case EnoughError() | BrokenPipeError():
            return Exit.OK
        case SystemExit():  # the completion of shells ends so
            return int(error.code or 0)
        case Failure():
            _tell(error.message)
            return error.status
        case click.ClickException():
            with contextlib.suppress(OSError):
                error.show()
            return error.exit_code
        case KeyboardInterrupt() | click.Abort():
            _write("\ninterrupted\n")
            return Exit.INTERRUPTED
        case OmniError():
            _tell(paragraph(error))
            return status_of(error)
        case OSError(filename=None):  # those of files are StorageErrors, so this is the output
            _tell(f"the answer could not be written: {error.strerror or error}")
            return Exit.STORAGE
        case RuntimeError(__context__=KeyboardInterrupt() as struck):
            # What a Condition makes of Ctrl-C in the midst of a wait: its lock is not its own.
            return _ended(struck)
    if tracing():
        traceback.print_exception(error)
    _tell(
        f"this is a defect of {PROGRAM}: {type(error).__name__}: {error}. "
        "Run it again with -vv for details to report"
    )
    return Exit.DEFECT


@contextlib.contextmanager
def _any_letter_on_stdout() -> Iterator[None]:
    """Escape the letters that a terminal lacks, as stderr does: the rest of the answer matters."""
    stdout = sys.stdout
    if not isinstance(stdout, io.TextIOWrapper):
        yield
        return
    before = stdout.errors
    stdout.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):  # it also flushes; that failed before
            stdout.reconfigure(errors=before)


@contextlib.contextmanager
def _logs_on_stderr() -> Iterator[None]:
    """Show what the client logs; how much that is, `-v` decides."""
    logger = logging.getLogger("omni_api")
    handler = logging.StreamHandler()
    handler.setFormatter(_Form("%(levelname)s: %(message)s"))
    before = logger.level
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


class _Form(logging.Formatter):
    """Writes a record so that it cannot steer a terminal, and a warning so that it is seen."""

    def format(self, record: logging.LogRecord) -> str:
        text = printable(super().format(record))
        loud = record.levelno >= logging.WARNING and coloured(sys.stderr)
        return click.style(text, fg="yellow", bold=True) if loud else text


def paragraph(error: OmniError) -> str:
    """Say what the server answered in its words, and what to do next in ours."""
    if not isinstance(error, CallError):
        return str(error)
    text = error.details.strip() or error.code.name
    if error.chunks:
        text += f" (after {error.chunks:,} messages)"
    if error.outcome_unknown:
        text += ". It may have been carried out all the same: look before you repeat it"
    code = error.code.name.replace("_", " ").lower()
    return f"{code}: {text}" + (f". {error.hint}" if error.hint else "")


def _tell(text: str) -> None:
    lines = [
        wrapped
        for line in text.splitlines()
        for wrapped in textwrap.wrap(
            printable(line.expandtabs(4)), _WIDTH, break_long_words=False, break_on_hyphens=False
        )
    ]
    _write(f"{PROGRAM}: " + "\n".join(lines) + "\n")


def _write(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(text)


def _let_go(stream: TextIO) -> None:
    """Give up what cannot be written, or Python complains at exit, with a status of its own."""
    try:
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

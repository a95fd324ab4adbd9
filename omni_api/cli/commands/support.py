"""`omni-api support`: a support bundle as a file. Flags and file names are the official tool's.

The official tool encrypts by itself, for recipients that are built into it. Here the server
encrypts, for its own recipients, which are the same people.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from omni_api.cli.exits import Exit
from omni_api.cli.failures import Failure
from omni_api.cli.names import CLUSTER
from omni_api.cli.options import Command
from omni_api.cli.output import Column, printable
from omni_api.cli.session import Session, pass_session
from omni_api.errors import NotFoundError, UnimplementedError

if TYPE_CHECKING:
    from omni_api import PartProgress
    from omni_api.support import BundleProgress, SourceError, SupportBundle

_COLUMNS: Final[tuple[Column[PartProgress], ...]] = (
    ("SOURCE", lambda part: part.name),
    ("STEPS", lambda part: part.done),
    ("FAILED", lambda part: part.errors),
)


@click.command(cls=Command)
@click.option("-c", "--cluster", type=CLUSTER, required=True, help="Name of the cluster.")
@click.option(
    "-O",
    "--output",
    "file",
    type=click.Path(path_type=Path),
    help="File to write, or a directory.  [default: support.zip.age, or support.zip]",
)
@click.option("--no-encryption", is_flag=True, help="Write a plain ZIP.")
@click.option(
    "--encryption-recipients",
    metavar="KEY",
    multiple=True,
    help="Also encrypt for this age or SSH public key; may be repeated, or separated by commas.",
)
@click.option(
    "--encryption-no-default-recipients",
    is_flag=True,
    help="Encrypt for the given recipients alone.",
)
@click.option("-y", "--yes", is_flag=True, help="Replace a file that is there, without asking.")
@pass_session
def command(
    session: Session,
    /,
    *,
    cluster: str,
    file: Path | None,
    no_encryption: bool,
    encryption_recipients: tuple[str, ...],
    encryption_no_default_recipients: bool,
    yes: bool,
) -> Exit:
    """Collect a support bundle of a cluster and save it as a file.

    The bundle is encrypted with age, so only its recipients can open it: by default those that the
    server knows, who are the support of Sidero Labs. It is the server that encrypts, from Omni 1.10
    on. With --no-encryption you can open the bundle yourself.

    A step that fails is no error: the bundle comes without it. Those steps are listed at the end.
    Bars show how far each source is; with -v every step is told instead. The file appears whole or
    not at all, and only you can read it.

    The status is 0 if the bundle is complete, 4 if steps failed, 7 if there is no such cluster.
    The role Operator is needed.

    \b
    Examples:
      omni-api support -c prod
      omni-api support -c prod --no-encryption -O prod.zip
      omni-api support -c prod --encryption-recipients age1… --encryption-no-default-recipients
    """
    recipients = [key.strip() for keys in encryption_recipients for key in keys.split(",")]
    if no_encryption and (recipients or encryption_no_default_recipients):
        raise click.UsageError("--no-encryption leaves nobody to encrypt for: leave out the rest.")
    if encryption_no_default_recipients and not recipients:
        raise click.UsageError(
            "--encryption-no-default-recipients leaves nobody to encrypt for: name somebody with "
            "--encryption-recipients."
        )
    target = _target(file, "support.zip" if no_encryption else "support.zip.age")
    there = target.exists()
    if there:
        session.confirm(f"{target} is there already. Overwrite it?", yes=yes)
    try:
        with _shown(session) as show:
            bundle = session.client().support.save(
                cluster,
                target,
                on_progress=show,
                encrypt=not no_encryption and (recipients or True),
                default_recipients=not encryption_no_default_recipients,
                overwrite=there,
                timeout=session.timeout,
            )
    except NotFoundError as error:
        raise Failure(
            f"there is no cluster {cluster!r}, or nothing to collect from it: {error.details}",
            Exit.NOT_FOUND,
        ) from error
    except UnimplementedError as error:
        if no_encryption:
            raise
        raise Failure(
            "the server cannot encrypt support bundles; that came with Omni 1.10. Nothing was "
            "written. Repeat it with --no-encryption, and encrypt the file before you send it: "
            "age --encrypt --recipient KEY --output support.zip.age support.zip"
        ) from error
    _answer(session, bundle)
    return Exit.OK if bundle.complete else Exit.INCOMPLETE


def _target(file: Path | None, name: str) -> Path:
    chosen = Path(name) if file is None else file.expanduser()
    return chosen / name if chosen.is_dir() else chosen


@contextlib.contextmanager
def _shown(session: Session) -> Iterator[Callable[[BundleProgress], None]]:
    """Show how far it is: bars, or with `-v` a line for each step."""
    if session.verbose:
        yield lambda progress: session.note(progress.latest)
        return
    from omni_api import display

    with display.bars() as bars:
        yield bars


def _answer(session: Session, bundle: SupportBundle) -> None:
    match session.output:
        case "name":
            session.out.line(printable(str(bundle.path)))
        case "table":
            session.out.show(bundle.sources, _COLUMNS, name=lambda part: part.name)
        case _:
            session.out.document(bundle)
    _tell_failed(session, bundle.errors)
    whom = f", encrypted for {', '.join(bundle.recipients)}" if bundle.recipients else ""
    session.note(f"saved {bundle.path}: {bundle.size:,} bytes{whom}")


def _tell_failed(session: Session, errors: tuple[SourceError, ...]) -> None:
    """List the steps that failed by source; what failed alike on several nodes is listed once."""
    source = None
    for error, count in sorted(Counter(errors).items(), key=lambda found: found[0].source):
        if error.source != source:
            source = error.source
            session.note(f"failed steps of {source}:")
        item = f"{error.item}: " if error.item else ""
        often = f" ({count} times)" if count > 1 else ""
        session.note(f"  {item}{error.error}{often}")

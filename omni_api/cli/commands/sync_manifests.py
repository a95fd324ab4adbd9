"""`omni-api sync-manifests`: the diff is shown before anything is changed.

A changed Secret is named, but its diff is never shown.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import partial
from typing import Final

import click

from omni_api import InventoryPolicy, ManifestChange, Stream
from omni_api.cli.names import CLUSTER
from omni_api.cli.options import Command
from omni_api.cli.output import coloured, printable
from omni_api.cli.parameters import DURATION
from omni_api.cli.session import Session, pass_session

_POLICIES: Final = {
    "adopt-if-no-inventory": InventoryPolicy.ADOPT_IF_NO_INVENTORY,
    "adopt-all": InventoryPolicy.ADOPT_ALL,
    "must-match": InventoryPolicy.MUST_MATCH,
}
# The first that fits: the heads of a diff begin like its lines.
_COLOURS: Final = {"---": None, "+++": None, "-": "red", "+": "green", "@@": "cyan"}


@click.command(cls=Command)
@click.argument("cluster", type=CLUSTER, help="Name of the cluster.")
@click.option(
    "--dry-run/--no-dry-run", default=True, show_default=True, help="Only show what would change."
)
@click.option("-y", "--yes", is_flag=True, help="Change it without showing it first and asking.")
@click.option("--prune", is_flag=True, help="Delete what is no longer among the manifests.")
@click.option(
    "--force-conflicts", is_flag=True, help="Overwrite fields that something else manages."
)
@click.option(
    "--inventory-policy",
    type=click.Choice(list(_POLICIES)),
    default="adopt-if-no-inventory",
    show_default=True,
    help="Which existing objects may be taken over.",
)
@click.option(
    "--reconcile-timeout",
    type=DURATION,
    help="How long the server waits for the objects to become ready.  [default: 30s]",
)
@pass_session
def command(
    session: Session,
    *,
    cluster: str,
    dry_run: bool,
    yes: bool,
    prune: bool,
    force_conflicts: bool,
    inventory_policy: str,
    reconcile_timeout: timedelta | None,
) -> None:
    """Show what the bootstrap manifests would change, and change it.

    Talos makes the manifests once; later versions of them reach a cluster only this way. Nothing
    is changed without --no-dry-run (or --dry-run=false), and then the changes are shown first.

    --prune and the options after it have an effect on clusters with Talos 1.13 or newer. It needs
    the role Operator.

    \b
    Examples:
      omni-api sync-manifests talos-default
      omni-api sync-manifests talos-default --no-dry-run
      omni-api sync-manifests talos-default --dry-run=false --yes -o json
    """
    question = f"Change the manifests of cluster {cluster}?"
    if not (dry_run or yes or session.interactive):
        session.confirm(question, yes=yes)  # refuses, before the server is asked
    sync = partial(
        session.client().kubernetes.sync_manifests,
        cluster,
        prune=prune,
        force_conflicts=force_conflicts,
        inventory_policy=_POLICIES[inventory_policy],
        reconcile_timeout=reconcile_timeout,
        timeout=session.timeout,
    )
    if dry_run or not yes:
        differ = _told(session, sync(dry_run=True), last=dry_run)
        if dry_run:
            session.note(f"{differ} manifests differ; nothing was changed")
            return
        # What would be deleted may be in no dry run.
        if not differ and not prune:
            if session.output in ("json", "yaml"):
                session.out.document([])
            session.note("no manifest differs; nothing was changed")
            return
        session.confirm(question, yes=yes)
    # What was seen before the question needs no second look.
    differ = _told(session, sync(dry_run=False), last=True, diffs=yes)
    session.note(f"{differ} manifests were changed")


def _told(
    session: Session, changes: Stream[ManifestChange], *, last: bool, diffs: bool = True
) -> int:
    """Show changes as they come; programs get those of the last run as a whole.

    Returns:
        How many manifests differ.
    """
    told: list[ManifestChange] = []
    differ = 0
    # Before the question a person has to see what it is about, whatever the format is.
    as_text = session.output == "table" or not last
    with changes as stream:
        for change in stream:
            told.append(change)
            differ += change.changed
            if as_text and (change.changed or change.phase == "rollout"):
                _show(session, change, answer=last, diff=diffs)
    if session.output == "name" and last:
        for change in told:
            if change.changed:
                session.out.line(printable(change.path))
    elif not as_text:
        session.out.document([_record(change) for change in told])
    return differ


def _show(session: Session, change: ManifestChange, *, answer: bool, diff: bool) -> None:
    lines = printable(str(change)).splitlines()
    for line in lines if diff else lines[:1]:
        colour = next((of for start, of in _COLOURS.items() if line.startswith(start)), None)
        text = click.style(line, fg=colour) if colour else line
        if answer:
            session.out.line(text)
        else:
            click.echo(text, err=True, color=coloured(sys.stderr))


def _record(change: ManifestChange) -> dict[str, object]:
    return {
        "path": change.path,
        "phase": change.phase,
        "changed": change.changed,
        "kind": change.kind,
        "namespace": change.namespace,
        "name": change.name,
        "diff": None if change.kind == "Secret" else change.diff,
    }

"""`omni-api upgrade-checks`: whether a cluster can get another Kubernetes version."""

from __future__ import annotations

import click

from omni_api.cli.failures import Failure
from omni_api.cli.names import CLUSTER
from omni_api.cli.options import Command
from omni_api.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("cluster", type=CLUSTER, help="Name of the cluster.")
@click.option("--to", required=True, metavar="VERSION", help="Kubernetes version, such as 1.36.0.")
@pass_session
def command(session: Session, *, cluster: str, to: str) -> None:
    """Check whether a cluster can get a new Kubernetes.

    The server looks for removed APIs and flags, and whether the versions fit. Where something is
    in the way, that is the error, and the exit status is 1. It needs the role Operator.

    \b
    Examples:
      omni-api upgrade-checks talos-default --to 1.36.0
    """
    found = session.client().management.kubernetes_upgrade_pre_checks(
        cluster=cluster, new_version=to
    )
    if session.output in ("json", "yaml"):
        session.out.document(
            {"cluster": cluster, "to": to, "ok": found.ok, "reason": found.reason.strip()}
        )
    if not found.ok:
        raise Failure(found.reason.strip() or f"{cluster} cannot be upgraded to {to}")
    session.note(f"cluster {cluster} can be upgraded to Kubernetes {to.removeprefix('v')}")

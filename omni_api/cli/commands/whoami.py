"""`omni-api whoami`: does my set-up work, and who am I to the server?"""

from __future__ import annotations

import click

from omni_api.cli.diagnosis import Finding, findings, records
from omni_api.cli.exits import Exit, status_of
from omni_api.cli.options import Command
from omni_api.cli.output import printable
from omni_api.cli.session import Session, pass_session

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "unknown": "yellow"}


@click.command(cls=Command)
@pass_session
def command(session: Session) -> Exit:
    """Check the set-up: endpoint, TLS, clock, key, role and server.

    The key comes from SIDERO_SERVICE_ACCOUNT_KEY, else OMNI_SERVICE_ACCOUNT_KEY; then OMNI_ENDPOINT
    has to be set. Without a key it is the omniconfig file (--omniconfig, OMNICONFIG, or
    ~/.talos/omni/config) and the key that omnictl keeps for its identity. With --context or
    --omniconfig the file is used whatever the variables say.

    \b
    Examples:
      omni-api whoami
      omni-api whoami --context prod -o json
    """
    found = []
    for finding in findings(session):
        found.append(finding)
        if session.output == "table":
            _show(session, finding)
    if session.output == "name":
        session.out.line(next((f.found for f in found if f.check == "identity"), ""))
    elif session.output != "table":
        session.out.document([records(finding) for finding in found])
    return max((status_of(f.error) for f in found if f.error is not None), default=Exit.OK)


def _show(session: Session, finding: Finding) -> None:
    """Show a finding as soon as it is there: the next one may take a while."""
    state = click.style(f"{finding.state:<8}", fg=_COLOURS[finding.state])
    session.out.line(f"{state} {finding.check:<10} {printable(finding.found)}")
    if finding.advice:
        session.out.line(f"{'':<19} {printable(finding.advice)}")

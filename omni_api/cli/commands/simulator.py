"""`omni-api simulator`: what `python -m omni_api.simulator` does, among the other commands."""

from __future__ import annotations

import click

from omni_api.cli.options import Command
from omni_api.cli.parameters import ADDRESS

_ROLES = ("None", "InfraProvider", "Reader", "Auditor", "Operator", "Admin")


@click.command(cls=Command)
@click.option(
    "--listen",
    type=ADDRESS,
    metavar="HOST:PORT",
    default="127.0.0.1:0",
    show_default=True,
    help="Address to listen on; port 0 takes a free one.",
)
@click.option("--api-url", metavar="URL", help="URL that configs advertise, if it is another.")
@click.option("--tls", is_flag=True, help="Serve TLS with a certificate made now.")
@click.option(
    "--role",
    "roles",
    type=click.Choice(_ROLES),
    multiple=True,
    help="Also print the key of a service account with this role; may be repeated.",
)
@click.option("--machines", type=click.IntRange(min=0), help="How many machines, at least.")
@click.option(
    "--audit-events",
    type=click.IntRange(min=0),
    help="How many events of the last 30 days the audit log holds.",
)
@click.option("--legacy", is_flag=True, help="Answer as Omni 1.2.")
def command(
    *,
    listen: tuple[str, int],
    api_url: str | None,
    tls: bool,
    roles: tuple[str, ...],
    machines: int | None,
    audit_events: int | None,
    legacy: bool,
) -> int:
    """Serve a simulated Omni on this machine until Ctrl-C.

    It prints the variables that the other commands need, as lines for a shell. It is a real gRPC
    server: it checks signatures, roles and arguments, and refuses what Omni refuses.

    \b
    Examples:
      omni-api simulator
      omni-api simulator --listen 127.0.0.1:8099 --role Reader
    """
    from omni_api.simulator.__main__ import serve

    return serve(
        listen=f"{listen[0]}:{listen[1]}",
        api_url=api_url,
        tls=tls,
        roles=roles,
        machines=machines,
        audit_events=audit_events,
        legacy=legacy,
    )

"""`omni-api kubeconfig`: what kubectl needs to reach a cluster."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from omni_api.cli.configs import Place, place_options
from omni_api.cli.exits import Exit
from omni_api.cli.failures import Failure
from omni_api.cli.names import CLUSTER
from omni_api.cli.options import Command
from omni_api.cli.parameters import DURATION
from omni_api.cli.session import Session, pass_session
from omni_api.client_configs import merge_kubeconfig
from omni_api.config import kubeconfig_file
from omni_api.errors import NotFoundError


@click.command(cls=Command)
@place_options(merge=True)
@click.option("-c", "--cluster", type=CLUSTER, required=True, help="Name of the cluster.")
@click.option("--force-context-name", metavar="NAME", help="What to call the context if merged.")
@click.option("--service-account", is_flag=True, help="Put a token in it, for a program.")
@click.option("--user", default="", help="Kubernetes user whom the token stands for.")
@click.option(
    "--ttl",
    type=DURATION,
    default="8760h",
    show_default=True,
    help="How long the token is valid.",
)
@click.option(
    "--groups",
    multiple=True,
    default=["system:masters"],
    show_default=True,
    help="Kubernetes groups of that user; several with commas, or several times.",
)
@click.option(
    "--grant-type",
    type=click.Choice(["auto", "authcode", "authcode-keyboard"]),
    help="How kubectl logs in.  [default: the plugin chooses]",
)
@click.option("--oidc-cache-base-dir", default="", help="Where kubectl's plugin keeps its tokens.")
@click.option(
    "--oidc-cache-isolation", is_flag=True, help="Keep them apart for each cluster and user."
)
@click.option(
    "--break-glass", is_flag=True, help="Put the cluster's own admin key in it, to go around Omni."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before --break-glass.")
@click.pass_context
@pass_session
def command(
    session: Session,
    ctx: click.Context,
    *,
    path: Path | None,
    merge: bool,
    force: bool,
    cluster: str,
    force_context_name: str | None,
    service_account: bool,
    user: str,
    ttl: timedelta,
    groups: tuple[str, ...],
    grant_type: str | None,
    oidc_cache_base_dir: str,
    oidc_cache_isolation: bool,
    break_glass: bool,
    yes: bool,
) -> None:
    """Get the kubeconfig of a cluster, and merge it into the one of kubectl.

    It is merged into the file that kubectl reads (KUBECONFIG, else ~/.kube/config), or into PATH,
    and its context is used from now on. All else in the file stays as it is. Where a name is taken
    by something else, you are asked; without a terminal the new one is renamed. With --no-merge it
    is written to ./kubeconfig or PATH.

    kubectl then logs in through Omni, so the file holds no secret, and needs the plugin
    oidc-login. It does hold one with --service-account, which needs the role Operator, and with
    --break-glass, which needs Admin, a server that allows it, and marks the cluster as tainted. All
    else needs the role Reader.

    \b
    Examples:
      omni-api kubeconfig --cluster talos-default
      omni-api kubeconfig ./kubeconfig -c talos-default --merge=false --force
      omni-api kubeconfig ci.yaml -c talos-default --no-merge --service-account --user ci --ttl 24h
      omni-api kubeconfig - -c talos-default > kubeconfig
    """
    place = Place.of("kubeconfig", path, merge=merge, force=force, home=kubeconfig_file())
    if force_context_name and not place.merge:
        raise click.UsageError("--force-context-name is about merging: leave it or --no-merge out.")
    account = _account(ctx, service_account=service_account, user=user, ttl=ttl, groups=groups)
    omni = session.client()
    try:
        # The server makes a kubeconfig for any name.
        omni.resources.get("Clusters", cluster)
    except NotFoundError as error:
        raise Failure(f'cluster not found: "{cluster}"', Exit.NOT_FOUND) from error
    if break_glass:
        session.warn(f'who has this kubeconfig goes around Omni, and "{cluster}" becomes tainted')
        session.confirm(f'Taint cluster "{cluster}"?', yes=yes)
    config = omni.management.kubeconfig(
        cluster=cluster,
        grant_type=grant_type or "",
        oidc_cache_base_dir=oidc_cache_base_dir,
        oidc_cache_isolation=oidc_cache_isolation,
        break_glass=break_glass,
        **account,
    ).kubeconfig
    place.put(
        session,
        config,
        lambda file: merge_kubeconfig(
            config, file, on_clash=place.on_clash(session), context_name=force_context_name
        ),
        secret=service_account or break_glass,
    )


def _account(
    ctx: click.Context,
    *,
    service_account: bool,
    user: str,
    ttl: timedelta,
    groups: tuple[str, ...],
) -> dict[str, Any]:
    """Return what the token is to be, if there is to be one."""
    if not service_account:
        for name in ("user", "ttl", "groups"):
            if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--{name} is about the token of --service-account.")
        return {}
    if not user:
        raise click.UsageError("--service-account needs a --user.")
    return {
        "service_account": True,
        "service_account_user": user,
        "service_account_ttl": ttl,
        "service_account_groups": [
            name for group in groups for part in group.split(",") if (name := part.strip())
        ],
    }

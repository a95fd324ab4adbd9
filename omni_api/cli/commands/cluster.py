"""The long paths that the official tool has for two commands; no help lists them."""

from __future__ import annotations

import click

from omni_api.cli.commands import sync_manifests, upgrade_checks
from omni_api.cli.options import Group


@click.group(cls=Group, hidden=True)
def command() -> None:
    """Check and sync the Kubernetes of a cluster, by the paths of the official tool."""


@command.group()
def kubernetes() -> None:
    """Check and sync the Kubernetes of a cluster."""


kubernetes.add_command(upgrade_checks.command, "upgrade-pre-checks")
kubernetes.add_command(sync_manifests.command, "manifest-sync")

"""The commands, and the one help text of all of them.

A command's module is imported when it is run or asked for its help, so `omni-api --help` and the
completion of names stay fast. That is why the summaries stand here, too; a test compares them.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any, Final

import click

from omni_api import __version__
from omni_api.cli.exits import MEANINGS
from omni_api.cli.options import Group

__all__ = ["ALIASES", "COMMANDS", "HIDDEN", "PROGRAM", "EnoughError", "app"]

PROGRAM: Final = "omni-api"

# Section, then command: its module in `commands`, and the summary that its own help begins with.
COMMANDS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "See": {
        "whoami": ("whoami", "Check the set-up: endpoint, TLS, clock, key, role and server."),
        "audit-log": ("audit_log", "Print, follow, export and query the audit log."),
        "machine-logs": ("machine_logs", "Show the logs of machines, and follow them."),
        "support": ("support", "Collect a support bundle of a cluster and save it as a file."),
    },
    "Configure": {
        "kubeconfig": (
            "kubeconfig",
            "Get the kubeconfig of a cluster, and merge it into the one of kubectl.",
        ),
        "talosconfig": (
            "talosconfig",
            "Get a talosconfig, and merge it into the one of talosctl.",
        ),
        "omniconfig": (
            "omniconfig",
            "Print the omniconfig that the server makes for you, or merge it into your own.",
        ),
        "config": ("config", "List, add, select and change the contexts of the omniconfig."),
    },
    "Accounts": {
        "user": ("user", "List, create and remove the accounts of people."),
        "serviceaccount": (
            "serviceaccount",
            "List, create, renew and remove service accounts.",
        ),
        "jointoken": (
            "jointoken",
            "List, create, revoke and use the tokens with which machines join.",
        ),
    },
    "Clusters and machines": {
        "upgrade-checks": ("upgrade_checks", "Check whether a cluster can get a new Kubernetes."),
        "sync-manifests": (
            "sync_manifests",
            "Show what the bootstrap manifests would change, and change it.",
        ),
        "validate": ("validate", "Let the server check a machine config patch or a document."),
        "machine": ("machine", "Switch machines off and on, install and upgrade them."),
    },
    "Images": {
        "schematic": (
            "schematic",
            "Create schematics, of which the image factory builds boot media.",
        ),
        "download": ("download", "Download an image with which machines join Omni."),
    },
    "Program": {
        "simulator": ("simulator", "Serve a simulated Omni on this machine until Ctrl-C."),
        "completion": (
            "completion",
            "Print what makes a shell complete commands, options and names.",
        ),
    },
}

ALIASES: Final = {"sa": "serviceaccount", "jt": "jointoken", "m": "machine"}
"""Other names that the official tool has for commands."""

HIDDEN: Final = {"cluster": "cluster"}
"""Commands that no help lists, for hands that know the official tool: their modules."""


class EnoughError(Exception):
    """Whoever reads the answer has had enough, and closed the pipe."""


class _App(Group):
    """The root: it knows its commands without importing them."""

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        """Understand the command line, which may already be all: `--help`."""
        with _enough():
            return super().make_context(*args, **settings)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _enough():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = ALIASES.get(cmd_name, cmd_name)
        modules = HIDDEN | {key: row[0] for rows in COMMANDS.values() for key, row in rows.items()}
        if name not in modules:
            return None
        module = importlib.import_module(f"omni_api.cli.commands.{modules[name]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, section in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, summary) for name, (_, summary) in section.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), text) for code, text in MEANINGS.items()])


@contextlib.contextmanager
def _enough() -> Iterator[None]:
    """Tell a closed pipe by a name of its own: click would end by itself there, with status 1."""
    try:
        yield
    except BrokenPipeError as error:
        raise EnoughError from error


@click.command(cls=_App)
@click.version_option(__version__, message="%(prog)s %(version)s")
def app() -> None:
    """Work with Sidero Omni from a terminal.

    The server and the key come from OMNI_ENDPOINT and OMNI_SERVICE_ACCOUNT_KEY, or from the
    omniconfig file and the key that omnictl keeps. `omni-api whoami` tells whether they work.
    """

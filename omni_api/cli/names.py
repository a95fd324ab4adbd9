"""Names that a shell completes: contexts from the omniconfig, the rest from the server.

A completion must not keep anybody waiting, nor write into the line that is typed: what takes more
than two seconds, or fails, completes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

import click
from click.shell_completion import CompletionItem

from omni_api.cli.session import Session

__all__ = ["CLUSTER", "CONTEXT", "IMAGE", "JOIN_TOKEN", "MACHINE", "SERVICE_ACCOUNT", "USER"]

_PATIENCE: Final = timedelta(seconds=2)

Names = Callable[[Session], Iterator[CompletionItem]]


class _Name(click.ParamType[str]):
    """A text, of which a shell can ask what it may be."""

    def __init__(self, name: str, names: Names) -> None:
        self.name = name
        self._names = names

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        session = ctx.ensure_object(Session)
        session.timeout, session.read_only = _PATIENCE, True
        try:
            with ctx.scope(cleanup=False):
                found = list(self._names(session))
        except Exception:  # noqa: BLE001 - whatever it is, nothing is completed
            return []
        return [item for item in found if str(item.value).startswith(incomplete)]


def _contexts(session: Session) -> Iterator[CompletionItem]:
    from omni_api.omniconfig import Omniconfig

    for context in Omniconfig(session.omniconfig).contexts():
        if " " not in context.name:
            yield CompletionItem(context.name, help=context.url)


def _clusters(session: Session) -> Iterator[CompletionItem]:
    with session.client().resources.list("Clusters", timeout=_PATIENCE) as clusters:
        yield from (CompletionItem(cluster.id) for cluster in clusters)


def _machines(session: Session) -> Iterator[CompletionItem]:
    with session.client().resources.list("MachineStatuses", timeout=_PATIENCE) as machines:
        for machine in machines:
            network = machine.spec.get("network")
            hostname = network.get("hostname", "") if isinstance(network, dict) else ""
            yield CompletionItem(machine.id, help=str(hostname))


def _users(session: Session) -> Iterator[CompletionItem]:
    users = session.client().management.list_users().users
    yield from (CompletionItem(user.email, help=user.role) for user in users)


def _service_accounts(session: Session) -> Iterator[CompletionItem]:
    accounts = session.client().management.list_service_accounts().service_accounts
    yield from (CompletionItem(account.name, help=account.role) for account in accounts)


def _join_tokens(session: Session) -> Iterator[CompletionItem]:
    # By name: the id is a secret. A name with a space would become two words.
    for token in session.client().join_tokens.list(timeout=_PATIENCE):
        if " " not in token.name:
            yield CompletionItem(token.name)


def _images(session: Session) -> Iterator[CompletionItem]:
    with session.client().resources.list(
        "InstallationMedias", namespace="ephemeral", timeout=_PATIENCE
    ) as media:
        yield from (CompletionItem(one.id, help=str(one.spec.get("name", ""))) for one in media)


CONTEXT: Final = _Name("context", _contexts)
CLUSTER: Final = _Name("cluster", _clusters)
MACHINE: Final = _Name("machine id", _machines)
USER: Final = _Name("email", _users)
SERVICE_ACCOUNT: Final = _Name("name", _service_accounts)
JOIN_TOKEN: Final = _Name("token", _join_tokens)
IMAGE: Final = _Name("image", _images)

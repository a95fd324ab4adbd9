"""Everything the simulated Omni knows: one object, guarded by one lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from omni_api.simulator._accounts import Accounts
    from omni_api.simulator._audit import AuditLog
    from omni_api.simulator._fleet import Fleet


@attrs.define(kw_only=True, eq=False)
class Omni:
    """The state behind the simulated server.

    Attributes:
        account: Name of the Omni instance; it prefixes kubeconfig contexts.
        api_url: The advertised URL of the API, with a trailing slash as real servers write it;
            the address that the simulator listens on unless given.
        kubernetes_url: The advertised URL of the Kubernetes proxy.
        now: The server's clock, aware UTC. Faults and tests turn it.
        changed: Held while state changes; notified after every change that a follower may
            wait for. The one lock of the simulator.
    """

    account: str = "local"
    api_url: str = ""
    kubernetes_url: str = "https://127.0.0.1:8095/"
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    changed: threading.Condition = attrs.field(
        factory=lambda: threading.Condition(threading.RLock())
    )
    eula_accepted: bool = True
    break_glass_allowed: bool = False
    auth_enabled: bool = True
    suspended: bool = False
    audit_log_enabled: bool = True
    legacy: bool = False
    """Answer as Omni 1.2 does where that differs: TearDownLockedCluster exists."""
    image_factory: str = "https://factory.talos.dev"
    """URL of the image factory."""
    image_factory_pxe: str = "https://pxe.factory.talos.dev"
    image_factory_headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """What a download has to send along."""
    secrets: dict[str, Any] = attrs.field(factory=dict, repr=False)
    """Private keys of the server, made when first needed."""
    accounts: Accounts = attrs.field(init=False)
    audit: AuditLog = attrs.field(init=False)
    fleet: Fleet = attrs.field(init=False)

"""Finds out whether a set-up works, and when it does not, why, and what to do about it.

The calls are tried first, since what works needs no explanation. Only when they fail are network,
TLS and clock looked at from outside. How findings are shown is `commands/whoami.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import attrs

from omni_api.cli.network import is_local, obstacle, skew
from omni_api.errors import (
    CallError,
    DeadlineExceededError,
    InvalidKeyError,
    NotFoundError,
    OmniError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
)

if TYPE_CHECKING:
    from omni_api import TLS, OmniClient
    from omni_api.cli.session import Session
    from omni_api.config import Settings

__all__ = ["Finding", "findings"]

State = Literal["ok", "warning", "failed", "unknown"]

_SKEW_ALLOWED: Final = timedelta(minutes=5)
_EXPIRES_SOON: Final = {"ServiceAccountKey": timedelta(days=14), "UserKey": timedelta(minutes=15)}
_MAY: Final = {
    "None": "may do nothing but see who it is",
    "InfraProvider": "may do what infrastructure providers do: schematics and boot assets",
    "Reader": "may read clusters, machines and their logs",
    "Auditor": "may read what a Reader may, and the audit log",
    "Operator": "may read and change clusters and machines, but not read the audit log",
    "Admin": "may do everything, accounts, join tokens and the audit log included",
}


@attrs.frozen(kw_only=True)
class Finding:
    """What one check found.

    Attributes:
        check: What was looked at.
        state: How it is.
        found: What was seen.
        advice: What to do about it; empty where there is nothing to do.
        error: What went wrong, for the exit status.
    """

    check: str
    state: State
    found: str
    advice: str = ""
    error: OmniError | None = None


def findings(session: Session) -> Iterator[Finding]:
    """Check one thing after the other, and stop where going on makes no sense."""
    try:
        settings = session.settings()
        omni = session.client()
    except InvalidKeyError as error:
        yield Finding(check="key", state="failed", found=str(error), error=error)
        return
    except OmniError as error:
        yield Finding(
            check="settings",
            state="failed",
            found=str(error),
            advice="`omni-api whoami --help` says where they are looked for",
            error=error,
        )
        return
    yield Finding(check="settings", state="ok", found=f"from {settings.source}")
    yield _key(settings)
    began = datetime.now(UTC)
    try:
        # Every server has this, and every signature may call it, whatever the role.
        omni.management.omniconfig()
    except CallError as error:
        yield from _why(omni.endpoint, session.tls(settings), error)
        return
    took = datetime.now(UTC) - began
    yield _reached(omni.endpoint, took, insecure=session.insecure)
    yield Finding(
        check="clock",
        state="ok",
        found="right to within five minutes: the server took a signature with its time",
    )
    yield from _caller(omni)
    yield _server(omni)


def _key(settings: Settings) -> Finding:
    key = settings.auth
    found = f"{key.identity}, fingerprint {key.fingerprint}"
    if key.expires is None:
        return Finding(check="key", state="ok", found=found)
    left = key.expires - datetime.now(UTC)
    found += f", expires {key.expires:%Y-%m-%d %H:%M} UTC (in {_roughly(left)})"
    if left > _EXPIRES_SOON[type(key).__name__]:
        return Finding(check="key", state="ok", found=found)
    return Finding(
        check="key", state="warning", found=found, advice="renew it, or log in again, before then"
    )


def _reached(endpoint: str, took: timedelta, *, insecure: bool) -> Finding:
    found = f"{endpoint} answered in {took.total_seconds() * 1000:.0f} ms"
    if urlsplit(endpoint).scheme != "https":
        return Finding(
            check="endpoint",
            state="warning" if not is_local(endpoint) else "ok",
            found=f"{found}, not encrypted",
            advice="" if is_local(endpoint) else "use https:// where the server offers it",
        )
    if insecure:
        return Finding(
            check="endpoint",
            state="warning",
            found=f"{found}; its certificate was not checked",
            advice="pass its CA with --ca-file instead of --insecure",
        )
    return Finding(check="endpoint", state="ok", found=f"{found}; its certificate is trusted")


def _caller(omni: OmniClient) -> Iterator[Finding]:
    try:
        spec = omni.resources.get("CurrentUsers", "current", namespace="virtual").spec
    except (NotFoundError, PermissionDeniedError, UnimplementedError) as error:
        yield Finding(check="role", state="unknown", found=f"the server does not say: {error}")
        return
    role = str(spec.get("role", ""))
    yield Finding(check="identity", state="ok", found=str(spec.get("identity", "")))
    yield Finding(check="role", state="ok", found=f"{role}: {_MAY.get(role, 'a role of its own')}")


def _server(omni: OmniClient) -> Finding:
    try:
        spec = omni.resources.get("SysVersions", "current", namespace="ephemeral").spec
    except CallError as error:
        return Finding(check="server", state="unknown", found=f"it does not say: {error}")
    return Finding(
        check="server",
        state="ok",
        found=f"Omni {spec.get('backendversion', '')}, instance {spec.get('instancename', '')!r}",
    )


def _why(endpoint: str, tls: TLS, error: CallError) -> Iterator[Finding]:
    """Explain why the first call failed."""
    if isinstance(error, UnavailableError | DeadlineExceededError):
        yield _unreachable(endpoint, tls, error)
        return
    yield Finding(check="endpoint", state="ok", found=f"{endpoint} answers")
    if not isinstance(error, UnauthenticatedError):
        yield Finding(
            check="server", state="failed", found=error.details, advice=error.hint, error=error
        )
        return
    ahead = skew(endpoint, tls)
    if ahead is None:
        yield Finding(
            check="clock",
            state="unknown",
            found="the server does not tell its time; this machine has "
            f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, which must be right to within 5 minutes",
        )
    elif abs(ahead) > _SKEW_ALLOWED:
        direction = "behind" if ahead > timedelta() else "ahead of"
        yield Finding(
            check="clock",
            state="failed",
            found=f"this machine is {_roughly(abs(ahead))} {direction} the server",
            advice="set the clock, for example with NTP; the key may be fine",
            error=error,
        )
        return
    else:
        yield Finding(check="clock", state="ok", found="right to within five minutes")
    yield Finding(
        check="signature",
        state="failed",
        found=f"the server says {error.details!r}, which it says of every cause",
        advice="the key belongs to another Omni, was revoked or its account removed, or a login "
        "was never confirmed: make a new key, or log in again"
        + (", after you have looked at the clock" if ahead is None else ""),
        error=error,
    )


def _unreachable(endpoint: str, tls: TLS, error: CallError) -> Finding:
    seen = obstacle(endpoint, tls)
    check, found, advice = seen or ("endpoint", f"{endpoint}: {error.details}", "")
    return Finding(
        check=check, state="failed", found=found, advice=advice or error.hint, error=error
    )


def _roughly(time: timedelta) -> str:
    seconds = time.total_seconds()
    for name, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(seconds, 0):.0f} seconds"


def records(found: Finding) -> Mapping[str, str]:
    """Return a finding as JSON and YAML show it."""
    return {
        "check": found.check,
        "state": found.state,
        "found": found.found,
        "advice": found.advice,
    }

"""What a handler of the simulator sees: the caller, the call, and how to refuse it.

A handler is a plain function `handler(call, request)`: unary ones return the response message,
streaming ones are generators of messages. They are found by rpc name in the modules' `HANDLERS`
(full method path -> function). Signature, EULA and faults were dealt with before a handler runs;
roles are the handler's business, because the real server checks them at a different point in
each rpc.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import grpc

if TYPE_CHECKING:
    from omni_api.simulator._state import Omni

ROLES = ("None", "InfraProvider", "Reader", "Auditor", "Operator", "Admin")
"""Omni's roles, least first."""


class Refused(Exception):  # noqa: N818 - what the server says, not a fault of the simulator
    """The answer to this call is an error status."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(f"{code.name} {message}")
        self.code = code
        self.message = message


def invalid(message: str) -> Refused:
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def unknown(message: str) -> Refused:
    """A plain Go error: the server has no code for it."""
    return Refused(grpc.StatusCode.UNKNOWN, message)


def not_found(message: str) -> Refused:
    return Refused(grpc.StatusCode.NOT_FOUND, message)


def failed_precondition(message: str) -> Refused:
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, message)


@attrs.frozen(kw_only=True)
class Caller:
    """Who signed the call: taken from the stored key, never from the header."""

    identity: str
    """Full identity, for example `automation@serviceaccount.omni.sidero.dev`; "" when unsigned."""
    user_id: str
    role: str
    """The effective role: the lower of the user's and the key's."""
    fingerprint: str

    @property
    def signed(self) -> bool:
        return bool(self.fingerprint)


@attrs.frozen(kw_only=True)
class Call:
    """One call being answered."""

    omni: Omni
    path: str
    caller: Caller
    metadata: Mapping[str, tuple[str, ...]]
    """All values of each metadata key, in order."""
    is_active: Callable[[], bool]
    """False once the client cancelled, its deadline passed, or the server stops."""
    begun: float = attrs.field(factory=time.monotonic, eq=False)
    """When the server took the call up, in monotonic seconds."""
    audit_data: dict[str, dict[str, Any]] = attrs.field(factory=dict, repr=False, eq=False)
    """What this call's audit events said so far: one request shares one data object."""

    @property
    def cluster(self) -> str:
        """The cluster named in the metadata: `cluster` first, then `context`; "" without."""
        for key in ("cluster", "context"):
            if values := self.metadata.get(key):
                return values[0]
        return ""

    @property
    def user_agent(self) -> str:
        return self.metadata.get("user-agent", ("",))[0]

    def require_signature(self) -> None:
        if not self.caller.signed:
            raise Refused(
                grpc.StatusCode.UNAUTHENTICATED, "unauthenticated: missing valid signature"
            )

    def require(self, role: str) -> None:
        """Refuse callers below `role`."""
        self.require_signature()
        if ROLES.index(self.caller.role) < ROLES.index(role):
            raise Refused(
                grpc.StatusCode.PERMISSION_DENIED,
                f'unauthorized: access denied: insufficient role: "{self.caller.role}"',
            )

    def require_one_of(self, *roles: str) -> None:
        """Refuse callers whose role is not exactly one of `roles` (given least first)."""
        self.require_signature()
        if self.caller.role not in roles:
            raise Refused(
                grpc.StatusCode.PERMISSION_DENIED,
                f'unauthorized: role "{self.caller.role}" is not one of the allowed roles '
                f"[{' '.join(roles)}]",
            )

    def wait_until(self, happened: Callable[[], bool]) -> bool:
        """Wait until `happened()` or the call ends; True when it happened.

        Woken whenever `omni.changed` is notified; looks at the call itself five times a second,
        since gRPC tells a handler of a cancellation only when asked.
        """
        with self.omni.changed:
            while not happened():
                if not self.is_active():
                    return False
                self.omni.changed.wait(0.2)
        return True


Handler = Callable[[Call, Any], Any]
Messages = Iterator[Any] | Iterable[Any]

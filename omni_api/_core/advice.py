"""What to do next, for each answer that a caller can do something about. Pure text."""

from __future__ import annotations

import re

import grpc

from omni_api._core.call import Method

_ROLE = re.compile(r'role:? "(\w+)"')
_ROLES = ("None", "InfraProvider", "Reader", "Auditor", "Operator", "Admin")  # the least first
_UNTRUSTED = (
    "CERTIFICATE_VERIFY_FAILED",
    "certificate verify failed",
    "Hostname Verification Check failed",
    "Failed to create security handshaker",
    "Peer name",
    "handshake failed",
)

_BY_CODE = {
    grpc.StatusCode.UNAUTHENTICATED: (
        "Omni has one text for every cause: check that the key belongs to this endpoint and was "
        "not revoked, that it has not expired, and that this machine's clock is right to within "
        "five minutes"
    ),
    grpc.StatusCode.UNAVAILABLE: (
        "Check the endpoint, the network, a proxy named by https_proxy, and whether the server runs"
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        "Pass a longer timeout, or find out why the server is slow"
    ),
}


def untrusted(details: str) -> bool:
    """Whether a failure to connect is about TLS, which no further attempt will mend."""
    return any(text in details for text in _UNTRUSTED)


def advice(method: Method[object], code: grpc.StatusCode, details: str) -> str:
    """Return one or two sentences for the caller, or the empty text."""
    if code is grpc.StatusCode.PERMISSION_DENIED:
        return _permitted(method, details)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        lived = f"from Omni {method.since}" + (f" to {method.until}" if method.until else "")
        return f"{method.name} exists {lived}; this server answers that it does not have it"
    if code is grpc.StatusCode.FAILED_PRECONDITION and "EULA" in details:
        return "Somebody has to accept the licence in the web interface first"
    if code is grpc.StatusCode.UNAVAILABLE and untrusted(details):
        return (
            "TLS failed: pass the CA of the server as tls=TLS(ca_file=...) or --ca-file, or check "
            "that the endpoint's name is the one in its certificate and that it speaks TLS at all"
        )
    return _BY_CODE.get(code, "")


def _permitted(method: Method[object], details: str) -> str:
    """Say who may do what was denied."""
    if details == "not allowed":  # only Kubeconfig and Talosconfig say so
        return (
            "This server gives out no such config: break-glass has to be enabled in its settings, "
            "and raw ones come from debug builds"
        )
    found = _ROLE.search(details)
    if found is None:
        return ""
    role = found[1]
    if role in _ROLES and method.role in _ROLES[: _ROLES.index(role) + 1]:
        return (
            f"The key has role {role}, which is enough for {method.name}, but not with these "
            "arguments. Use a key with a higher role"
        )
    return (
        f"The key has role {role}; {method.name} needs {_needed(method)}. Use a key with that role"
    )


def _needed(method: Method[object]) -> str:
    if isinstance(method.role, tuple):
        return " or ".join(method.role)
    if method.role in {"signed", "unsigned"}:
        return "another role"
    return "Admin" if method.role == "Admin" else f"{method.role} or higher"

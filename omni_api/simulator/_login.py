"""The interactive login: a key is registered, a browser confirms it, the client waits.

There is no browser here. A test plays it with `Simulator.confirm_login`, or calls
ConfirmPublicKey with `authorization: Bearer sim:<e-mail>`, which stands for a valid token of a
user with that verified e-mail.
"""

from __future__ import annotations

import time
from typing import Any

import grpc

from omni_api._gen import auth_pb2
from omni_api._gen._pool import message_class
from omni_api.simulator._account_rpcs import parse_role
from omni_api.simulator._call import Call, Handler, Refused, invalid, unknown
from omni_api.simulator._state import Omni
from omni_api.simulator._verify import USER_KEY_LIFETIME, import_key

_EMPTY = message_class("google.protobuf.Empty")
TOKEN_PREFIX = "Bearer sim:"  # noqa: S105 - the mark of a pretended token


def _register(call: Call, request: Any) -> Any:
    if request.public_key.webauthn_data:
        raise Refused(grpc.StatusCode.UNIMPLEMENTED, "unimplemented")
    if not request.public_key.pgp_data:
        raise invalid("no public key data provided")
    omni, accounts = call.omni, call.omni.accounts
    armored = bytes(request.public_key.pgp_data)
    certificate = import_key(armored, longest=USER_KEY_LIFETIME, now=omni.now())
    email = request.identity.email.lower()
    with omni.changed:
        identity = accounts.identities.get(email)
        # The answer for an unknown e-mail is the same, so that nobody can probe for users.
        if identity is not None:
            role = accounts.users[identity.user_id].role
            if request.skip_user_role:
                role = _key_role(request.role)
            if certificate.fingerprint not in accounts.keys:
                key = accounts.new_key(
                    certificate,
                    armored=armored.decode(errors="replace"),
                    identity=email,
                    user_id=identity.user_id,
                    role=role,
                )
                key.confirmed = False
                accounts.keys[key.id] = key
                accounts.record_key(call, "create", key)
                omni.changed.notify_all()
    return auth_pb2.RegisterPublicKeyResponse(
        login_url=f"{omni.api_url.rstrip('/')}/authenticate?flow=cli"
        f"&public-key-id={certificate.fingerprint}",
        public_key_id=certificate.fingerprint,
    )


def _key_role(role: str) -> str:
    try:
        return parse_role(role)
    except Refused as refused:
        raise unknown(f"failed to parse role for public key: {refused.message}") from None


def _await_confirmation(call: Call, request: Any) -> Any:
    omni = call.omni
    patience = omni.accounts.confirmation_timeout
    started, clock = time.monotonic(), omni.now()

    def confirmed() -> bool:
        key = omni.accounts.keys.get(request.public_key_id)
        return key is not None and key.confirmed

    def over() -> bool:
        # Whichever comes first: a test turns the server's clock, nobody can turn the other.
        waited = time.monotonic() - started
        return waited >= patience.total_seconds() or omni.now() - clock >= patience

    if call.wait_until(lambda: confirmed() or over()) and not confirmed():
        raise Refused(grpc.StatusCode.DEADLINE_EXCEEDED, "context deadline exceeded")
    return _EMPTY()


def _confirm(call: Call, request: Any) -> Any:
    token = call.metadata.get("authorization", ("",))[0]
    if not token:
        raise unknown("unauthenticated: missing verified email")
    if not token.startswith(TOKEN_PREFIX):
        raise Refused(grpc.StatusCode.UNAUTHENTICATED, "invalid jwt")
    if not request.public_key_id:
        raise invalid("public key id is required")
    confirm(call.omni, request.public_key_id, token.removeprefix(TOKEN_PREFIX), call)
    return _EMPTY()


def confirm(omni: Omni, public_key_id: str, email: str, call: Call | None) -> None:
    """Confirm a registered key as the user with this e-mail.

    Raises:
        Refused: The user or the key is unknown, or the key is another user's.
    """
    email = email.lower()
    with omni.changed:
        if email not in omni.accounts.identities:
            text = f'The identity "{email}" is not authorized for this instance'
            raise Refused(grpc.StatusCode.PERMISSION_DENIED, text)
        key = omni.accounts.keys.get(public_key_id)
        if key is None:
            raise Refused(grpc.StatusCode.PERMISSION_DENIED, "permission denied")
        if key.identity != email:
            raise unknown("public key <> id mismatch")
        if not key.confirmed:
            key.confirmed = True
            omni.accounts.record_key(call, "update", key)
        omni.changed.notify_all()


def _revoke(call: Call, request: Any) -> Any:
    call.require_signature()
    accounts = call.omni.accounts
    with call.omni.changed:
        key = accounts.keys.get(request.public_key_id)
        if key is None or key.identity != call.caller.identity:
            raise Refused(grpc.StatusCode.PERMISSION_DENIED, "permission denied")
        for event in ("teardown", "destroy"):
            accounts.record_key(call, event, key)
        del accounts.keys[key.id]
        call.omni.changed.notify_all()
    return _EMPTY()


_SERVICE = "/auth.AuthService/"
HANDLERS: dict[str, Handler] = {
    _SERVICE + "RegisterPublicKey": _register,
    _SERVICE + "AwaitPublicKeyConfirmation": _await_confirmation,
    _SERVICE + "ConfirmPublicKey": _confirm,
    _SERVICE + "RevokePublicKey": _revoke,
}

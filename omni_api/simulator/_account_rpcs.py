"""The rpcs over users and service accounts: codes, texts and order of checks as recorded.

Many of the codes are odd (a duplicate user is UNKNOWN, a duplicate service account is
ALREADY_EXISTS); that is how the server answers, and clients have to live with it.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import grpc

from omni_api._gen import management_pb2
from omni_api._gen._pool import message_class
from omni_api.simulator._accounts import (
    IDENTITIES,
    INFRA_PROVIDER_PREFIX,
    PUBLIC_KEYS,
    Identity,
    PublicKey,
    full_id,
    short_name,
)
from omni_api.simulator._call import ROLES, Call, Handler, Refused, invalid, not_found, unknown
from omni_api.simulator._go import id_faults, multiple
from omni_api.simulator._verify import SERVICE_ACCOUNT_KEY_LIFETIME, import_key, is_email

_EMPTY = message_class("google.protobuf.Empty")


def parse_role(role: str) -> str:
    """Return the role, or refuse one that Omni does not have."""
    if role not in ROLES:
        raise unknown(f'unknown role to parse: "{role}"')
    return role


def _create_service_account(call: Call, request: Any) -> Any:
    call.require("Admin")
    infra_provider = request.name.startswith(INFRA_PROVIDER_PREFIX)
    if request.use_user_role:
        if infra_provider:
            raise unknown(
                'infra provider service accounts must have the role "InfraProvider", '
                "but use-user-role was requested"
            )
        role = call.caller.role
    else:
        role = parse_role(request.role)
        if infra_provider and role != "InfraProvider":
            raise unknown('infra-provider service accounts must have the role "InfraProvider"')
        if role == "InfraProvider" and not infra_provider:
            raise unknown(
                'service accounts with role "InfraProvider" must be prefixed with "infra-provider:"'
            )
    accounts = call.omni.accounts
    identity = full_id(request.name)
    with call.omni.changed:
        if identity in accounts.identities:
            raise Refused(
                grpc.StatusCode.ALREADY_EXISTS, f'service account "{identity}" already exists'
            )
        key = _import(call, request.armored_pgp_public_key, identity, role)
        if key.id in accounts.keys:
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, _duplicate_key(key.id))
        # The key is stored first and stays when the identity is refused, as on a real server.
        key.user_id = str(uuid.uuid4())
        accounts.keys[key.id] = key
        accounts.record_key(call, "create", key)
        faults = id_faults(identity)
        if identity != identity.lower():
            faults.append("must be lowercase")
        if faults:
            raise invalid(f"failed to validate: {multiple(faults)}")
        user = accounts.add_account(identity, role, is_service_account=True, user_id=key.user_id)
        accounts.record_account(call, ("create",), accounts.identities[identity], user)
        call.omni.changed.notify_all()
    return management_pb2.CreateServiceAccountResponse(public_key_id=key.id)


def _renew_service_account(call: Call, request: Any) -> Any:
    call.require("Admin")
    accounts = call.omni.accounts
    with call.omni.changed:
        identity = accounts.identities.get(full_id(request.name))
        if identity is None:
            raise unknown(_no_identity(full_id(request.name)))
        user = accounts.users[identity.user_id]
        key = _import(call, request.armored_pgp_public_key, identity.email, user.role)
        if key.id in accounts.keys:
            raise unknown(_duplicate_key(key.id))
        key.user_id = user.id
        accounts.keys[key.id] = key
        accounts.record_key(call, "create", key)
        call.omni.changed.notify_all()
    return management_pb2.RenewServiceAccountResponse(public_key_id=key.id)


def _import(call: Call, armored: str, identity: str, role: str) -> PublicKey:
    """Check a service account's new key; the caller stores it."""
    certificate = import_key(armored, longest=SERVICE_ACCOUNT_KEY_LIFETIME, now=call.omni.now())
    return call.omni.accounts.new_key(
        certificate, armored=armored, identity=identity, user_id="", role=role
    )


def _list_service_accounts(call: Call, _request: Any) -> Any:
    call.require("Admin")
    accounts = call.omni.accounts
    response = management_pb2.ListServiceAccountsResponse()
    with call.omni.changed:
        for identity in sorted(accounts.identities.values(), key=lambda one: one.email):
            if not identity.is_service_account:
                continue
            row = response.service_accounts.add(
                name=short_name(identity.email),
                role=accounts.users[identity.user_id].role,
                last_active=_seconds_text(identity.last_active),
            )
            for key in accounts.keys_of(identity.email):
                cell = row.pgp_public_keys.add(id=key.id, armored=key.armored)
                cell.expiration.FromDatetime(key.expiration)
                cell.created.FromDatetime(key.created)
                if key.last_used is not None:
                    cell.last_used.FromDatetime(key.last_used)
    return response


def _destroy_service_account(call: Call, request: Any) -> Any:
    call.require("Admin")
    email = full_id(request.name)
    if email == call.caller.identity:
        raise invalid("destroying your own service account is not allowed")
    with call.omni.changed:
        identity = call.omni.accounts.identities.get(email)
        if identity is None or not identity.is_service_account:
            raise not_found(f'service account "{request.name}" not found')
        _destroy(call, identity)
    return _EMPTY()


def _create_user(call: Call, request: Any) -> Any:
    call.require("Admin")
    email, role = request.email.lower(), parse_role(request.role)
    accounts = call.omni.accounts
    with call.omni.changed:
        if email in accounts.identities:
            raise unknown(f'user with email "{email}" already exists')
        faults = id_faults(email)
        if not is_email(email):
            faults.append(f"not a valid email address: {email}")
        if faults:
            text = multiple(faults)
            raise invalid(f"failed to create Identity resource {email}: failed to validate: {text}")
        user = accounts.add_account(email, role)
        accounts.record_account(call, ("create",), accounts.identities[email], user)
        call.omni.changed.notify_all()
    return management_pb2.CreateUserResponse(user_id=user.id)


def _list_users(call: Call, _request: Any) -> Any:
    call.require("Admin")
    accounts = call.omni.accounts
    with call.omni.changed:
        return management_pb2.ListUsersResponse(
            users=[
                management_pb2.ListUsersResponse.User(
                    id=identity.user_id,
                    email=identity.email,
                    role=accounts.users[identity.user_id].role,
                    last_active=_seconds_text(identity.last_active),
                )
                for identity in sorted(accounts.identities.values(), key=lambda one: one.email)
                if not identity.is_service_account
            ]
        )


def _update_user(call: Call, request: Any) -> Any:
    call.require("Admin")
    email = request.email.lower()
    if email == call.caller.identity:
        raise invalid("updating your own role is not allowed")
    accounts = call.omni.accounts
    with call.omni.changed:
        identity = accounts.identities.get(email)
        if identity is None:
            raise not_found(_no_identity(email))
        role = parse_role(request.role)
        user = accounts.users[identity.user_id]
        # An update that changes nothing leaves no trace in the audit log.
        if user.role != role:
            user.role = role
            accounts.record_user(call, "update_with_conflicts", user)
            call.omni.changed.notify_all()
    return _EMPTY()


def _destroy_user(call: Call, request: Any) -> Any:
    call.require("Admin")
    email = request.email.lower()
    if email == call.caller.identity:
        raise invalid("destroying your own account is not allowed")
    with call.omni.changed:
        identity = call.omni.accounts.identities.get(email)
        if identity is None:
            raise not_found(f'user "{email}" not found')
        if identity.is_service_account:
            raise invalid(f'identity "{email}": identity is a service account, not a user')
        _destroy(call, identity)
    return _EMPTY()


def _destroy(call: Call, identity: Identity) -> None:
    accounts = call.omni.accounts
    for key in accounts.keys_of(identity.email):
        for event in ("teardown", "destroy"):
            accounts.record_key(call, event, key)
        del accounts.keys[key.id]
    user = accounts.users.pop(identity.user_id)
    del accounts.identities[identity.email]
    accounts.record_account(call, ("teardown", "destroy"), identity, user)
    call.omni.changed.notify_all()


def _no_identity(email: str) -> str:
    return f"failed to get: resource {IDENTITIES}(default/{email}@undefined) doesn't exist"


def _duplicate_key(fingerprint: str) -> str:
    return (
        f"failed to create: resource {PUBLIC_KEYS}(default/{fingerprint}@undefined) already exists"
    )


def _seconds_text(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


_SERVICE = "/management.ManagementService/"
HANDLERS: dict[str, Handler] = {
    _SERVICE + "CreateServiceAccount": _create_service_account,
    _SERVICE + "RenewServiceAccount": _renew_service_account,
    _SERVICE + "ListServiceAccounts": _list_service_accounts,
    _SERVICE + "DestroyServiceAccount": _destroy_service_account,
    _SERVICE + "CreateUser": _create_user,
    _SERVICE + "ListUsers": _list_users,
    _SERVICE + "UpdateUser": _update_user,
    _SERVICE + "DestroyUser": _destroy_user,
}

"""Who may call: users, service accounts, their identities and public keys.

Three tables as in Omni: a user has a role, an identity is an e-mail that belongs to a user, and
a public key belongs to an identity. Service accounts are users whose identity ends in one of
two reserved domains. The rpcs over these tables are in `_account_rpcs` and `_login`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs
import grpc

from omni_api.simulator._call import ROLES, Call, Caller, Refused
from omni_api.simulator._verify import SIGNATURE, InvalidSignature, check_call, signature_fields

if TYPE_CHECKING:
    from omni_api.simulator._openpgp_keys import Certificate
    from omni_api.simulator._state import Omni

_log = logging.getLogger("omni_api")

SERVICE_ACCOUNT_DOMAIN = "@serviceaccount.omni.sidero.dev"
INFRA_PROVIDER_DOMAIN = "@infra-provider.serviceaccount.omni.sidero.dev"
INFRA_PROVIDER_PREFIX = "infra-provider:"
PUBLIC_KEYS = "PublicKeys.omni.sidero.dev"
IDENTITIES = "Identities.omni.sidero.dev"
USERS = "Users.omni.sidero.dev"
DEBOUNCE = timedelta(minutes=1)

# A signature on these is verified when present, so signing a registration with the key that is
# being registered fails, as it does on a real server.
UNSIGNED_PATHS = frozenset(
    f"/auth.AuthService/{name}"
    for name in ("RegisterPublicKey", "AwaitPublicKeyConfirmation", "ConfirmPublicKey")
)
NOBODY = Caller(identity="", user_id="", role="None", fingerprint="")


def full_id(name: str) -> str:
    """The identity of the service account called `name`."""
    if name.startswith(INFRA_PROVIDER_PREFIX):
        return name.removeprefix(INFRA_PROVIDER_PREFIX) + INFRA_PROVIDER_DOMAIN
    return name + SERVICE_ACCOUNT_DOMAIN


def short_name(identity: str) -> str:
    """The inverse of `full_id`."""
    if identity.endswith(INFRA_PROVIDER_DOMAIN):
        return INFRA_PROVIDER_PREFIX + identity.removesuffix(INFRA_PROVIDER_DOMAIN)
    return identity.removesuffix(SERVICE_ACCOUNT_DOMAIN)


def known_user_id(email: str) -> str:
    """The user id of an account that the simulator makes itself, the same at every start."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"omni-simulator:{email}"))


@attrs.define(kw_only=True, eq=False)
class User:
    """A row of Users: the role of one account."""

    id: str
    role: str
    created: datetime


@attrs.define(kw_only=True, eq=False)
class Identity:
    """A row of Identities: the name of one account."""

    email: str
    user_id: str
    is_service_account: bool
    created: datetime
    last_active: datetime | None = None


@attrs.define(kw_only=True, eq=False)
class PublicKey:
    """A row of PublicKeys; its id is the fingerprint."""

    id: str
    armored: str = attrs.field(repr=False)
    certificate: Certificate = attrs.field(repr=False)
    identity: str
    user_id: str
    role: str
    created: datetime
    expiration: datetime
    confirmed: bool
    last_used: datetime | None = None


def effective_role(user_role: str, key_role: str) -> str:
    """The lower of both; Auditor only when both sides may read the audit log."""
    lower = min(user_role, key_role, key=ROLES.index)
    readers_of_the_log = {"Auditor", "Admin"}
    if lower == "Auditor" and not {user_role, key_role} <= readers_of_the_log:
        return "Reader"
    return lower


@attrs.define(eq=False)
class Accounts:
    """The account tables, and the check of a call's signature against them."""

    omni: Omni
    users: dict[str, User] = attrs.field(factory=dict, init=False)
    """By user id."""
    identities: dict[str, Identity] = attrs.field(factory=dict, init=False)
    """By e-mail."""
    keys: dict[str, PublicKey] = attrs.field(factory=dict, init=False)
    """By fingerprint, unconfirmed keys included."""
    confirmation_timeout: timedelta = attrs.field(default=timedelta(minutes=5), init=False)
    """How long AwaitPublicKeyConfirmation blocks."""

    def add_account(
        self,
        email: str,
        role: str,
        *,
        is_service_account: bool = False,
        user_id: str = "",
    ) -> User:
        """Store a user and its identity; the user id is random unless given."""
        now = self.omni.now()
        user = User(id=user_id or str(uuid.uuid4()), role=role, created=now)
        self.users[user.id] = user
        self.identities[email] = Identity(
            email=email, user_id=user.id, is_service_account=is_service_account, created=now
        )
        return user

    def new_key(
        self, certificate: Certificate, *, armored: str, identity: str, user_id: str, role: str
    ) -> PublicKey:
        """Make a row of PublicKeys, confirmed, without storing it."""
        expires = certificate.created + certificate.lifetime
        return PublicKey(
            id=certificate.fingerprint,
            armored=armored,
            certificate=certificate,
            identity=identity,
            user_id=user_id,
            role=role,
            created=self.omni.now(),
            expiration=datetime.fromtimestamp(expires, UTC),
            confirmed=True,
        )

    def keys_of(self, identity: str) -> list[PublicKey]:
        """The keys of one identity, oldest first."""
        found = [key for key in self.keys.values() if key.identity == identity]
        return sorted(found, key=lambda key: (key.created, key.id))

    def record_key(self, call: Call | None, event: str, key: PublicKey) -> None:
        """Write a key's audit event. Its session speaks of the key that is being managed."""
        session = {
            "user_id": key.user_id,
            "role": key.role,
            "email": key.identity,
            "fingerprint": key.id,
            "public_key_expiration": int(key.expiration.timestamp()),
        }
        self.omni.audit.record(
            call, event, resource_type=PUBLIC_KEYS, resource_id=key.id, session=session
        )

    def record_account(
        self, call: Call | None, events: tuple[str, ...], identity: Identity, user: User
    ) -> None:
        """Write the audit events of an identity, then those of its user."""
        for event in events:
            new_user = {
                "id": user.id,
                "email": identity.email,
                "is_service_account": identity.is_service_account,
            }
            self.omni.audit.record(
                call,
                event,
                resource_type=IDENTITIES,
                resource_id=identity.email,
                data={"new_user": new_user},
            )
        for event in events:
            self.record_user(call, event, user)

    def record_user(self, call: Call | None, event: str, user: User) -> None:
        """Write the audit event of a user."""
        self.omni.audit.record(
            call,
            event,
            resource_type=USERS,
            resource_id=user.id,
            data={"new_user": {"role": user.role, "id": user.id}},
        )

    def authenticate(
        self, path: str, metadata: Mapping[str, tuple[str, ...]], *, unsigned_allowed: bool
    ) -> Caller:
        """Return who signed the call, and note that they were active.

        Raises:
            Refused: UNAUTHENTICATED, with one text for every cause.
        """
        if not self.omni.auth_enabled:
            return attrs.evolve(NOBODY, role="Admin", fingerprint="authentication-disabled")
        if unsigned_allowed and SIGNATURE not in metadata:
            return NOBODY
        try:
            key, user = self._signer(path, metadata)
        except InvalidSignature as cause:
            # As on a real server the cause stays in the server's log.
            _log.debug("simulator: %s refused: %s", path, cause)
            raise Refused(grpc.StatusCode.UNAUTHENTICATED, "invalid signature") from None
        role = "Reader" if self.omni.suspended else effective_role(user.role, key.role)
        self._touch(key)
        return Caller(identity=key.identity, user_id=user.id, role=role, fingerprint=key.id)

    def _signer(self, path: str, metadata: Mapping[str, tuple[str, ...]]) -> tuple[PublicKey, User]:
        fingerprint, detached = signature_fields(metadata)
        key = self.keys.get(fingerprint)
        if key is None:
            msg = f"no key {fingerprint!r}"
            raise InvalidSignature(msg)
        now = self.omni.now()
        # Unlike the timestamp, the expiry gets no allowance for skewed clocks.
        if not key.confirmed or key.expiration <= now:
            msg = f"key {key.id} is {'expired' if key.confirmed else 'not confirmed'}"
            raise InvalidSignature(msg)
        user = self.users.get(key.user_id)
        if user is None or key.identity not in self.identities:
            msg = f"the user of key {key.id} is gone"
            raise InvalidSignature(msg)
        check_call(
            path=path,
            metadata=metadata,
            certificate=key.certificate,
            detached=detached,
            now=now,
        )
        return key, user

    def _touch(self, key: PublicKey) -> None:
        """Note the activity, at most once a minute as the server does."""
        now = self.omni.now()
        if key.last_used is None or now - key.last_used >= DEBOUNCE:
            key.last_used = now
        identity = self.identities.get(key.identity)
        if identity and (identity.last_active is None or now - identity.last_active >= DEBOUNCE):
            identity.last_active = now

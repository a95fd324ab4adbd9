"""Keys: who signs the calls. Service accounts carry theirs in a variable, people in a file.

Both hold an OpenPGP key and sign with it; how a call is signed is decided in `_core/signing.py`.
Neither shows its private part in a repr, an error or a log.
"""

from __future__ import annotations

import base64
import json
import platform
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import attrs
import pysequoia

from omni_api._core import endpoint as endpoints
from omni_api._core.armor import is_intact
from omni_api._core.durations import Seconds, to_seconds
from omni_api.errors import (
    DamagedKeyError,
    ExpiredKeyError,
    ForeignKeyError,
    InvalidInputError,
    LockedKeyError,
)

__all__ = ["LONGEST_LIFETIME", "ServiceAccountKey", "UserKey"]

LONGEST_LIFETIME = timedelta(days=365)
"""What a server accepts at most for the key of a service account (Omni 1.10)."""

_INFRA_PROVIDER = "infra-provider:"
_NAME = re.compile(r"(infra-provider:)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
# pysequoia dates a new key one minute back, so that it is valid on clocks that are a bit behind.
_BACKDATED = timedelta(minutes=1)


@attrs.frozen(kw_only=True)
class _Pair:
    """An OpenPGP key that is able to sign."""

    fingerprint: str
    expires: datetime | None
    armored_public_key: str = attrs.field(repr=False)
    armored_private_key: str = attrs.field(repr=False)
    user_ids: tuple[str, ...]
    signer: pysequoia.PySigner = attrs.field(repr=False, eq=False)

    @classmethod
    def parse(cls, armored: str, *, source: str) -> Self:
        """Read an armored private key and tell apart what can be wrong with it.

        The library's errors are cut to their first line and not chained: the rest is a stack
        trace of its native code.
        """
        if not is_intact(armored):
            raise DamagedKeyError(f"{source} does not agree with its checksum: it was mistyped")
        try:
            key = pysequoia.Tsk.from_bytes(armored.encode(errors="replace"))
            public = key.extract_certificate()
            expires, revoked = public.expiration, public.is_revoked
        except (RuntimeError, ValueError, AttributeError) as error:
            raise DamagedKeyError(
                f"{source} is no OpenPGP private key: {_first_line(error)}"
            ) from None
        if expires is not None and expires <= datetime.now(UTC):
            raise ExpiredKeyError(
                f"{source} expired at {expires:%Y-%m-%d %H:%M:%S} UTC; "
                "log in again, or renew the service account"
            )
        if revoked:
            raise ExpiredKeyError(
                f"{source} was revoked; log in again, or renew the service account"
            )
        if "PRIVATE KEY" not in armored:
            raise ForeignKeyError(
                f"{source} holds a public key only; signing needs the private one"
            )
        try:
            signer = key.signer()
        except RuntimeError as error:
            reason = _first_line(error)
            if "encrypted" in reason:
                raise LockedKeyError(
                    f"{source} is locked with a passphrase; Omni's tools write keys without one, "
                    "so make a new key"
                ) from None
            raise ForeignKeyError(f"{source} cannot sign: {reason}") from None
        return cls(
            fingerprint=public.fingerprint,
            expires=expires,
            armored_public_key=str(public),
            armored_private_key=armored,
            user_ids=tuple(str(user_id) for user_id in public.user_ids),
            signer=signer,
        )

    def sign(self, data: bytes) -> bytes:
        return pysequoia.sign(self.signer, data, mode=pysequoia.SignatureMode.DETACHED, armor=False)


def _decoded(value: str) -> dict[str, object] | None:
    """Return the JSON object in the value of the variable, None where there is none.

    No error leaves here: the library's would carry the key along, as cause or context of ours.
    """
    try:
        text = base64.b64decode(value.strip().replace("\r", "").replace("\n", ""), validate=True)
        fields: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


@attrs.frozen(init=False, eq=False)
class ServiceAccountKey:
    """The key of a service account: what `OMNI_SERVICE_ACCOUNT_KEY` holds.

    Attributes:
        name: Name of the account as the key has it: `ci`, the full identity
            `ci@serviceaccount.omni.sidero.dev`, or `infra-provider:aws-1`.
        fingerprint: Fingerprint of the key, 40 lower-case hex digits; its id on the server.
        expires: When the key expires, aware UTC; None for never (no server accepts that).

    Example:
        >>> from datetime import timedelta
        >>> from omni_api import ServiceAccountKey
        >>> key = ServiceAccountKey.generate("ci", lifetime=timedelta(days=90))
        >>> key.name, len(key.fingerprint)
        ('ci', 40)
        >>> ServiceAccountKey.decode(key.encode()).fingerprint == key.fingerprint
        True
    """

    name: str
    _pair: _Pair = attrs.field(repr=False)

    def __init__(self, name: str, pair: _Pair) -> None:
        self.__attrs_init__(name, pair)

    @classmethod
    def generate(cls, name: str, lifetime: Seconds = LONGEST_LIFETIME) -> Self:
        """Make a new key. Nothing is sent; the server knows it after `service_accounts.create`.

        Args:
            name: Name of the account: lower-case letters, digits, `.`, `_`, `-`, or
                `infra-provider:` and such a name.
            lifetime: How long the key is valid, in seconds or as a timedelta: at most 365 days,
                which is the default (a server refuses longer ones: recorded from Omni 1.10).

        Returns:
            The key, able to sign.

        Raises:
            InvalidInputError: `name` or `lifetime` is not allowed.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidInputError(
                "name must be lower-case letters, digits, '.', '_' or '-' "
                f"(after 'infra-provider:' for an infrastructure provider), not {name!r}"
            )
        seconds = to_seconds("lifetime", lifetime)
        longest = LONGEST_LIFETIME.total_seconds()
        if not 1 <= seconds <= longest:
            raise InvalidInputError(f"lifetime must be from one second to 365 days, not {lifetime}")
        base = name.removeprefix(_INFRA_PROVIDER)
        domain = "serviceaccount.omni.sidero.dev"
        if base != name:
            domain = f"infra-provider.{domain}"
        machine = f"{platform.system().lower()}/{platform.machine().lower()}"
        key = pysequoia.Tsk.generate(
            user_id=f"{base} ({machine}) <{base}@{domain}>",
            profile=pysequoia.Profile.RFC4880,
            validity_seconds=int(min(seconds + _BACKDATED.total_seconds(), longest)),
        )
        return cls(name, _Pair.parse(str(key), source="the new key"))

    @classmethod
    def decode(cls, value: str) -> Self:
        """Read the value of the environment variable.

        Args:
            value: Base64 of the JSON that `encode()`, Omni's web interface and `omnictl` give.
                Line breaks inside are allowed, as they are in the official client.

        Raises:
            DamagedKeyError: The value is cut off, mistyped or no key at all.
            ExpiredKeyError: The key's lifetime is over, or it was revoked.
            LockedKeyError: The key has a passphrase.
            ForeignKeyError: There is no private part.
        """
        if not isinstance(value, str):
            raise DamagedKeyError(f"a service account key is a str, not {type(value).__name__}")
        fields = _decoded(value)
        if fields is None:
            raise DamagedKeyError(
                f"the service account key ({len(value)} characters) is not base64 of a JSON "
                "object: it was cut off or mistyped"
            )
        name, armored = fields.get("name"), fields.get("pgp_key")
        if not isinstance(name, str) or not isinstance(armored, str):
            raise DamagedKeyError(
                "the service account key is no JSON object with 'name' and 'pgp_key' as text"
            )
        return cls(name, _Pair.parse(armored, source=f"the key of service account {name!r}"))

    def encode(self) -> str:
        """Return the value for `OMNI_SERVICE_ACCOUNT_KEY`. It is the secret: store it safely."""
        fields = {"name": self.name, "pgp_key": self._pair.armored_private_key}
        return base64.b64encode(json.dumps(fields).encode()).decode("ascii")

    def variables(self, *, endpoint: str = "") -> str:
        """Return the variables that a client reads, as lines for a shell. They hold the secret.

        Args:
            endpoint: URL of Omni, for a line `OMNI_ENDPOINT=`. Default: no such line.

        Raises:
            InvalidInputError: `endpoint` is no URL of an Omni.

        Example:
            >>> from omni_api import ServiceAccountKey
            >>> lines = ServiceAccountKey.generate("ci").variables(endpoint="https://omni.test")
            >>> [line.partition("=")[0] for line in lines.splitlines()]
            ['OMNI_ENDPOINT', 'OMNI_SERVICE_ACCOUNT_KEY']
        """
        # Written anew: what was passed may have a path, and a shell would run a `;` in it.
        first = f"OMNI_ENDPOINT={endpoints.parse(endpoint)}\n" if endpoint else ""
        return f"{first}OMNI_SERVICE_ACCOUNT_KEY={self.encode()}\n"

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the key, 40 lower-case hex digits."""
        return self._pair.fingerprint

    @property
    def expires(self) -> datetime | None:
        """When the key expires, aware UTC."""
        return self._pair.expires

    @property
    def armored_public_key(self) -> str:
        """The public half, as the server takes it."""
        return self._pair.armored_public_key

    @property
    def identity(self) -> str:
        """Who signs: the name of the account."""
        return self.name

    def sign(self, data: bytes) -> bytes:
        """Return a binary detached OpenPGP signature of `data`."""
        return self._pair.sign(data)

    def __repr__(self) -> str:
        return f"ServiceAccountKey(name={self.name!r}, fingerprint={self.fingerprint!r})"


@attrs.frozen(init=False, eq=False)
class UserKey:
    """The key of a person, as `omnictl` keeps it after a login in the browser.

    Attributes:
        identity: E-mail address of the person.
        fingerprint: Fingerprint of the key, 40 lower-case hex digits.
        expires: When the key expires, aware UTC; a few hours after the login.
    """

    identity: str
    _pair: _Pair = attrs.field(repr=False)

    def __init__(self, identity: str, pair: _Pair) -> None:
        self.__attrs_init__(identity, pair)

    @classmethod
    def from_file(cls, path: str | Path, *, identity: str) -> Self:
        """Read a key file.

        Args:
            path: The file, an armored private key.
            identity: E-mail address that the key has to belong to.

        Raises:
            DamagedKeyError: The file cannot be read or is no private key.
            ExpiredKeyError: The key's lifetime is over, or it was revoked.
            LockedKeyError: The key has a passphrase.
            ForeignKeyError: The key is another person's, or has no private part.
        """
        try:
            # Not strict: the error for bytes that are no text would carry the whole file along.
            armored = Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise DamagedKeyError(f"cannot read the key file {path}: {error}") from error
        if "\N{REPLACEMENT CHARACTER}" in armored:
            raise DamagedKeyError(f"the key file {path} is no text, so no armored key")
        pair = _Pair.parse(armored, source=f"the key file {path}")
        if not any(f"<{identity.lower()}>" in user_id.lower() for user_id in pair.user_ids):
            raise ForeignKeyError(
                f"the key file {path} belongs to {', '.join(pair.user_ids) or 'nobody'}, "
                f"not to {identity}"
            )
        return cls(identity, pair)

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the key, 40 lower-case hex digits."""
        return self._pair.fingerprint

    @property
    def expires(self) -> datetime | None:
        """When the key expires, aware UTC."""
        return self._pair.expires

    def sign(self, data: bytes) -> bytes:
        """Return a binary detached OpenPGP signature of `data`."""
        return self._pair.sign(data)

    def __repr__(self) -> str:
        return f"UserKey(identity={self.identity!r}, fingerprint={self.fingerprint!r})"

"""Decides who signed a call, and which public keys the server accepts.

Shares nothing with the client's signing code: if both made the same mistake, no test would see
it. The signature is checked over the payload header as it came; only then is the payload parsed
and compared with what was really sent, so its form is free and its content is not.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from omni_api.simulator._call import unknown
from omni_api.simulator._go import duration_text
from omni_api.simulator._openpgp_keys import Certificate, read_certificate
from omni_api.simulator._openpgp_packets import OpenPGPError, dearmor

TIMESTAMP, PAYLOAD, SIGNATURE = "x-sidero-timestamp", "x-sidero-payload", "x-sidero-signature"
SKEW_S = 300
GRACE = timedelta(minutes=1)
USER_KEY_LIFETIME = timedelta(hours=8)
SERVICE_ACCOUNT_KEY_LIFETIME = timedelta(days=365)

# `fieldSelectors` can never match: metadata keys are lower-case on the wire, and the server
# looks up the mixed-case name. It is covered all the same, as "never sent".
_COVERED = (
    TIMESTAMP,
    "nodes",
    "selectors",
    "fieldSelectors",
    "runtime",
    "context",
    "cluster",
    "namespace",
    "uid",
    "authorization",
)
_DECIMAL = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


class InvalidSignature(Exception):  # noqa: N818 - the answer's own words
    """The call is not signed as it should be; the text is for the simulator's log only."""


def signature_fields(metadata: Mapping[str, tuple[str, ...]]) -> tuple[str, bytes]:
    """Return (fingerprint, detached signature) from the signature header."""
    fields = metadata.get(SIGNATURE, ("",))[0].split(" ")
    # The real server crashes on fewer than four fields; refusing is the believable outcome.
    if len(fields) != 4:
        msg = f"signature header has {len(fields)} fields"
        raise InvalidSignature(msg)
    version, _identity, fingerprint, encoded = fields
    if version != "siderov1":
        msg = f"signature version {version!r}"
        raise InvalidSignature(msg)
    try:
        return fingerprint, base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        msg = f"signature is not base64: {error}"
        raise InvalidSignature(msg) from None


def check_call(
    *,
    path: str,
    metadata: Mapping[str, tuple[str, ...]],
    certificate: Certificate,
    detached: bytes,
    now: datetime,
) -> None:
    """Raise `InvalidSignature` unless the certificate signed exactly this call, just now."""
    timestamp = metadata.get(TIMESTAMP, ("",))[0]
    if not _DECIMAL.fullmatch(timestamp) or abs(now.timestamp() - int(timestamp)) > SKEW_S:
        msg = f"timestamp {timestamp!r} at {now.isoformat()}"
        raise InvalidSignature(msg)
    payload = metadata.get(PAYLOAD, ("",))[0]
    if not certificate.verify(payload.encode(), detached, now=int(now.timestamp())):
        msg = "signature does not match the payload"
        raise InvalidSignature(msg)
    headers, method = _parse(payload)
    if method != path:
        msg = f"signed for {method!r}"
        raise InvalidSignature(msg)
    for name in _COVERED:
        sent = metadata.get(name)
        if headers.get(name) != (None if sent is None else list(sent)):
            msg = f"header {name!r} differs from the payload"
            raise InvalidSignature(msg)


def _parse(payload: str) -> tuple[dict[str, list[str] | None], str]:
    """Read the payload as Go does: member names in any case, unknown members ignored."""
    try:
        parsed = json.loads(payload, parse_constant=_refuse_constant)
    except ValueError as error:
        msg = f"payload is not JSON: {error}"
        raise InvalidSignature(msg) from None
    members: dict[str, Any] = {"headers": None, "method": None}
    if not isinstance(parsed, dict):
        msg = "payload is not an object"
        raise InvalidSignature(msg)
    for name, value in parsed.items():
        if name.casefold() in members:
            members[name.casefold()] = value
    headers: Any = members["headers"] or {}
    method: Any = members["method"] or ""
    if not isinstance(headers, dict) or not isinstance(method, str):
        msg = "payload members have other types"
        raise InvalidSignature(msg)
    for value in headers.values():
        if value is not None and (
            not isinstance(value, list) or not all(isinstance(one, str) for one in value)
        ):
            msg = "a header of the payload is no array of strings"
            raise InvalidSignature(msg)
    return headers, method


def _refuse_constant(name: str) -> None:
    # Python reads NaN and Infinity; JSON has no such words.
    raise ValueError(name)


def import_key(data: str | bytes, *, longest: timedelta, now: datetime) -> Certificate:
    """Read a public key that is to be registered, and refuse what the server refuses.

    Args:
        data: The key, armored or binary.
        longest: The longest lifetime allowed, counted from now.
        now: The server's time.
    """
    if not data:
        raise unknown("gopenpgp: the key does not contain any entity")
    try:
        binary = dearmor(data if isinstance(data, str) else data.decode())
    except (OpenPGPError, UnicodeDecodeError) as error:
        if isinstance(data, str) or not data[0] & 0x80:
            raise unknown(f"gopenpgp: error in reading key ring: {error}") from None
        binary = data
    try:
        certificate = read_certificate(binary)
    except OpenPGPError as error:
        text = str(error)
        known = text.startswith(("gopenpgp: ", "PGP key "))
        raise unknown(text if known else f"gopenpgp: error in reading key ring: {text}") from None
    if certificate.revoked:
        raise unknown("key is revoked")
    if not certificate.lifetime:
        raise unknown("key does not contain a valid key lifetime")
    expires = certificate.created + certificate.lifetime
    if expires < now.timestamp():
        raise unknown("key expired")
    if expires > (now + longest + GRACE).timestamp():
        raise unknown(f"key lifetime is too long: {duration_text(certificate.lifetime)}")
    if cause := _address_fault(certificate.user_ids[0]):
        text = f"key does not contain a valid email address: {cause}: {certificate.user_ids[0]}"
        raise unknown(text)
    return certificate


_ATOM = r"[^\s()<>\[\]:;@\\,.\"\x00-\x1f\x7f]+"
_DOT_ATOM = rf"{_ATOM}(?:\.{_ATOM})*"
_QUOTED = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
_ADDRESS = rf"(?:{_DOT_ATOM}|{_QUOTED})@(?:{_DOT_ATOM}|\[[^\[\]\\\s]*\])"
_PLAIN_ADDRESS = re.compile(_ADDRESS)
_COMMENT = r"\((?:[^()\\]|\\.)*\)"
_PHRASE = rf"(?:\s|{_COMMENT}|{_QUOTED}|{_ATOM}|\.)*"
_NAMED_ADDRESS = re.compile(rf"{_PHRASE}<{_ADDRESS}>(?:\s|{_COMMENT})*")


def is_email(text: str) -> bool:
    """Is this one e-mail address of RFC 5322, without a name?"""
    return _PLAIN_ADDRESS.fullmatch(text) is not None


def _address_fault(user_id: str) -> str:
    """Why the user id is no RFC 5322 address; "" when it is one."""
    if is_email(user_id) or _NAMED_ADDRESS.fullmatch(user_id):
        return ""
    return "mail: no angle-addr" if "<" not in user_id else "mail: invalid address"

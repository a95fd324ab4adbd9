"""Encryption in the age format, version 1 (age-encryption.org/v1), to X25519 and SSH recipients.

Only what GetSupportBundle needs: encrypting. A client's test decrypts with a program of its own.
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING

import attrs
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_VERSION = b"age-encryption.org/v1"
_CHUNK = 64 * 1024
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_FIELD_PRIME = 2**255 - 19


class RecipientError(ValueError):
    """The text is no recipient, in the words of the age library."""


@attrs.frozen
class Recipient:
    """Someone who can open the file; `wrap` turns a file key into stanza arguments and body."""

    wrap: Callable[[bytes], tuple[str, bytes]]


def encrypt(data: bytes, recipients: Iterable[Recipient]) -> bytes:
    """Encrypt `data` so that each of `recipients` can open it alone."""
    file_key = os.urandom(16)
    header = _VERSION + b"\n"
    for recipient in recipients:
        arguments, body = recipient.wrap(file_key)
        text = _base64(body)
        # The last line of a body is always shorter than 64 characters, even if that makes it empty.
        lines = [text[at : at + 64] for at in range(0, len(text) + 1, 64)]
        header += f"-> {arguments}\n{''.join(line + chr(10) for line in lines)}".encode()
    header += b"---"
    mac = hmac.HMAC(_hkdf(file_key, b"", b"header"), hashes.SHA256())
    mac.update(header)
    nonce = os.urandom(16)
    payload = _chunks(data, _hkdf(file_key, nonce, b"payload"))
    return b"".join((header, f" {_base64(mac.finalize())}\n".encode(), nonce, *payload))


def parse_recipient(text: str) -> Recipient:
    """Read `age1…`, `ssh-ed25519 …` or `ssh-rsa …`."""
    if text.startswith("age1"):
        key = _bech32_decode(text)
        if key is None:
            raise RecipientError(f'malformed recipient "{text}": invalid bech32')
        return _x25519(key)
    problem = f'malformed SSH recipient: "{text}": ssh: no key found'
    try:
        public = serialization.load_ssh_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RecipientError(problem) from error
    if isinstance(public, Ed25519PublicKey):
        return _ssh_ed25519(public, text)
    if isinstance(public, RSAPublicKey):
        return _ssh_rsa(public, text)
    raise RecipientError(f'malformed SSH recipient: "{text}": unsupported key type')


def identity_text(secret: bytes) -> str:
    """An X25519 secret as `AGE-SECRET-KEY-1…`."""
    return _bech32_encode("age-secret-key-", secret).upper()


def recipient_text(secret: bytes) -> str:
    """The recipient `age1…` of an X25519 secret."""
    public = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return _bech32_encode("age", public)


def _x25519(public: bytes) -> Recipient:
    def wrap(file_key: bytes) -> tuple[str, bytes]:
        ephemeral, shared = _agree(public)
        key = _hkdf(shared, ephemeral + public, _VERSION + b"/X25519")
        return f"X25519 {_base64(ephemeral)}", _seal(key, file_key)

    return Recipient(wrap)


def _ssh_ed25519(public: Ed25519PublicKey, text: str) -> Recipient:
    label = _VERSION + b"/ssh-ed25519"
    wire = _ssh_wire(text)
    y = int.from_bytes(public.public_bytes_raw(), "little") & (2**255 - 1)
    u = (1 + y) * pow(1 - y, -1, _FIELD_PRIME) % _FIELD_PRIME
    montgomery = u.to_bytes(32, "little")

    def wrap(file_key: bytes) -> tuple[str, bytes]:
        ephemeral, shared = _agree(montgomery)
        tweak = X25519PrivateKey.from_private_bytes(_hkdf(b"", wire, label))
        shared = tweak.exchange(X25519PublicKey.from_public_bytes(shared))
        key = _hkdf(shared, ephemeral + montgomery, label)
        return f"ssh-ed25519 {_tag(wire)} {_base64(ephemeral)}", _seal(key, file_key)

    return Recipient(wrap)


def _ssh_rsa(public: RSAPublicKey, text: str) -> Recipient:
    wire = _ssh_wire(text)
    padding = OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), label=_VERSION + b"/ssh-rsa")
    return Recipient(lambda key: (f"ssh-rsa {_tag(wire)}", public.encrypt(key, padding)))


def _ssh_wire(text: str) -> bytes:
    return base64.b64decode(text.split()[1])


def _tag(wire: bytes) -> str:
    return _base64(hashlib.sha256(wire).digest()[:4])


def _agree(public: bytes) -> tuple[bytes, bytes]:
    ephemeral = X25519PrivateKey.generate()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    return ephemeral.public_key().public_bytes_raw(), shared


def _seal(key: bytes, file_key: bytes) -> bytes:
    return ChaCha20Poly1305(key).encrypt(bytes(12), file_key, None)


def _hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, info).derive(secret)


def _chunks(data: bytes, key: bytes) -> Iterator[bytes]:
    cipher = ChaCha20Poly1305(key)
    starts = range(0, max(len(data), 1), _CHUNK)
    for number, start in enumerate(starts):
        last = number == len(starts) - 1
        nonce = number.to_bytes(11) + bytes([last])
        yield cipher.encrypt(nonce, data[start : start + _CHUNK], None)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _bech32_encode(prefix: str, data: bytes) -> str:
    number = int.from_bytes(data) << (-len(data) * 8 % 5)
    count = (len(data) * 8 + 4) // 5
    values = [number >> 5 * (count - 1 - at) & 31 for at in range(count)]
    checksum = _polymod([*_expanded(prefix), *values, 0, 0, 0, 0, 0, 0]) ^ 1
    values += [checksum >> 5 * (5 - at) & 31 for at in range(6)]
    return f"{prefix}1{''.join(_BECH32[value] for value in values)}"


def _bech32_decode(text: str) -> bytes | None:
    """The 32 bytes of an `age1…` recipient; None when it is malformed."""
    prefix, _, body = text.rpartition("1")
    values = [_BECH32.find(letter) for letter in body]
    if len(values) != 52 + 6 or -1 in values:
        return None
    if prefix != "age" or _polymod([*_expanded(prefix), *values]) != 1:
        return None
    number = 0
    for value in values[:-6]:
        number = number << 5 | value
    return (number >> 4).to_bytes(32)


def _expanded(prefix: str) -> list[int]:
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def _polymod(values: Iterable[int]) -> int:
    generator = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for at, term in enumerate(generator):
            checksum ^= term if top >> at & 1 else 0
    return checksum

"""Writes OpenPGP keys and signatures packet by packet, right or wrong, from RFC 9580.

Libraries refuse to write most of what a server must refuse to read. Keys are Ed25519 in the form
of RFC 9580 (algorithm 27) and version 4.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNATURE, PUBLIC_KEY, USER_ID, SUBKEY = 2, 6, 13, 14
CREATED, EXPIRES, KEY_EXPIRES, PRIMARY, FLAGS, EMBEDDED, ISSUER = 2, 3, 9, 25, 27, 32, 33
CERTIFICATION, BINDING, BACK, DIRECT = 0x13, 0x18, 0x19, 0x1F
KEY_REVOKED, SUBKEY_REVOKED, USER_ID_REVOKED = 0x20, 0x28, 0x30
BIRTH = 1_760_000_000
DAY = 86400
SHA256, SHA1 = 8, 2


def number(value: int) -> bytes:
    return struct.pack(">I", value)


def packet(tag: int, body: bytes) -> bytes:
    """With a length of five octets, the form that libraries keep for large packets."""
    return bytes([0xC0 | tag, 0xFF]) + number(len(body)) + body


def subpackets(values: Mapping[int, bytes]) -> bytes:
    return b"".join(bytes([len(one) + 1, kind]) + one for kind, one in values.items())


def user_id(text: str) -> tuple[bytes, bytes]:
    """The packet, and what a signature over it hashes."""
    data = text.encode()
    return packet(USER_ID, data), b"\xb4" + number(len(data)) + data


class Key:
    """A key pair that signs whatever it is told to."""

    def __init__(self, algorithm: int = 27, version: int = 4) -> None:
        self._secret = Ed25519PrivateKey.generate()
        self._algorithm = algorithm
        raw = self._secret.public_key().public_bytes_raw()
        self.body = bytes([version]) + number(BIRTH) + bytes([algorithm]) + raw
        self.hashed = b"\x99" + struct.pack(">H", len(self.body)) + self.body
        self.fingerprint = hashlib.sha1(self.hashed, usedforsecurity=False).hexdigest()

    def signature(
        self,
        kind: int,
        over: bytes,
        values: Mapping[int, bytes] | None = None,
        *,
        created: int = BIRTH,
        hash_algorithm: int = SHA256,
    ) -> bytes:
        """The body of a signature packet."""
        area = subpackets({CREATED: number(created), **(values or {})})
        head = bytes([4, kind, self._algorithm, hash_algorithm])
        head += struct.pack(">H", len(area)) + area
        trailer = b"\x04\xff" + number(len(head))
        name = "sha1" if hash_algorithm == SHA1 else "sha256"
        digest = hashlib.new(name, over + head + trailer).digest()
        return head + b"\0\0" + digest[:2] + self._secret.sign(digest)

    def detached(self, data: bytes, values: Mapping[int, bytes] | None = None, **how: int) -> bytes:
        return packet(SIGNATURE, self.signature(0, data, values, **how))

    def certified(self, text: str, values: Mapping[int, bytes] | None = None, **how: int) -> bytes:
        """A user id with this key's certification; a lifetime of one day unless told otherwise."""
        values = {KEY_EXPIRES: number(DAY)} if values is None else values
        written, over = user_id(text)
        one = self.signature(CERTIFICATION, self.hashed + over, values, **how)
        return written + packet(SIGNATURE, one)

    def certificate(self, *rest: bytes, text: str = "bot <bot@example.org>") -> bytes:
        """The key itself, one certified user id, and whatever follows."""
        return packet(PUBLIC_KEY, self.body) + self.certified(text) + b"".join(rest)

    def with_subkey(self, subkey: Key, *, flags: int = 2, back: bytes | None = None) -> bytes:
        """A bound subkey; `back` is its signature over both keys, made here unless given."""
        over = self.hashed + subkey.hashed
        back = subkey.signature(BACK, over) if back is None else back
        values = {FLAGS: bytes([flags]), KEY_EXPIRES: number(DAY), EMBEDDED: back}
        bound = packet(SIGNATURE, self.signature(BINDING, over, values))
        return packet(SUBKEY, subkey.body) + bound

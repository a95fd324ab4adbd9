"""Reads OpenPGP data as packets: armor, packet headers, key material, signatures.

This file knows the byte layout and nothing of trust: what a key may do, and whether a signature
holds, is decided in `_openpgp_keys`. Written from RFC 9580 without help of an OpenPGP library,
so that a mistake of the client's library cannot hide here as well. Only version 4 keys and
signatures are known, because Omni identifies keys by their 40-digit fingerprint.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterator

import attrs

SIGNATURE, SECRET_KEY, PUBLIC_KEY, SECRET_SUBKEY = 2, 5, 6, 7
USER_ID, PUBLIC_SUBKEY = 13, 14

_CRC24_START, _CRC24_POLYNOMIAL = 0xB704CE, 0x1864CFB


class OpenPGPError(ValueError):
    """The bytes are not the OpenPGP data they should be."""


def dearmor(text: str) -> bytes:
    """Return the binary data of one armored block, its checksum verified when there is one."""
    lines = [line.strip() for line in text.strip().splitlines()]
    if not lines or not lines[0].startswith("-----BEGIN PGP "):
        msg = "no armored data found"
        raise OpenPGPError(msg)
    try:
        headers_end = lines.index("")
        end = next(i for i, line in enumerate(lines) if line.startswith("-----END PGP "))
    except (ValueError, StopIteration):
        msg = "armor is not complete"
        raise OpenPGPError(msg) from None
    body = lines[headers_end + 1 : end]
    checksum = body.pop() if body and body[-1].startswith("=") and len(body[-1]) == 5 else None
    try:
        data = base64.b64decode("".join(body), validate=True)
        expected = None if checksum is None else base64.b64decode(checksum[1:], validate=True)
    except binascii.Error as error:
        msg = f"armor: {error}"
        raise OpenPGPError(msg) from None
    if expected is not None and expected != _crc24(data):
        msg = "armor checksum does not match"
        raise OpenPGPError(msg)
    return data


def _crc24(data: bytes) -> bytes:
    crc = _CRC24_START
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= _CRC24_POLYNOMIAL
    return crc.to_bytes(3, "big")


def packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (tag, body) of each packet, in either header format."""
    position = 0
    while position < len(data):
        first = data[position]
        if not first & 0x80:
            msg = f"packet header expected at byte {position}"
            raise OpenPGPError(msg)
        try:
            if first & 0x40:
                tag = first & 0x3F
                length, position = _new_length(data, position + 1)
            else:
                tag = (first >> 2) & 0x0F
                length, position = _old_length(data, position + 1, first & 3)
        except (IndexError, struct.error):
            msg = "packet header is cut short"
            raise OpenPGPError(msg) from None
        if position + length > len(data):
            msg = "packet is cut short"
            raise OpenPGPError(msg)
        yield tag, data[position : position + length]
        position += length


def _new_length(data: bytes, at: int) -> tuple[int, int]:
    """Return (length, position after it); subpackets use the same form."""
    first = data[at]
    if first < 192:
        return first, at + 1
    if first < 224:
        return ((first - 192) << 8) + data[at + 1] + 192, at + 2
    if first == 255:
        return struct.unpack_from(">I", data, at + 1)[0], at + 5
    # Partial lengths are for streamed data packets; keys and signatures never have them.
    msg = "partial packet length"
    raise OpenPGPError(msg)


def _old_length(data: bytes, at: int, kind: int) -> tuple[int, int]:
    if kind == 3:
        return len(data) - at, at
    form = (">B", ">H", ">I")[kind]
    return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)


def integer(data: bytes, at: int) -> tuple[bytes, int]:
    """Read one multi-precision integer: its bytes without leading zeros, and the next position."""
    if at + 2 > len(data):
        msg = "number is cut short"
        raise OpenPGPError(msg)
    end = at + 2 + (struct.unpack_from(">H", data, at)[0] + 7) // 8
    if end > len(data):
        msg = "number is cut short"
        raise OpenPGPError(msg)
    return data[at + 2 : end], end


@attrs.frozen(kw_only=True)
class KeyMaterial:
    """One public key or subkey packet."""

    created: int
    algorithm: int
    material: bytes
    hashed: bytes
    """What a signature over this key hashes: the packet with the 0x99 prefix."""
    fingerprint: str


def key_material(body: bytes) -> KeyMaterial:
    if len(body) < 7 or body[0] != 4:
        msg = f"unsupported key version {body[0] if body else 0}"
        raise OpenPGPError(msg)
    hashed = b"\x99" + struct.pack(">H", len(body)) + body
    return KeyMaterial(
        created=struct.unpack_from(">I", body, 1)[0],
        algorithm=body[5],
        material=body[6:],
        hashed=hashed,
        # The fingerprint of a version 4 key is a SHA-1 by definition.
        fingerprint=hashlib.sha1(hashed, usedforsecurity=False).hexdigest(),
    )


@attrs.frozen(kw_only=True)
class Signature:
    """One version 4 signature packet; of its subpackets, those that matter here."""

    kind: int
    algorithm: int
    hash_algorithm: int
    hashed: bytes
    """The signature's own part of what it hashes, trailer included."""
    left: bytes
    numbers: bytes
    created: int
    lifetime: int
    """Seconds the signature holds; 0 for ever."""
    key_lifetime: int
    """Seconds the signed key holds; 0 for ever."""
    key_flags: int | None
    primary_user_id: bool
    issuer: str
    """Fingerprint of the signing key, or its last 16 digits; "" when not named."""
    embedded: tuple[bytes, ...]
    unknown_critical: bool


# creation, expirations, trust, revocable, preferences, issuer, notation, servers, primary id,
# policy, flags, signer, reason, features, target, embedded signature, issuer fingerprint, AEAD.
_KNOWN_SUBPACKETS = {2, 3, 4, 5, 6, 7, 9, 11, 12, 16, 20, 21, 22, 23, 24, 25, 26, 27}
_KNOWN_SUBPACKETS |= {28, 29, 30, 31, 32, 33, 34, 35, 39}


def signature(body: bytes) -> Signature:
    if len(body) < 10 or body[0] != 4:
        msg = f"unsupported signature version {body[0] if body else 0}"
        raise OpenPGPError(msg)
    hashed_end = 6 + struct.unpack_from(">H", body, 4)[0]
    if hashed_end + 2 > len(body):
        msg = "signature is cut short"
        raise OpenPGPError(msg)
    unhashed_end = hashed_end + 2 + struct.unpack_from(">H", body, hashed_end)[0]
    if unhashed_end + 2 > len(body):
        msg = "signature is cut short"
        raise OpenPGPError(msg)
    trusted = list(_subpackets(body[6:hashed_end]))
    fields = {kind: value for kind, _critical, value in trusted}
    # The issuer only helps to find the key and may stand outside the hashed area; so may the
    # back signature, which proves itself. Everything else counts only when it is hashed.
    untrusted = list(_subpackets(body[hashed_end + 2 : unhashed_end]))
    anywhere = {kind: value for kind, _critical, value in untrusted} | fields
    prefix = body[:hashed_end]
    try:
        return Signature(
            kind=body[1],
            algorithm=body[2],
            hash_algorithm=body[3],
            hashed=prefix + b"\x04\xff" + struct.pack(">I", len(prefix)),
            left=body[unhashed_end : unhashed_end + 2],
            numbers=body[unhashed_end + 2 :],
            created=struct.unpack(">I", fields[2])[0],
            lifetime=struct.unpack(">I", fields.get(3, bytes(4)))[0],
            key_lifetime=struct.unpack(">I", fields.get(9, bytes(4)))[0],
            key_flags=fields[27][0] if fields.get(27) else None,
            primary_user_id=bool(fields.get(25, b"\0")[0]),
            issuer=anywhere[33][1:].hex() if 33 in anywhere else anywhere.get(16, b"").hex(),
            embedded=tuple(value for kind, _, value in trusted + untrusted if kind == 32),
            unknown_critical=any(
                critical and kind not in _KNOWN_SUBPACKETS for kind, critical, _ in trusted
            ),
        )
    except (KeyError, IndexError, struct.error):
        msg = "signature lacks its creation time, or a subpacket is malformed"
        raise OpenPGPError(msg) from None


def _subpackets(area: bytes) -> Iterator[tuple[int, bool, bytes]]:
    position = 0
    while position < len(area):
        try:
            length, position = _subpacket_length(area, position)
        except (IndexError, struct.error):
            msg = "subpacket is cut short"
            raise OpenPGPError(msg) from None
        if length < 1 or position + length > len(area):
            msg = "subpacket is cut short"
            raise OpenPGPError(msg)
        kind = area[position]
        yield kind & 0x7F, bool(kind & 0x80), area[position + 1 : position + length]
        position += length


def _subpacket_length(area: bytes, at: int) -> tuple[int, int]:
    first = area[at]
    if first < 192:
        return first, at + 1
    if first < 255:
        return ((first - 192) << 8) + area[at + 1] + 192, at + 2
    return struct.unpack_from(">I", area, at + 1)[0], at + 5

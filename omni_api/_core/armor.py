"""The checksum of ASCII armor (RFC 4880, 6.1). Pure.

The OpenPGP library does not look at it, so one mistyped letter in a key could pass for a key that
belongs to somebody else, or even for a good one.
"""

from __future__ import annotations

import base64
import binascii
import re

_CHECKSUM = re.compile(r"^=([A-Za-z0-9+/]{4})\s*$", re.MULTILINE)
_BODY = re.compile(
    r"-----BEGIN [^\n]*-----\s*?\n(?:[^\n]*: [^\n]*\n)*\s*?\n(.*?)^=", re.DOTALL | re.MULTILINE
)
_START, _POLYNOMIAL = 0xB704CE, 0x1864CFB


def is_intact(armored: str) -> bool:
    """Whether the text agrees with its checksum; True where it has none, which is allowed."""
    text = armored.replace("\r\n", "\n")
    checksum, body = _CHECKSUM.search(text), _BODY.search(text)
    if checksum is None or body is None:
        return True
    try:
        data = base64.b64decode("".join(body[1].split()), validate=True)
    except binascii.Error:
        return False
    return crc24(data) == int.from_bytes(base64.b64decode(checksum[1]))


def crc24(data: bytes) -> int:
    """Return the checksum of `data`."""
    crc = _START
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= _POLYNOMIAL
    return crc

"""Ids, addresses, names and secrets of the fleet: derived, so that every start has the same."""

from __future__ import annotations

import hashlib
import string
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE36 = string.digits + string.ascii_lowercase


# The machines of an emulated fleet on a real server: id, end of the address, host name;
# the last two were spare and had no name yet, so theirs are made up.
_SEEN = {
    "10001802-c798-4da7-a410-f09abb48c8d8": ("e63f:7dfc:c13e:9179", "talos-jge-f0a"),
    "10011802-c798-4da7-a410-f09abb48c8d8": ("1d8f:805c:485d:faa", "talos-xdm-jdp"),
    "10021802-c798-4da7-a410-f09abb48c8d8": ("4ccd:e557:a9dd:3a93", "talos-mp1-61s"),
    "10031802-c798-4da7-a410-f09abb48c8d8": ("733f:f9f1:ba05:e998", "talos-x0t-3wq"),
    "10041802-c798-4da7-a410-f09abb48c8d8": ("f521:b4e9:201b:e6e7", "talos-9rd-k2e"),
}


def machine_id(number: int) -> str:
    """The first machines are those that were seen."""
    seen = tuple(_SEEN)
    if number < len(seen):
        return seen[number]
    return str(stable_uuid(f"machine/{number}"))


def stable_uuid(name: str) -> uuid.UUID:
    return uuid.UUID(bytes=_digest(name)[:16], version=4)


def address(of_machine: str) -> str:
    """A SideroLink address; every machine has one in the server's /64."""
    if known := _SEEN.get(of_machine):
        return f"fdae:41e4:649b:9303:{known[0]}"
    digest = _digest(f"address/{of_machine}")
    groups = (int.from_bytes(digest[at : at + 2]) for at in range(0, 8, 2))
    return "fdae:41e4:649b:9303:" + ":".join(f"{group:x}" for group in groups)


def hostname(of_machine: str) -> str:
    if known := _SEEN.get(of_machine):
        return known[1]
    letters = "".join(_BASE36[byte % 36] for byte in _digest(f"hostname/{of_machine}")[:6])
    return f"talos-{letters[:3]}-{letters[3:]}"


def token(name: str) -> str:
    return base62(_digest(f"join-token/{name}"))


def base62(data: bytes) -> str:
    """Write 32 bytes as 43 characters, much as Omni writes its secret tokens (43 to 45)."""

    def digits() -> Iterator[str]:
        number = int.from_bytes(data)
        while number:
            number, digit = divmod(number, 62)
            yield _BASE62[digit]

    return "".join(digits())[::-1].rjust(43, "0")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()

"""Opens files that were encrypted with age, as the format describes it (age-encryption.org/v1).

Nothing of the simulator's code is used to decrypt.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from omni_api.simulator._age import recipient_text

VERSION = b"age-encryption.org/v1"
# Opens one stanza: its arguments and its body; None for somebody else's.
Opener = Callable[[list[str], bytes], bytes | None]


def unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


def derived(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, info).derive(secret)


def opened(data: bytes, opener: Opener) -> bytes:
    """Decrypt a whole file with the first stanza that the opener knows."""
    head, _, tail = data.partition(b"\n--- ")
    version, *stanzas = head.decode().split("\n-> ")
    assert version.encode() == VERSION
    keys = []
    for stanza in stanzas:
        arguments, *lines = stanza.split("\n")
        assert [len(line) for line in lines[:-1]] == [64] * (len(lines) - 1)
        assert len(lines[-1]) < 64
        keys.append(opener(arguments.split(" "), unpadded("".join(lines))))
    file_key = next(key for key in keys if key is not None)
    tag, _, body = tail.partition(b"\n")
    mac = hmac.HMAC(derived(file_key, b"", b"header"), hashes.SHA256())
    mac.update(head + b"\n---")
    mac.verify(unpadded(tag.decode()))
    cipher = ChaCha20Poly1305(derived(file_key, body[:16], b"payload"))
    size = 64 * 1024 + 16
    parts = [body[at : at + size] for at in range(16, len(body), size)]
    return b"".join(
        cipher.decrypt(number.to_bytes(11) + bytes([number == len(parts) - 1]), part, None)
        for number, part in enumerate(parts)
    )


def age_key(secret: bytes) -> tuple[str, Opener]:
    private = x25519.X25519PrivateKey.from_private_bytes(secret)
    public = private.public_key().public_bytes_raw()

    def opener(arguments: list[str], body: bytes) -> bytes | None:
        if arguments[0] != "X25519":
            return None
        share = unpadded(arguments[1])
        shared = private.exchange(x25519.X25519PublicKey.from_public_bytes(share))
        key = derived(shared, share + public, VERSION + b"/X25519")
        try:
            return ChaCha20Poly1305(key).decrypt(bytes(12), body, None)
        except InvalidTag:
            return None

    return recipient_text(secret), opener

"""A support bundle is encrypted to age and SSH keys, so that each holder opens it alone.

The files are opened here with the private halves and nothing of the simulator's code, as the age
format describes it (age-encryption.org/v1).
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator

import pytest
from age_files import VERSION, Opener, age_key, derived, opened, unpadded
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from raw_client import RawClient

from omni_api.simulator import Simulator
from omni_api.simulator._age import RecipientError, encrypt, parse_recipient, recipient_text

SERVICE = "management.ManagementService"


def ssh_line(
    public: ed25519.Ed25519PublicKey | rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
) -> str:
    form = serialization.PublicFormat.OpenSSH
    return public.public_bytes(serialization.Encoding.OpenSSH, form).decode()


def tag_of(line: str) -> str:
    wire = base64.b64decode(line.split()[1])
    return base64.b64encode(hashlib.sha256(wire).digest()[:4]).decode().rstrip("=")


def ssh_ed25519_key() -> tuple[str, Opener]:
    private = ed25519.Ed25519PrivateKey.generate()
    line = ssh_line(private.public_key())
    # The same secret scalar serves both curves.
    scalar = hashlib.sha512(private.private_bytes_raw()).digest()[:32]
    montgomery = x25519.X25519PrivateKey.from_private_bytes(scalar)
    public = montgomery.public_key().public_bytes_raw()
    label = VERSION + b"/ssh-ed25519"
    wire = base64.b64decode(line.split()[1])
    tweak = x25519.X25519PrivateKey.from_private_bytes(derived(b"", wire, label))

    def opener(arguments: list[str], body: bytes) -> bytes | None:
        if arguments[:2] != ["ssh-ed25519", tag_of(line)]:
            return None
        share = unpadded(arguments[2])
        shared = montgomery.exchange(x25519.X25519PublicKey.from_public_bytes(share))
        shared = tweak.exchange(x25519.X25519PublicKey.from_public_bytes(shared))
        key = derived(shared, share + public, label)
        return ChaCha20Poly1305(key).decrypt(bytes(12), body, None)

    return f"{line} me@laptop", opener


def ssh_rsa_key() -> tuple[str, Opener]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    line = ssh_line(private.public_key())
    scheme = padding.OAEP(
        padding.MGF1(hashes.SHA256()), hashes.SHA256(), label=VERSION + b"/ssh-rsa"
    )

    def opener(arguments: list[str], body: bytes) -> bytes | None:
        if arguments != ["ssh-rsa", tag_of(line)]:
            return None
        return private.decrypt(body, scheme)

    return line, opener


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


def test_each_recipient_opens_the_bundle_alone(client: RawClient) -> None:
    holders = [age_key(bytes(range(32))), ssh_ed25519_key(), ssh_rsa_key()]
    texts = [text for text, _ in holders]
    request = {"cluster": "ghost", "encrypt": True, "encryption_recipients": texts}
    request["encryption_no_default_recipients"] = True
    code, _, responses = client.call(SERVICE, "GetSupportBundle", request)
    assert code == "OK"
    assert responses[0] == {"encryption_recipients": texts}
    data = base64.b64decode(responses[-1]["bundle_data"])
    for _, opener in holders:
        assert zipfile.ZipFile(io.BytesIO(opened(data, opener))).namelist() == []


@pytest.mark.parametrize("size", [0, 1, 65536, 65537])
def test_data_is_cut_into_chunks_of_which_the_last_is_marked(size: int) -> None:
    text, opener = age_key(bytes(range(32)))
    data = bytes(size)
    assert opened(encrypt(data, [parse_recipient(text)]), opener) == data


AGE = recipient_text(bytes(range(32)))


@pytest.mark.parametrize(
    "text",
    [
        "age1",
        AGE[:-1],
        AGE[:-1] + ("q" if AGE[-1] != "q" else "p"),
        AGE[:-1] + "b",
        f"age1{AGE}",
    ],
)
def test_a_mistyped_age_recipient_is_refused(client: RawClient, text: str) -> None:
    with pytest.raises(RecipientError):
        parse_recipient(text)
    request = {"encrypt": True, "encryption_recipients": [text]}
    assert client.call(SERVICE, "GetSupportBundle", request)[:2] == (
        "INVALID_ARGUMENT",
        f'failed to parse recipient "{text}": malformed recipient "{text}": invalid bech32',
    )


def test_what_is_no_key_or_one_that_cannot_encrypt_is_refused(client: RawClient) -> None:
    elliptic = ssh_line(ec.generate_private_key(ec.SECP256R1()).public_key())
    for text, cause in (
        ("x", "ssh: no key found"),
        ("ssh-rsa AAAA", "ssh: no key found"),
        (elliptic, "unsupported key type"),
    ):
        request = {"encrypt": True, "encryption_recipients": [text]}
        code, message, _ = client.call(SERVICE, "GetSupportBundle", request)
        assert code == "INVALID_ARGUMENT"
        expected = f'failed to parse recipient "{text}": malformed SSH recipient: "{text}": {cause}'
        assert message == expected

"""Signatures, judged by implementations of OpenPGP that are not ours: PGPy and GnuPG."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from omni_api import ServiceAccountKey, UserKey
from omni_api._core.signing import payload, signed_metadata

GPG = shutil.which("gpg")
VECTOR = json.loads((Path(__file__).parents[1] / "data/signature_vector.json").read_text())
TEXT, SIGNATURE = VECTOR["payload"].encode(), base64.b64decode(VECTOR["signature"])

# PGPy tells its users what it has yet to do.
pytestmark = pytest.mark.filterwarnings("ignore:TODO:UserWarning")

Verify = Callable[[str, bytes, bytes], bool]


def _pgpy() -> Verify:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgpy: Any = pytest.importorskip("pgpy", exc_type=ImportError)

    def verify(public_key: str, data: bytes, signature: bytes) -> bool:
        key, _ = pgpy.PGPKey.from_blob(public_key)
        try:
            return bool(key.verify(data, pgpy.PGPSignature.from_blob(signature)))
        except (pgpy.errors.PGPError, ValueError, IndexError, TypeError):
            return False

    return verify


def _gpg(home: Path) -> Verify:
    if GPG is None:
        pytest.skip("there is no gpg here")
    home.mkdir(mode=0o700)
    command = [GPG, "--homedir", str(home), "--batch", "--no-autostart", "--quiet"]

    def verify(public_key: str, data: bytes, signature: bytes) -> bool:
        (home / "data").write_bytes(data)
        (home / "data.sig").write_bytes(signature)
        subprocess.run(
            [*command, "--import"], input=public_key.encode(), check=True, capture_output=True
        )
        checked = subprocess.run(
            [*command, "--verify", str(home / "data.sig"), str(home / "data")],
            check=False,
            capture_output=True,
        )
        return checked.returncode == 0

    return verify


@pytest.fixture(params=["PGPy", "GnuPG"])
def verify(request: pytest.FixtureRequest, tmp_path: Path) -> Verify:
    """A second opinion: whether a signature of data is good."""
    return _pgpy() if request.param == "PGPy" else _gpg(tmp_path / "gnupg")


def test_the_stored_vector_has_the_payload_that_we_make() -> None:
    metadata = [(name, value) for name, value in VECTOR["metadata"]]
    assert payload(VECTOR["method"], metadata) == VECTOR["payload"]


def test_the_stored_vector_verifies(verify: Verify) -> None:
    assert verify(VECTOR["public_key"], TEXT, SIGNATURE)


@pytest.mark.parametrize("place", range(0, len(TEXT), 40))
def test_a_flipped_byte_of_the_payload_does_not_verify(place: int) -> None:
    flipped = bytearray(TEXT)
    flipped[place] ^= 1
    assert not _pgpy()(VECTOR["public_key"], bytes(flipped), SIGNATURE)


@pytest.mark.parametrize("place", [-1, -20, -40, -64])
def test_a_flipped_byte_of_the_signature_does_not_verify(place: int, verify: Verify) -> None:
    flipped = bytearray(SIGNATURE)
    flipped[place] ^= 1
    assert not verify(VECTOR["public_key"], TEXT, bytes(flipped))


@pytest.mark.parametrize(
    ("was", "becomes"),
    [("1795478174", "1795478475"), ('"c1"', '"c2"'), ("Kubeconfig", "Talosconfig")],
)
def test_another_time_cluster_or_method_does_not_verify(was: str, becomes: str) -> None:
    changed = TEXT.decode().replace(was, becomes).encode()
    assert changed != TEXT
    assert not _pgpy()(VECTOR["public_key"], changed, SIGNATURE)


@pytest.mark.parametrize("data", [b"", b"payload", b"\x00\r\n\xff", b"x" * 5000])
def test_a_fresh_signature_verifies_over_any_bytes(verify: Verify, data: bytes) -> None:
    key = ServiceAccountKey.generate("ci")
    assert verify(key.armored_public_key, data, key.sign(data))
    assert not verify(key.armored_public_key, data + b"!", key.sign(data))


def test_another_key_does_not_vouch_for_a_signature(verify: Verify) -> None:
    key, other = ServiceAccountKey.generate("ci"), ServiceAccountKey.generate("ci")
    assert not verify(other.armored_public_key, b"payload", key.sign(b"payload"))


def test_the_headers_of_a_call_verify(verify: Verify) -> None:
    key = ServiceAccountKey.generate("ci")
    now = datetime.fromtimestamp(1795478174).astimezone()
    headers = dict(signed_metadata(key, VECTOR["method"], (("context", "c1"),), now=now))
    signature = base64.b64decode(headers["x-sidero-signature"].split(" ")[3])
    assert headers["x-sidero-payload"] == VECTOR["payload"]
    assert verify(key.armored_public_key, headers["x-sidero-payload"].encode(), signature)


def test_the_key_of_a_person_signs_as_well(verify: Verify, tmp_path: Path) -> None:
    made = ServiceAccountKey.generate("me")
    file = tmp_path / "default-me.pgp"
    file.write_text(made._pair.armored_private_key)
    key = UserKey.from_file(file, identity="me@serviceaccount.omni.sidero.dev")
    assert key.fingerprint == made.fingerprint
    assert verify(made.armored_public_key, b"payload", key.sign(b"payload"))


def test_a_signature_is_binary_and_detached() -> None:
    signature = ServiceAccountKey.generate("ci").sign(b"payload")
    # The first byte of an OpenPGP signature packet, tag 2, in the new and the old format.
    assert signature[0] == 0b1100_0010 or signature[0] & 0b1111_1100 == 0b1000_1000
    assert b"PGP" not in signature
    assert b"payload" not in signature


def test_a_key_has_the_fingerprint_that_others_see() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgpy: Any = pytest.importorskip("pgpy", exc_type=ImportError)
    key = ServiceAccountKey.generate("ci")
    theirs, _ = pgpy.PGPKey.from_blob(key.armored_public_key)
    assert str(theirs.fingerprint).lower() == key.fingerprint

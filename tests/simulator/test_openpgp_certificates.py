"""A certificate is believed as far as its own signatures carry it, and no further."""

from __future__ import annotations

from typing import Any

import pysequoia
import pytest
from simulator import openpgp_writer as pgp
from simulator.openpgp_writer import BIRTH, DAY, Key, number, packet

from omni_api.simulator._openpgp_keys import Certificate, read_certificate
from omni_api.simulator._openpgp_packets import OpenPGPError, dearmor

NOW = BIRTH + 60
DATA = b"signed"
NO_ENTITY = "gopenpgp: the key does not contain any entity"


@pytest.fixture
def key() -> Key:
    return Key()


def holds(certificate: Certificate, signature: bytes, now: int = NOW) -> bool:
    return certificate.verify(DATA, signature, now=now)


def test_a_key_written_by_hand_is_read_and_verifies(key: Key) -> None:
    certificate = read_certificate(key.certificate())
    assert certificate.fingerprint == key.fingerprint
    assert (certificate.created, certificate.lifetime) == (BIRTH, DAY)
    assert certificate.user_ids == ("bot <bot@example.org>",)
    assert not certificate.revoked
    assert holds(certificate, key.detached(DATA))
    assert not holds(certificate, key.detached(b"other"))


def test_a_signature_ends_with_its_own_lifetime_and_with_that_of_the_key(key: Key) -> None:
    certificate = read_certificate(key.certificate())
    short = key.detached(DATA, {pgp.EXPIRES: number(100)})
    assert holds(certificate, short, BIRTH + 100)
    assert not holds(certificate, short, BIRTH + 101)
    late = key.detached(DATA, created=BIRTH + DAY)
    assert holds(certificate, late, BIRTH + DAY)
    assert not holds(certificate, late, BIRTH + DAY + 1)


def test_a_signature_of_the_future_holds_within_five_minutes(key: Key) -> None:
    certificate = read_certificate(key.certificate())
    assert holds(certificate, key.detached(DATA, created=NOW + 300))
    assert not holds(certificate, key.detached(DATA, created=NOW + 301))
    brief = {pgp.KEY_EXPIRES: number(100)}
    short_lived = packet(pgp.PUBLIC_KEY, key.body) + key.certified("bot <b@example.org>", brief)
    certificate = read_certificate(short_lived)
    assert holds(certificate, key.detached(DATA, created=NOW + 40), NOW - 10)
    assert not holds(certificate, key.detached(DATA, created=NOW + 41), NOW - 10)


def test_a_key_without_a_lifetime_never_ends(key: Key) -> None:
    endless = packet(pgp.PUBLIC_KEY, key.body) + key.certified("bot <bot@example.org>", {})
    certificate = read_certificate(endless)
    assert certificate.lifetime == 0
    assert holds(certificate, key.detached(DATA), BIRTH + 36500 * DAY)


def flipped(signature: bytes) -> bytes:
    """Change the last byte, whatever it is."""
    return signature[:-1] + bytes([signature[-1] ^ 1])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: b"",
        lambda key: b"\0no packet",
        lambda key: key.detached(DATA) * 2,
        lambda key: packet(pgp.SIGNATURE, b"\x03"),
        lambda key: packet(pgp.SIGNATURE, key.signature(1, DATA)),
        lambda key: key.detached(DATA, {0x80 | 101: b"critical"}),
        lambda key: key.detached(DATA, hash_algorithm=pgp.SHA1),
        lambda key: key.detached(DATA, {pgp.ISSUER: b"\x04" + bytes(20)}),
        lambda key: flipped(key.detached(DATA)),
    ],
)
def test_what_is_no_good_signature_does_not_hold(key: Key, spoil: Any) -> None:
    assert not holds(read_certificate(key.certificate()), spoil(key))


def test_a_subkey_signs_when_it_is_flagged_so_and_has_signed_back(key: Key) -> None:
    subkey, over = Key(), b""
    signature = subkey.detached(DATA, {pgp.ISSUER: b"\x04" + bytes.fromhex(subkey.fingerprint)})
    assert holds(read_certificate(key.certificate(key.with_subkey(subkey))), signature)
    over = key.hashed + subkey.hashed
    for odd in (
        key.with_subkey(subkey, flags=0x0C),
        key.with_subkey(subkey, back=b"\x03"),
        key.with_subkey(subkey, back=Key().signature(pgp.BACK, over)),
        key.with_subkey(subkey, back=subkey.signature(pgp.BINDING, over)),
        packet(pgp.SUBKEY, subkey.body),
    ):
        assert not holds(read_certificate(key.certificate(odd)), signature)
    revoked = packet(pgp.SIGNATURE, key.signature(pgp.SUBKEY_REVOKED, over))
    certificate = read_certificate(key.certificate(key.with_subkey(subkey), revoked))
    assert not holds(certificate, signature)
    assert holds(certificate, key.detached(DATA))


def test_a_primary_key_that_may_only_certify_signs_no_data(key: Key) -> None:
    values = {pgp.FLAGS: b"\x01", pgp.KEY_EXPIRES: number(DAY)}
    text = "bot <bot@example.org>"
    certificate = read_certificate(packet(pgp.PUBLIC_KEY, key.body) + key.certified(text, values))
    assert certificate.signers == ()
    assert not holds(certificate, key.detached(DATA))


def test_the_primary_user_id_comes_first_and_revoked_ones_are_gone(key: Key) -> None:
    first = {pgp.PRIMARY: b"\x01", pgp.KEY_EXPIRES: number(2 * DAY)}
    gone, over = pgp.user_id("gone <gone@example.org>")
    revoked = packet(pgp.SIGNATURE, key.signature(pgp.USER_ID_REVOKED, key.hashed + over))
    certificate = read_certificate(
        key.certificate(
            key.certified("main <main@example.org>", first),
            key.certified("gone <gone@example.org>") + revoked,
            pgp.user_id("nobody certified <this@example.org>")[0],
            packet(17, b"a photo"),
        )
    )
    assert gone
    assert certificate.user_ids == ("main <main@example.org>", "bot <bot@example.org>")
    assert certificate.lifetime == 2 * DAY


def test_a_revocation_counts_only_when_the_key_made_it_itself(key: Key) -> None:
    def revoked_by(who: Key) -> bool:
        made = packet(pgp.SIGNATURE, who.signature(pgp.KEY_REVOKED, key.hashed))
        whole = packet(pgp.PUBLIC_KEY, key.body) + made + key.certified("bot <b@example.org>")
        return read_certificate(whole).revoked

    assert revoked_by(key)
    assert not revoked_by(Key())


def test_signatures_that_cannot_be_read_say_nothing(key: Key) -> None:
    assert read_certificate(key.certificate(packet(pgp.SIGNATURE, b"\x06"))).lifetime == DAY


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda key: b"", NO_ENTITY),
        (lambda key: pgp.user_id("bot")[0], NO_ENTITY),
        (lambda key: packet(pgp.PUBLIC_KEY, key.body), NO_ENTITY),
        (lambda key: packet(5, key.body), "PGP key contains private key"),
        (lambda key: key.certificate(packet(7, key.body)), "PGP key contains private key"),
        (lambda key: key.certificate() * 2, "more than one key"),
        (lambda key: Key(version=6).certificate(), "unsupported key version 6"),
        (lambda key: packet(pgp.PUBLIC_KEY, b""), "unsupported key version 0"),
        (lambda key: Key(algorithm=17).certificate(), "unsupported public key algorithm 17"),
        (lambda key: Key(algorithm=22).certificate(), "unsupported public key algorithm 22"),
        (lambda key: Key(algorithm=1).certificate(), "unsupported public key algorithm 1"),
    ],
)
def test_what_is_no_public_key_is_refused(key: Key, make: Any, message: str) -> None:
    with pytest.raises(OpenPGPError, match=message):
        read_certificate(make(key))


def test_a_curve_nobody_knows_is_refused(key: Key) -> None:
    body = bytes([4]) + number(BIRTH) + bytes([19, 3, 1, 2, 3]) + b"\x00\x08\x04"
    with pytest.raises(OpenPGPError, match="unsupported public key algorithm 19"):
        read_certificate(packet(pgp.PUBLIC_KEY, body) + key.certified("bot <b@example.org>"))


def test_a_key_of_the_next_generation_is_refused() -> None:
    secret = pysequoia.Tsk.generate(
        user_id="x <x@example.org>", profile=pysequoia.Profile.RFC9580, validity_seconds=3600
    )
    with pytest.raises(OpenPGPError, match="unsupported key version 6"):
        read_certificate(dearmor(str(secret.extract_certificate())))

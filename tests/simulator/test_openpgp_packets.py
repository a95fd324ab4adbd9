"""Armor, packets and signatures are read in every form, and refused when cut or spoilt."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from known_keys import ARMORED, LOCKED
from simulator import openpgp_writer as pgp
from simulator.openpgp_writer import BIRTH, Key, number

from omni_api.simulator._openpgp_packets import (
    OpenPGPError,
    dearmor,
    integer,
    packets,
    signature,
)

BODY = bytes(300)


@pytest.mark.parametrize(
    "data",
    [
        b"\xc6\x05hello",
        b"\xc6\xff\x00\x00\x00\x05hello",
        b"\x98\x05hello",
        b"\x99\x00\x05hello",
        b"\x9a\x00\x00\x00\x05hello",
        b"\x9bhello",
    ],
)
def test_a_packet_is_read_with_every_form_of_length(data: bytes) -> None:
    assert list(packets(data)) == [(6, b"hello")]


def test_a_packet_of_middle_length_is_followed_by_the_next() -> None:
    # 300 is 0xC0 + (300 - 192 >> 8), then the rest.
    assert list(packets(b"\xc2\xc0\x6c" + BODY + b"\xcd\x01x")) == [(2, BODY), (13, b"x")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x06\x05hello", "packet header expected at byte 0"),
        (b"\xc6\x05hello?", "packet header expected at byte 7"),
        (b"\xc6", "packet header is cut short"),
        (b"\xc6\xc0", "packet header is cut short"),
        (b"\xc6\xff\x00\x00", "packet header is cut short"),
        (b"\x99\x00", "packet header is cut short"),
        (b"\xc6\x05hell", "packet is cut short"),
        (b"\xc6\xe1hello", "partial packet length"),
    ],
)
def test_a_packet_that_is_cut_or_spoilt_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(OpenPGPError, match=message):
        list(packets(data))


def test_armor_is_read_with_headers_and_with_or_without_a_checksum() -> None:
    data = dearmor(ARMORED)
    lines = LOCKED.strip().splitlines()
    assert next(packets(data))[0] == next(packets(dearmor(LOCKED)))[0] == 5
    assert dearmor("\r\n".join([lines[0], "Comment: x", *lines[1:]])) == dearmor(LOCKED)
    text = "-----BEGIN PGP MESSAGE-----\n\naGVsbG8=\n{}-----END PGP MESSAGE-----\n"
    assert dearmor(text.format("")) == b"hello"
    # The CRC-24 of "hello", as gpg writes it.
    assert dearmor(text.format("=R/WK\n")) == b"hello"
    with pytest.raises(OpenPGPError, match="armor checksum does not match"):
        dearmor(text.format("=R/WQ\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no armored data found"),
        ("hello", "no armored data found"),
        ("-----BEGIN PGP MESSAGE-----\naGVsbG8=\n-----END PGP MESSAGE-----", "not complete"),
        ("-----BEGIN PGP MESSAGE-----\n\naGVsbG8=\n", "not complete"),
        ("-----BEGIN PGP MESSAGE-----\n\naGVs*G8=\n-----END PGP MESSAGE-----", "armor: "),
        ("-----BEGIN PGP MESSAGE-----\n\naGVsb\n-----END PGP MESSAGE-----", "armor: "),
    ],
)
def test_what_is_no_armor_is_refused(text: str, message: str) -> None:
    with pytest.raises(OpenPGPError, match=message):
        dearmor(text)


def test_a_signature_tells_its_times_and_its_signer() -> None:
    key = Key()
    issuer = b"\x04" + bytes.fromhex(key.fingerprint)
    read = signature(key.signature(0, b"x", {pgp.EXPIRES: number(9), pgp.ISSUER: issuer}))
    assert (read.created, read.lifetime, read.issuer) == (BIRTH, 9, key.fingerprint)
    assert (read.key_flags, read.primary_user_id, read.unknown_critical) == (None, False, False)


def assembled(hashed: bytes, unhashed: bytes = b"") -> bytes:
    area = struct.pack(">H", len(hashed)) + hashed + struct.pack(">H", len(unhashed)) + unhashed
    return bytes([4, 0, 27, 8]) + area + bytes(2 + 64)


CREATED = bytes([5, pgp.CREATED]) + number(BIRTH)


@pytest.mark.parametrize(
    "notation",
    [
        b"\xc0\x0a" + b"\x14" + bytes(201),
        b"\xff\x00\x00\x00\xca" + b"\x14" + bytes(201),
    ],
)
def test_a_subpacket_is_read_with_every_form_of_length(notation: bytes) -> None:
    read = signature(assembled(notation + CREATED, b"\x09\x10" + bytes(range(8))))
    assert (read.created, read.issuer) == (BIRTH, "0001020304050607")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "unsupported signature version 0"),
        (b"\x03" + bytes(20), "unsupported signature version 3"),
        (assembled(CREATED)[:11], "signature is cut short"),
        (assembled(CREATED)[:14], "signature is cut short"),
        (assembled(b""), "lacks its creation time"),
        (assembled(CREATED + b"\x02\x03\x00"), "malformed"),
        (assembled(CREATED + b"\x01\x19"), "malformed"),
        (assembled(CREATED + b"\x00"), "subpacket is cut short"),
        (assembled(CREATED + b"\x09\x10"), "subpacket is cut short"),
        (assembled(CREATED + b"\xc0"), "subpacket is cut short"),
        (assembled(CREATED + b"\xff\x00"), "subpacket is cut short"),
    ],
)
def test_a_signature_that_is_cut_or_spoilt_is_refused(body: Any, message: str) -> None:
    with pytest.raises(OpenPGPError, match=message):
        signature(body)


def test_a_long_number_is_read_and_a_cut_one_refused() -> None:
    assert integer(b"?\x00\x09\x01\xff!", 1) == (b"\x01\xff", 5)
    for cut in (b"\x00", b"\x00\x09\x01"):
        with pytest.raises(OpenPGPError, match="number is cut short"):
            integer(cut, 0)

"""Keys that accounts may have, dates in Go's words, and the clock by which all is judged."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pysequoia
import pytest
from raw_client import RawClient
from simulator import openpgp_writer as pgp
from simulator.openpgp_writer import BIRTH, DAY, Key, number, packet

from omni_api.simulator import Simulator
from omni_api.simulator._call import Refused
from omni_api.simulator._go import duration_text
from omni_api.simulator._verify import import_key

SERVICE = "management.ManagementService"
NOW = datetime.fromtimestamp(BIRTH, UTC)
READING = "gopenpgp: error in reading key ring: "


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


def refusal(data: str | bytes, *, now: datetime = NOW) -> str:
    with pytest.raises(Refused) as caught:
        import_key(data, longest=timedelta(days=30), now=now)
    assert caught.value.code is grpc.StatusCode.UNKNOWN
    return caught.value.message


def certificate(
    *, text: str = "bot <bot@example.org>", lifetime: int = DAY, revoked: bool = False
) -> bytes:
    key = Key()
    revocation = packet(pgp.SIGNATURE, key.signature(pgp.KEY_REVOKED, key.hashed))
    return (
        packet(pgp.PUBLIC_KEY, key.body)
        + (revocation if revoked else b"")
        + key.certified(text, {pgp.KEY_EXPIRES: number(lifetime)})
    )


def test_a_key_must_be_alive_and_not_for_too_long() -> None:
    month = 30 * DAY
    read = import_key(certificate(lifetime=month), longest=timedelta(days=30), now=NOW)
    assert read.lifetime == month
    # A minute more is granted.
    read = import_key(certificate(lifetime=month + 60), longest=timedelta(days=30), now=NOW)
    assert read.lifetime == month + 60
    assert refusal(certificate(lifetime=month + 61)) == "key lifetime is too long: 720h1m1s"
    assert refusal(certificate(lifetime=0)) == "key does not contain a valid key lifetime"
    assert refusal(certificate(), now=NOW + timedelta(days=1, seconds=1)) == "key expired"
    assert refusal(certificate(revoked=True)) == "key is revoked"


@pytest.mark.parametrize(
    "text", ["bot@example.org", "Bot (linux/amd64) <bot@example.org>", "B <jürgen@example.org>"]
)
def test_a_user_id_is_an_address(text: str) -> None:
    read = import_key(certificate(text=text), longest=timedelta(days=30), now=NOW)
    assert read.user_ids == (text,)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("just a name", "mail: no angle-addr"),
        ("bot <my bot@example.org>", "mail: invalid address"),
        ("bot <bot>", "mail: invalid address"),
    ],
)
def test_a_user_id_that_is_no_address_is_refused(text: str, cause: str) -> None:
    expected = f"key does not contain a valid email address: {cause}: {text}"
    assert refusal(certificate(text=text)) == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "gopenpgp: the key does not contain any entity"),
        ("junk", READING + "no armored data found"),
        (b"\xff\xfe", READING),
        (b"\xc6\x00", READING + "unsupported key version 0"),
    ],
)
def test_what_is_no_key_is_refused_in_the_librarys_words(data: str | bytes, message: str) -> None:
    assert refusal(data).startswith(message)


def test_an_account_is_not_made_of_a_private_key(client: RawClient) -> None:
    secret = pysequoia.Tsk.generate(user_id="x <x@example.org>", validity_seconds=3600)
    request = {"name": "x", "role": "Reader", "armored_pgp_public_key": str(secret)}
    code, message, _ = client.call(SERVICE, "CreateServiceAccount", request)
    assert (code, message) == ("UNKNOWN", "PGP key contains private key")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (30, "30s"), (300, "5m0s"), (3661, "1h1m1s"), (8784 * 3600, "8784h0m0s")],
)
def test_durations_are_written_as_go_does(seconds: int, text: str) -> None:
    assert duration_text(seconds) == text


LAYOUT = 'as \\"2006-01-02\\": cannot parse'.replace("\\", "")


@pytest.mark.parametrize(
    ("date", "cause"),
    [
        ("26", f' {LAYOUT} "26" as "2006"'),
        ("2026.01.01", f' {LAYOUT} ".01.01" as "-"'),
        ("2026-1-01", f' {LAYOUT} "1-01" as "01"'),
        ("2026-13-01", ": month out of range"),
        ("2026-01", f' {LAYOUT} "" as "-"'),
        ("2026-01-1", f' {LAYOUT} "1" as "02"'),
        ("2026-02-29", ": day out of range"),
        ("2026-01-01\\", ': extra text: "\\\\"'),
        ("2026-01-01T", ': extra text: "T"'),
        ("2026-01-01\u00fc", ': extra text: "\\xc3\\xbc"'),
    ],
)
def test_a_date_that_is_none_is_refused_in_gos_words(
    client: RawClient, date: str, cause: str
) -> None:
    code, message, _ = client.call(SERVICE, "ReadAuditLog", {"start_time": date})
    assert code == "INVALID_ARGUMENT"
    shown = date.replace("\\", "\\\\").replace("\u00fc", "\\xc3\\xbc")
    assert message == f'invalid start time: parsing time "{shown}"{cause}'


def test_the_clock_is_turned_and_runs_on_from_there(
    simulator: Simulator, client: RawClient
) -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    simulator.set_time(moment)
    assert timedelta(0) <= simulator.now - moment < timedelta(minutes=1)
    assert client.call(SERVICE, "Omniconfig", {})[:2] == ("UNAUTHENTICATED", "invalid signature")
    simulator.clear_faults()
    assert client.call(SERVICE, "Omniconfig", {})[0] == "OK"


def test_a_time_needs_its_zone(simulator: Simulator) -> None:
    for turn in (simulator.set_time, lambda moment: Simulator(now=moment)):
        with pytest.raises(ValueError, match="a datetime with a time zone is needed"):
            turn(datetime(2030, 1, 1))  # noqa: DTZ001 - that is the mistake


def test_a_payload_must_be_json_of_the_right_shape(client: RawClient) -> None:
    path = f"/{SERVICE}/Omniconfig"
    contents: list[Any] = [
        [],
        {"headers": ["x"], "method": path},
        {"headers": {}, "method": [path]},
        {"headers": {"x": [1]}, "method": path},
    ]
    for content in contents:

        def replaced(_: Any, content: Any = content) -> Any:
            return content

        answer = client.call(SERVICE, "Omniconfig", {}, options={"change": replaced})
        assert answer[:2] == ("UNAUTHENTICATED", "invalid signature")


def test_a_signature_must_be_base64(client: RawClient) -> None:
    good = base64.b64encode(b"x").decode()
    for signature in ("%%%", good[:-1], f"{good} {good}"):
        header = f"siderov1 x {client.fingerprint} {signature}"
        answer = client.call(SERVICE, "Omniconfig", {}, options={"header": header})
        assert answer[:2] == ("UNAUTHENTICATED", "invalid signature")

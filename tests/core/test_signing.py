"""What is signed, byte for byte, and which headers carry the signature."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from by_hand import CountingKey
from laws import given, st

from omni_api import ExpiredKeyError, ServiceAccountKey
from omni_api._core.signing import COVERED, Signatures, payload, signed_metadata

METHOD = "/management.ManagementService/Kubeconfig"
NOW = datetime.fromtimestamp(1795478174, tz=UTC)
CANONICAL = (
    '{"headers":{"authorization":null,"cluster":null,"context":["c1"],"fieldSelectors":null,'
    '"namespace":null,"nodes":null,"runtime":null,"selectors":null,"uid":null,'
    '"x-sidero-timestamp":["1795478174"]},"method":"/management.ManagementService/Kubeconfig"}'
)
NAMES = st.sampled_from([name for name in COVERED if name != "fieldSelectors"])
# What gRPC metadata can carry: printable ASCII.
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
METADATA = st.lists(st.tuples(NAMES, VALUES), max_size=8)


def test_the_payload_is_the_canonical_text_byte_for_byte() -> None:
    metadata = [("context", "c1"), ("x-sidero-timestamp", "1795478174")]
    assert payload(METHOD, metadata) == CANONICAL


def test_the_ten_covered_headers_stand_in_bytewise_order() -> None:
    assert len(COVERED) == 10
    assert sorted(COVERED) == list(COVERED)
    assert list(json.loads(payload(METHOD, []))["headers"]) == list(COVERED)


@given(METADATA, st.randoms(use_true_random=False))
def test_the_order_of_different_headers_does_not_matter(
    metadata: list[tuple[str, str]], random: object
) -> None:
    names = list(dict.fromkeys(name for name, _ in metadata))
    random.shuffle(names)  # type: ignore[attr-defined]
    grouped = [pair for name in names for pair in metadata if pair[0] == name]
    assert payload(METHOD, grouped) == payload(METHOD, metadata)


@given(NAMES, st.lists(VALUES, min_size=2, max_size=4, unique=True))
def test_the_order_of_the_values_of_one_header_matters(name: str, values: list[str]) -> None:
    forwards = payload(METHOD, [(name, value) for value in values])
    backwards = payload(METHOD, [(name, value) for value in reversed(values)])
    assert forwards != backwards
    assert json.loads(forwards)["headers"][name] == values


@given(METADATA, METADATA)
def test_different_headers_have_different_payloads(
    one: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    def grouped(metadata: list[tuple[str, str]]) -> dict[str, list[str]]:
        return {name: [v for n, v in metadata if n == name] for name, _ in metadata}

    same = payload(METHOD, one) == payload(METHOD, other)
    assert same == (grouped(one) == grouped(other))


@given(NAMES, VALUES, st.integers(0, 19), st.integers(1, 94))
def test_any_changed_byte_of_a_value_changes_the_payload(
    name: str, value: str, place: int, shift: int
) -> None:
    value = value or "x"
    place %= len(value)
    other = chr((ord(value[place]) - 0x20 + shift) % 95 + 0x20)
    changed = value[:place] + other + value[place + 1 :]
    assert payload(METHOD, [(name, changed)]) != payload(METHOD, [(name, value)])


def test_another_method_changes_the_payload() -> None:
    assert payload(METHOD + "s", []) != payload(METHOD, [])
    assert json.loads(payload(METHOD, []))["method"] == METHOD


@pytest.mark.parametrize("name", ["fieldSelectors", "fieldselectors"])
def test_field_selectors_stay_null_although_they_are_sent(name: str) -> None:
    text = payload(METHOD, [(name, "a=b")])
    assert json.loads(text)["headers"]["fieldSelectors"] is None
    assert text == payload(METHOD, [])


@given(st.text(st.characters(min_codepoint=0x2D, max_codepoint=0x7A), min_size=1), VALUES)
def test_headers_outside_the_ten_are_not_in_the_payload(name: str, value: str) -> None:
    if name not in COVERED:
        assert payload(METHOD, [(name, value)]) == payload(METHOD, [])


def test_less_greater_and_ampersand_are_escaped_as_go_does() -> None:
    text = payload(METHOD, [("selectors", "a<b>c&d")])
    assert r'"selectors":["a\u003cb\u003ec\u0026d"]' in text
    assert json.loads(text)["headers"]["selectors"] == ["a<b>c&d"]


@given(st.lists(st.tuples(NAMES, st.text()), max_size=4))
def test_the_payload_is_ascii_and_json_whatever_is_signed(metadata: list[tuple[str, str]]) -> None:
    text = payload(METHOD, metadata)
    assert text.isascii()
    assert set(json.loads(text)) == {"headers", "method"}


@given(METADATA)
def test_the_payload_sent_is_the_one_signed_and_covers_all_that_is_sent(
    metadata: list[tuple[str, str]],
) -> None:
    key = CountingKey()
    sent = signed_metadata(key, METHOD, tuple(metadata), now=NOW)
    unsigned, (name, text), (last, _) = sent[:-2], sent[-2], sent[-1]
    assert (name, last) == ("x-sidero-payload", "x-sidero-signature")
    assert key.signed == [text.encode()]
    assert text == payload(METHOD, unsigned)
    assert unsigned == (*metadata, ("x-sidero-timestamp", "1795478174"))


def test_the_timestamp_is_whole_unix_seconds() -> None:
    late = NOW.replace(microsecond=999_999)
    headers = dict(signed_metadata(CountingKey(), METHOD, (), now=late))
    assert headers["x-sidero-timestamp"] == "1795478174"


def test_the_signature_header_has_four_fields_with_one_space_between() -> None:
    key = ServiceAccountKey.generate("ci")
    header = dict(signed_metadata(key, METHOD, (), now=NOW))["x-sidero-signature"]
    version, identity, fingerprint, signature = header.split(" ")
    assert (version, identity, fingerprint) == ("siderov1", "ci", key.fingerprint)
    assert base64.b64encode(base64.b64decode(signature, validate=True)).decode() == signature
    assert len(fingerprint) == 40
    assert fingerprint == fingerprint.lower()


def test_a_key_that_has_expired_meanwhile_signs_nothing() -> None:
    key = CountingKey(expires=NOW)
    with pytest.raises(ExpiredKeyError, match="the key of ci expired at 2026-11-23 23:56:14 UTC"):
        signed_metadata(key, METHOD, (), now=NOW)
    assert key.signed == []
    assert signed_metadata(key, METHOD, (), now=NOW - timedelta(seconds=1))


# ---- Calls that are alike -----------------------------------------------------------------------


def test_calls_that_are_alike_share_the_signature_of_a_second() -> None:
    key, signatures = CountingKey(), Signatures()

    def sign(at: datetime, *, path: str = METHOD, metadata: Any = (), anew: bool = False) -> Any:
        return signatures.metadata(key, path, metadata, now=at, anew=anew)

    first = sign(NOW)
    assert sign(NOW + timedelta(milliseconds=999)) == first
    assert len(key.signed) == 1
    assert sign(NOW + timedelta(seconds=1)) != first
    assert sign(NOW, path="/other") != first
    assert sign(NOW, metadata=(("context", "prod"),)) != first
    assert len(key.signed) == 4


def test_what_has_to_be_signed_anew_is() -> None:
    key, signatures = CountingKey(), Signatures()
    first = signatures.metadata(key, METHOD, (), now=NOW, anew=False)
    assert signatures.metadata(key, METHOD, (), now=NOW, anew=True) != first


def test_a_signature_does_not_outlive_its_key_within_the_second() -> None:
    key, signatures = CountingKey(expires=NOW + timedelta(milliseconds=500)), Signatures()
    signatures.metadata(key, METHOD, (), now=NOW, anew=False)
    with pytest.raises(ExpiredKeyError):
        signatures.metadata(key, METHOD, (), now=NOW + timedelta(milliseconds=500), anew=False)


def test_only_few_signatures_are_kept() -> None:
    key, signatures = CountingKey(), Signatures()
    for number in range(100):
        signatures.metadata(key, f"/{number}", (), now=NOW, anew=False)
    assert len(signatures._made) <= 16

"""Keys that cannot be used: each is told apart, and no error shows a piece of it."""

from __future__ import annotations

import base64
import traceback

import pysequoia
import pytest
from known_keys import ARMORED, KEY, LOCKED, VALUE, encoded, made, shows_nothing
from laws import given, st

from omni_api import (
    DamagedKeyError,
    ExpiredKeyError,
    ForeignKeyError,
    InvalidKeyError,
    LockedKeyError,
    ServiceAccountKey,
)

DAMAGED = {
    "empty": "",
    "cut": VALUE[:200],
    "cut by one": VALUE[:-1],
    "not base64": "%%%" + VALUE,
    "a space inside": VALUE[:80] + " " + VALUE[80:],
    "not ASCII": VALUE[:80] + "\u043a" + VALUE[81:],
    "base64 of no JSON": base64.b64encode(b"name=ci").decode(),
    "base64 of no text": base64.b64encode(b"\xff\xfe\xfd").decode(),
    "endless JSON": base64.b64encode(b"[" * 100_000).decode(),
    "JSON without fields": base64.b64encode(b"{}").decode(),
    "JSON without a key": base64.b64encode(b'{"name": "ci"}').decode(),
    "a JSON list": base64.b64encode(b"[1]").decode(),
    "a JSON number": base64.b64encode(b"1").decode(),
    "null": base64.b64encode(b"null").decode(),
    "a name that is no text": encoded(ARMORED, 7),
    "a key that is no text": encoded(["x"]),
    "an empty key": encoded(""),
    "a key that is no armor": encoded("secret"),
    "a cut key": encoded(ARMORED[: len(ARMORED) // 2]),
    "a key with a broken surrogate": encoded("\ud800"),
    "the armor itself": ARMORED,
}


@pytest.mark.parametrize("value", list(DAMAGED.values()), ids=list(DAMAGED))
def test_a_damaged_key_is_called_damaged_and_not_shown(value: str) -> None:
    with pytest.raises(DamagedKeyError) as caught:
        ServiceAccountKey.decode(value)
    assert shows_nothing("".join(traceback.format_exception(caught.value)), value=value or "-")


MISTYPED = [
    ARMORED[:place] + ("A" if ARMORED[place] != "A" else "B") + ARMORED[place + 1 :]
    for place in range(ARMORED.index("\n\n") + 2, ARMORED.rindex("\n="), 13)
    if ARMORED[place] != "\n"
]


def test_a_key_mistyped_in_any_place_raises_no_error_but_ours() -> None:
    others = {}
    for armored in MISTYPED:
        try:
            ServiceAccountKey.decode(encoded(armored))
        except InvalidKeyError as error:
            assert shows_nothing(str(error)), error
        except Exception as error:
            others[type(error).__name__] = str(error).partition("\n")[0]
    assert others == {}


def test_a_key_mistyped_in_any_place_is_called_damaged() -> None:
    taken_for = set()
    for armored in MISTYPED:
        try:
            ServiceAccountKey.decode(encoded(armored))
            taken_for.add("a good key")
        except Exception as error:
            taken_for.add(type(error).__name__)
    assert taken_for == {"DamagedKeyError"}


@pytest.mark.parametrize("value", [None, 7, b"abc"])
def test_a_value_that_is_no_text_is_refused_with_its_type(value: object) -> None:
    with pytest.raises(DamagedKeyError, match=type(value).__name__):
        ServiceAccountKey.decode(value)  # type: ignore[arg-type]


@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()))
def test_any_text_that_is_no_key_is_called_damaged(value: str) -> None:
    with pytest.raises(DamagedKeyError):
        ServiceAccountKey.decode(value)


def test_an_expired_key_says_since_when() -> None:
    with pytest.raises(ExpiredKeyError, match=r"service account 'ci' expired at \d{4}-\d\d-\d\d"):
        ServiceAccountKey.decode(encoded(str(made(validity_seconds=1))))


def test_a_revoked_key_is_refused() -> None:
    key = made()
    revoked = bytes(key) + bytes(key.extract_certificate().revoke(key.certifier()))
    armored = pysequoia.armor(revoked, pysequoia.ArmorKind.SecretKey)
    with pytest.raises(ExpiredKeyError, match="was revoked"):
        ServiceAccountKey.decode(encoded(str(armored)))


def test_a_key_with_a_passphrase_is_called_locked() -> None:
    with pytest.raises(LockedKeyError, match="locked with a passphrase"):
        ServiceAccountKey.decode(encoded(LOCKED))


def test_a_public_key_is_called_foreign() -> None:
    with pytest.raises(ForeignKeyError, match="holds a public key only"):
        ServiceAccountKey.decode(encoded(KEY.armored_public_key))

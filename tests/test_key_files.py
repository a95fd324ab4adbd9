"""Key files of people, and what no key of any kind ever shows."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from known_keys import ARMORED, KEY, LOCKED, PIECES, VALUE, made, shows_nothing

from omni_api import (
    DamagedKeyError,
    ExpiredKeyError,
    ForeignKeyError,
    InvalidKeyError,
    LockedKeyError,
    OmniClient,
    ServiceAccountKey,
    UserKey,
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Write a key file as the official client names it."""

    def write(content: str | bytes) -> Path:
        file = tmp_path / "default-me@example.com.pgp"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


ME = "ci@serviceaccount.omni.sidero.dev"


@pytest.mark.parametrize("identity", [ME, ME.upper()])
def test_a_key_file_is_read_for_its_owner_in_any_letter_case(
    identity: str, write: Callable[[str], Path]
) -> None:
    key = UserKey.from_file(write(ARMORED), identity=identity)
    assert (key.identity, key.fingerprint, key.expires) == (identity, KEY.fingerprint, KEY.expires)
    assert UserKey.from_file(str(write(ARMORED)), identity=identity).fingerprint == KEY.fingerprint


@pytest.mark.parametrize("identity", ["you@example.com", "sidero.dev", "i@serviceaccount.omni", ""])
def test_a_key_file_of_somebody_else_is_foreign_and_both_are_named(
    identity: str, write: Callable[[str], Path]
) -> None:
    with pytest.raises(ForeignKeyError) as caught:
        UserKey.from_file(write(ARMORED), identity=identity)
    assert ME in str(caught.value)
    assert f"not to {identity}" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", DamagedKeyError),
        (b"\xff\xfe", DamagedKeyError),
        (ARMORED.encode()[:500], DamagedKeyError),
        (LOCKED.encode(), LockedKeyError),
        (KEY.armored_public_key.encode(), ForeignKeyError),
        (str(made(validity_seconds=1)).encode(), ExpiredKeyError),
    ],
    ids=["empty", "not text", "cut", "locked", "public", "expired"],
)
def test_a_key_file_that_cannot_be_used_says_which_file_and_why(
    content: bytes, kind: type[InvalidKeyError], write: Callable[[bytes], Path]
) -> None:
    file = write(content)
    with pytest.raises(kind) as caught:
        UserKey.from_file(file, identity=ME)
    assert str(file) in str(caught.value)
    assert shows_nothing("".join(traceback.format_exception(caught.value)))


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pgp", tmp_path):
        with pytest.raises(DamagedKeyError, match=f"cannot read the key file {path}"):
            UserKey.from_file(path, identity=ME)


def test_nothing_secret_is_shown_by_keys_clients_and_logs(
    caplog: pytest.LogCaptureFixture, write: Callable[[str], Path]
) -> None:
    with caplog.at_level(logging.DEBUG):
        key = ServiceAccountKey.decode(VALUE)
        user = UserKey.from_file(write(ARMORED), identity=ME)
        with OmniClient("grpc://127.0.0.1:1", auth=key) as client:
            shown = [
                f"{thing!r} {thing!s} {thing}"
                for thing in (key, user, key._pair, client, client._driver.session)
            ]
    assert len(PIECES) > 10
    assert all(map(shows_nothing, [*shown, caplog.text]))
    assert repr(key) == f"ServiceAccountKey(name='ci', fingerprint={KEY.fingerprint!r})"
    assert repr(user) == f"UserKey(identity={ME!r}, fingerprint={KEY.fingerprint!r})"


def test_the_cause_of_an_error_does_not_carry_the_key_either(
    write: Callable[[bytes], Path],
) -> None:
    with pytest.raises(DamagedKeyError) as caught:
        UserKey.from_file(write(ARMORED.encode() + b"\xe9"), identity=ME)
    error: BaseException | None = caught.value
    while error is not None:
        assert shows_nothing(repr(error)), type(error)
        error = error.__cause__ or error.__context__

"""Keys of service accounts: how they are made, written and read."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pysequoia
import pytest
from known_keys import ARMORED, KEY, VALUE, encoded

from omni_api import (
    InvalidInputError,
    ServiceAccountKey,
)
from omni_api._core.signing import signed_metadata


def test_a_key_reads_back_as_it_was_written() -> None:
    again = ServiceAccountKey.decode(VALUE)
    assert (again.name, again.fingerprint, again.expires) == ("ci", KEY.fingerprint, KEY.expires)
    assert again.armored_public_key == KEY.armored_public_key
    assert again.encode() == VALUE


def test_the_value_has_the_form_of_the_official_tools() -> None:
    fields = json.loads(base64.b64decode(VALUE, validate=True))
    assert set(fields) == {"name", "pgp_key"}
    assert fields["name"] == "ci"
    assert fields["pgp_key"].startswith("-----BEGIN PGP PRIVATE KEY BLOCK-----")
    assert KEY.armored_public_key.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")


@pytest.mark.parametrize("broken", ["\n", "\r\n", "\n\n"])
def test_line_breaks_inside_and_space_around_the_base64_are_allowed(broken: str) -> None:
    lines = [VALUE[i : i + 76] for i in range(0, len(VALUE), 76)]
    wrapped = f"  {broken.join(lines)}{broken}\t"
    assert ServiceAccountKey.decode(wrapped).fingerprint == KEY.fingerprint


@pytest.mark.parametrize(
    "lifetime", [1, 90.5, timedelta(hours=4), timedelta(days=90), timedelta(days=365)]
)
def test_a_key_lives_as_long_as_asked_and_never_beyond_a_year(lifetime: float | timedelta) -> None:
    asked = lifetime if isinstance(lifetime, timedelta) else timedelta(seconds=lifetime)
    key = ServiceAccountKey.generate("ci", lifetime)
    assert key.expires is not None
    assert key.expires.utcoffset() == timedelta(0)
    left = key.expires - datetime.now(UTC)
    assert asked - timedelta(minutes=1, seconds=5) <= left <= asked + timedelta(seconds=5)


@pytest.mark.parametrize(
    "lifetime", [0, -1, 0.5, timedelta(days=365, seconds=1), 10**9, 2**70, 1e300, "1d", True]
)
def test_a_lifetime_that_no_server_takes_is_refused(lifetime: object) -> None:
    with pytest.raises(InvalidInputError, match="lifetime must be"):
        ServiceAccountKey.generate("ci", lifetime)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["ci", "my-sa", "a", "a.b_c-9", "infra-provider:aws-1", "0"])
def test_a_key_keeps_the_name_of_its_account(name: str) -> None:
    key = ServiceAccountKey.generate(name)
    (user_id,) = pysequoia.Cert.from_bytes(key.armored_public_key.encode()).user_ids
    domain = "serviceaccount.omni.sidero.dev"
    base = name.removeprefix("infra-provider:")
    assert key.name == key.identity == name
    assert str(user_id).startswith(f"{base} (")
    assert str(user_id).endswith(
        f"<{base}@{domain}>" if base == name else f"<{base}@infra-provider.{domain}>"
    )


@pytest.mark.parametrize(
    "name",
    ["", "my sa", "CI", "-ci", "ci-", "ci@serviceaccount.omni.sidero.dev", "j\u00f6rg", "ci\n",
     "a/b", "infra-provider:", "infra:x", "infra-provider:A", None, 7],
)  # fmt: skip
def test_a_name_that_is_no_account_is_refused_and_named(name: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ServiceAccountKey.generate(name)  # type: ignore[arg-type]
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("ci", "ci"),
        ("ci@serviceaccount.omni.sidero.dev", "ci@serviceaccount.omni.sidero.dev"),
        ("infra-provider:aws-1", "infra-provider:aws-1"),
        ("my sa", "my_sa"),
        ("J\u00f6rg \u4e2d", "J_rg_"),
        ("a\r\nb", "a_b"),
        ("", "_"),
    ],
)
def test_both_forms_of_a_name_are_read_and_the_identity_fits_a_header(
    name: str, identity: str
) -> None:
    key = ServiceAccountKey.decode(encoded(ARMORED, name))
    headers = dict(signed_metadata(key, "/a.B/C", (), now=datetime.now(UTC)))
    assert key.name == name
    assert headers["x-sidero-signature"].split(" ")[1] == identity
    assert len(headers["x-sidero-signature"].split(" ")) == 4

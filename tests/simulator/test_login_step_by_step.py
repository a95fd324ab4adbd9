"""The AuthService: what registering, awaiting, confirming and revoking a key answer."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pysequoia
import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator

AUTH = "auth.AuthService"
MANAGEMENT = "management.ManagementService"
UNSIGNED = {"signed": False}


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    """A client that signs with a new key of nobody."""
    made = RawClient(simulator)
    made.use_key(pysequoia.Tsk.generate(user_id="me <me@example.org>", validity_seconds=4 * 3600))
    yield made
    made.close()


def register(client: RawClient, email: str = "reader@example.org", **more: Any) -> tuple[str, str]:
    public = str(client._key.extract_certificate()).encode()
    request = {
        "public_key": {"pgp_data": base64.b64encode(public).decode()},
        "identity": {"email": email},
        **more,
    }
    return client.call(AUTH, "RegisterPublicKey", request, None, UNSIGNED)[:2]


def confirm(client: RawClient, key: str, token: str = "") -> tuple[str, str]:
    headers = [["authorization", token]] if token else []
    return client.call(AUTH, "ConfirmPublicKey", {"public_key_id": key}, headers, UNSIGNED)[:2]


def test_registering_without_a_pgp_key_is_refused(client: RawClient) -> None:
    for key, answer in (
        ({}, ("INVALID_ARGUMENT", "no public key data provided")),
        ({"webauthn_data": "eA=="}, ("UNIMPLEMENTED", "unimplemented")),
        ({"pgp_data": "/////w=="}, ("UNKNOWN", "gopenpgp: error in reading key ring: ")),
        ({"pgp_data": "eA=="}, ("UNKNOWN", "gopenpgp: error in reading key ring: no armored")),
    ):
        request = {"public_key": key, "identity": {"email": "reader@example.org"}}
        code, message, _ = client.call(AUTH, "RegisterPublicKey", request, None, UNSIGNED)
        assert code == answer[0]
        assert message.startswith(answer[1])


def test_a_binary_key_is_taken_too(simulator: Simulator, client: RawClient) -> None:
    public = bytes(client._key.extract_certificate())
    request = {
        "public_key": {"pgp_data": base64.b64encode(public).decode()},
        "identity": {"email": "reader@example.org"},
    }
    code, _, [registered] = client.call(AUTH, "RegisterPublicKey", request, None, UNSIGNED)
    assert (code, registered["public_key_id"]) == ("OK", client.fingerprint)
    simulator.confirm_login(client.fingerprint)
    assert client.call(MANAGEMENT, "Omniconfig", {})[0] == "OK"


def test_a_chosen_role_counts_only_without_the_users_own(
    simulator: Simulator, client: RawClient
) -> None:
    assert register(client, "admin@example.org", role="nonsense", skip_user_role=True) == (
        "UNKNOWN",
        'failed to parse role for public key: unknown role to parse: "nonsense"',
    )
    assert register(client, "admin@example.org", role="Reader", skip_user_role=True)[0] == "OK"
    # Again is a no-op, whatever it asks for.
    assert register(client, "admin@example.org", role="nonsense")[0] == "OK"
    simulator.confirm_login(client.fingerprint)
    code, message, _ = client.call(MANAGEMENT, "ListUsers", {})
    assert code == "PERMISSION_DENIED"
    assert message.endswith('insufficient role: "Reader"')


def test_confirming_needs_a_verified_user_and_their_own_key(client: RawClient) -> None:
    register(client)
    key, reader = client.fingerprint, "Bearer sim:reader@example.org"
    assert confirm(client, key) == ("UNKNOWN", "unauthenticated: missing verified email")
    assert confirm(client, key, "Bearer real") == ("UNAUTHENTICATED", "invalid jwt")
    assert confirm(client, "", reader) == ("INVALID_ARGUMENT", "public key id is required")
    assert confirm(client, key, "Bearer sim:Ghost@example.org") == (
        "PERMISSION_DENIED",
        'The identity "ghost@example.org" is not authorized for this instance',
    )
    assert confirm(client, "0" * 40, reader) == ("PERMISSION_DENIED", "permission denied")
    admin = "Bearer sim:admin@example.org"
    assert confirm(client, key, admin) == ("UNKNOWN", "public key <> id mismatch")
    assert confirm(client, key, "Bearer sim:READER@example.org") == ("OK", "")
    assert confirm(client, key, reader) == ("OK", "")
    assert client.call(MANAGEMENT, "Omniconfig", {})[0] == "OK"


def test_an_unknown_user_is_answered_alike_and_nothing_is_stored(
    simulator: Simulator, client: RawClient
) -> None:
    assert register(client, "ghost@example.org") == ("OK", "")
    with pytest.raises(LookupError):
        simulator.confirm_login(client.fingerprint)
    with pytest.raises(LookupError, match="permission denied"):
        simulator.confirm_login(client.fingerprint, "reader@example.org")


def test_awaiting_lasts_until_the_confirmation_or_five_minutes(
    simulator: Simulator, client: RawClient
) -> None:
    register(client)
    request = {"public_key_id": client.fingerprint}

    def awaited() -> tuple[str, str]:
        return client.call(AUTH, "AwaitPublicKeyConfirmation", request, None, UNSIGNED)[:2]

    with ThreadPoolExecutor() as pool:
        late = pool.submit(awaited)

        def over() -> bool:
            simulator.advance(timedelta(minutes=5))
            return late.done()

        assert not late.done()
        assert simulator.wait_for(over)
        assert late.result() == ("DEADLINE_EXCEEDED", "context deadline exceeded")
        early = pool.submit(awaited)
        assert simulator.wait_for(lambda: simulator.count("AwaitPublicKeyConfirmation") == 2)
        assert not early.done()
        simulator.confirm_login(client.fingerprint)
        assert early.result(5) == ("OK", "")


def test_only_ones_own_key_can_be_revoked(simulator: Simulator, client: RawClient) -> None:
    register(client)
    admin = RawClient(simulator)
    request = {"public_key_id": client.fingerprint}
    denied = ("PERMISSION_DENIED", "permission denied")
    assert admin.call(AUTH, "RevokePublicKey", request)[:2] == denied
    assert admin.call(AUTH, "RevokePublicKey", {"public_key_id": "ghost"})[:2] == denied
    admin.close()

"""Who is let in: signatures, clocks, keys and roles, and what a refused caller is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest
from facades import Facade
from sample_calls import one_machine

from omni_api import (
    ExpiredKeyError,
    InvalidInputError,
    PermissionDeniedError,
    ServiceAccountKey,
    UnauthenticatedError,
)
from omni_api.simulator import Simulator

ROLES = ("None", "InfraProvider", "Reader", "Auditor", "Operator", "Admin")


@pytest.mark.parametrize("minutes", [-6, 6, 600])
def test_a_wrong_clock_is_unauthenticated_with_a_hint(
    omni: Any, simulator: Simulator, minutes: int
) -> None:
    simulator.clock_offset = timedelta(minutes=minutes)
    with pytest.raises(UnauthenticatedError, match="invalid signature") as caught:
        omni.management.list_users()
    assert "clock is right to within five minutes" in caught.value.hint
    assert "revoked" in caught.value.hint
    assert str(caught.value).endswith(caught.value.hint)
    assert simulator.count("ListUsers") == caught.value.attempts == 1


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_clock_that_is_a_bit_wrong_is_no_matter(
    omni: Any, simulator: Simulator, minutes: int
) -> None:
    simulator.clock_offset = timedelta(minutes=minutes)
    assert omni.management.list_users().users


def test_a_client_recovers_when_the_clock_is_set_right(omni: Any, simulator: Simulator) -> None:
    simulator.clock_offset = timedelta(hours=1)
    with pytest.raises(UnauthenticatedError):
        omni.management.omniconfig()
    simulator.clock_offset = timedelta(0)
    assert omni.management.omniconfig().omniconfig


def test_the_refusal_of_a_stream_comes_with_its_first_message(
    facade: Facade, simulator: Simulator
) -> None:
    stream = facade.client(simulator.endpoint).management.machine_logs(
        machine_id=one_machine(simulator)
    )
    with stream:
        # To enter is to send, not to be let in.
        assert facade.meanwhile(lambda: simulator.wait_for(lambda: bool(simulator.calls)))
        with pytest.raises(UnauthenticatedError) as caught:
            next(stream)
    assert "clock" in caught.value.hint
    assert caught.value.chunks == 0
    assert simulator.count("MachineLogs") == 1


def test_a_stream_with_a_wrong_clock_is_refused_and_not_tried_again(
    omni: Any, simulator: Simulator
) -> None:
    simulator.clock_offset = timedelta(minutes=-10)
    with pytest.raises(UnauthenticatedError):
        list(omni.audit_log.read())
    assert simulator.count("ReadAuditLog") == 1


def test_the_key_of_another_server_is_unauthenticated(facade: Facade, simulator: Simulator) -> None:
    with Simulator() as other:
        key = ServiceAccountKey.decode(other.service_account_key())
        assert facade.client(other.endpoint, auth=key).management.list_users().users
        with pytest.raises(UnauthenticatedError) as caught:
            facade.client(simulator.endpoint, auth=key).management.list_users()
    assert "belongs to this endpoint" in caught.value.hint


@attrs.frozen
class Pretender:
    """Signs with one key and says that it was another."""

    key: ServiceAccountKey
    fingerprint: str
    identity: str = "automation"

    @property
    def expires(self) -> Any:
        return self.key.expires

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data)


def test_a_signature_of_another_key_is_unauthenticated(
    facade: Facade, simulator: Simulator
) -> None:
    reader = ServiceAccountKey.decode(simulator.service_account_key("Reader"))
    admin = ServiceAccountKey.decode(simulator.service_account_key("Admin"))
    omni = facade.client(simulator.endpoint, auth=Pretender(reader, admin.fingerprint))
    with pytest.raises(UnauthenticatedError):
        omni.management.list_users()


def test_the_identity_in_the_header_counts_for_nothing(
    facade: Facade, simulator: Simulator
) -> None:
    reader = ServiceAccountKey.decode(simulator.service_account_key("Reader"))
    omni = facade.client(
        simulator.endpoint, auth=Pretender(reader, reader.fingerprint, "admin@example.org")
    )
    assert b"simulator-reader@serviceaccount" in omni.management.omniconfig().omniconfig


def test_the_key_of_a_destroyed_account_is_unauthenticated(
    omni: Any, facade: Facade, simulator: Simulator
) -> None:
    key = omni.service_accounts.create("short-lived", "Reader")
    friend = facade.client(simulator.endpoint, auth=key)
    assert friend.management.omniconfig().omniconfig
    omni.management.destroy_service_account(name="short-lived")
    with pytest.raises(UnauthenticatedError):
        friend.management.omniconfig()


def test_a_key_that_the_server_holds_for_expired_is_unauthenticated(
    omni: Any, facade: Facade, simulator: Simulator
) -> None:
    key = omni.service_accounts.create("brief", "Reader", timedelta(seconds=120))
    friend = facade.client(simulator.endpoint, auth=key)
    assert friend.management.omniconfig().omniconfig
    simulator.advance(timedelta(seconds=240))
    with pytest.raises((UnauthenticatedError, ExpiredKeyError)):
        friend.management.omniconfig()


@pytest.mark.parametrize("role", ROLES)
def test_the_audit_log_is_for_auditors_and_admins(as_role: Callable[..., Any], role: str) -> None:
    omni = as_role(role)
    if role in {"Auditor", "Admin"}:
        assert list(omni.audit_log.read())
    else:
        with pytest.raises(PermissionDeniedError, match="is not one of") as caught:
            list(omni.audit_log.read())
        assert caught.value.hint == (
            f"The key has role {role}; read_audit_log needs Auditor or Admin. "
            "Use a key with that role"
        )


def test_a_role_too_low_is_named_with_the_one_that_is_needed(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    with pytest.raises(PermissionDeniedError) as caught:
        as_role("Reader").management.create_user(email="eve@example.org", role="Admin")
    assert caught.value.details == 'unauthorized: access denied: insufficient role: "Reader"'
    assert caught.value.hint == (
        "The key has role Reader; create_user needs Admin. Use a key with that role"
    )
    assert not caught.value.outcome_unknown
    assert "eve@example.org" not in simulator.state.accounts.identities


def test_a_suspended_server_lets_everybody_read_only(omni: Any, simulator: Simulator) -> None:
    simulator.state.suspended = True
    assert omni.management.talosconfig().talosconfig
    with pytest.raises(PermissionDeniedError, match='"Reader"'):
        omni.management.list_users()


def test_a_server_without_authentication_takes_unsigned_calls(
    facade: Facade, simulator: Simulator
) -> None:
    simulator.state.auth_enabled = False
    assert facade.client(simulator.endpoint).management.list_users().users


def test_the_effective_role_is_the_lower_of_user_and_key(
    omni: Any, as_role: Callable[..., Any]
) -> None:
    operator = as_role("Operator")
    account = "simulator-operator@serviceaccount.omni.sidero.dev"
    omni.management.update_user(email=account, role="Reader")
    with pytest.raises(PermissionDeniedError, match='"Reader"'):
        operator.management.create_schematic()
    omni.management.update_user(email=account, role="Admin")
    assert operator.management.create_schematic().schematic_id
    with pytest.raises(PermissionDeniedError, match='"Operator"'):
        operator.management.list_users()


@pytest.mark.parametrize("auth", ["a key", b"a key", 7, {"name": "x"}])
def test_what_cannot_sign_is_refused_when_the_client_is_made(facade: Facade, auth: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"ServiceAccountKey\.decode"):
        facade.client("grpc://127.0.0.1:1", auth=auth)

"""Users: made, listed, changed and destroyed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from omni_api import (
    AlreadyExistsError,
    InvalidArgumentError,
    InvalidInputError,
    NotFoundError,
    UnknownError,
)
from omni_api.simulator import Simulator


def emails(omni: Any) -> list[str]:
    return [user.email for user in omni.management.list_users().users]


def test_users_are_listed_by_address_and_service_accounts_are_not_among_them(omni: Any) -> None:
    users = omni.management.list_users().users
    assert [(user.email, user.role) for user in users] == [
        ("admin@example.org", "Admin"),
        ("auditor@example.org", "Auditor"),
        ("operator@example.org", "Operator"),
        ("reader@example.org", "Reader"),
    ]
    assert all(uuid.UUID(user.id) for user in users)
    assert all(user.last_active is None for user in users)
    assert all(user.saml_labels == {} for user in users)


def test_a_new_user_is_stored_in_lower_case(omni: Any) -> None:
    answer = omni.management.create_user(email="Ana.Maria@Example.ORG", role="Operator")
    (ana,) = [user for user in omni.management.list_users().users if user.id == answer.user_id]
    assert (ana.email, ana.role) == ("ana.maria@example.org", "Operator")


def test_a_user_who_exists_already_is_reported_as_such(omni: Any) -> None:
    with pytest.raises(AlreadyExistsError, match="already exists") as caught:
        omni.management.create_user(email="READER@example.org", role="Reader")
    # The server has no code for it, and that is told as it came.
    assert caught.value.code.name == "UNKNOWN"
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("role", ["", "admin", "Chief"])
def test_an_unknown_role_is_refused(omni: Any, role: str) -> None:
    with pytest.raises(UnknownError, match=f'unknown role to parse: "{role}"'):
        omni.management.create_user(email="ana@example.org", role=role)
    assert "ana@example.org" not in emails(omni)


@pytest.mark.parametrize("email", ["ana", "ana@", "a b@example.org"])
def test_a_malformed_address_is_an_invalid_argument(omni: Any, email: str) -> None:
    with pytest.raises(InvalidArgumentError, match="not a valid email address"):
        omni.management.create_user(email=email, role="Reader")


def test_a_role_is_changed_whatever_the_letter_case(omni: Any) -> None:
    assert omni.management.update_user(email="Reader@Example.org", role="Operator") is None
    roles = {user.email: user.role for user in omni.management.list_users().users}
    assert roles["reader@example.org"] == "Operator"


def test_a_service_account_can_be_given_another_role_but_the_own_one_cannot(omni: Any) -> None:
    domain = "@serviceaccount.omni.sidero.dev"
    omni.service_accounts.create("ci", "Reader")
    omni.management.update_user(email=f"ci{domain}", role="Operator")
    accounts = omni.management.list_service_accounts().service_accounts
    assert [account.role for account in accounts if account.name == "ci"] == ["Operator"]
    with pytest.raises(InvalidArgumentError, match="updating your own role is not allowed"):
        omni.management.update_user(email=f"automation{domain}", role="Reader")


def test_an_unknown_user_is_not_found(omni: Any) -> None:
    with pytest.raises(NotFoundError, match="ghost@example"):
        omni.management.update_user(email="ghost@example.org", role="Reader")
    with pytest.raises(NotFoundError, match='" not found'):
        omni.management.destroy_user(email="ghost@example.org")


def test_a_destroyed_user_is_gone_and_the_address_is_free_again(omni: Any) -> None:
    assert omni.management.destroy_user(email="Reader@example.org") is None
    assert "reader@example.org" not in emails(omni)
    assert omni.management.create_user(email="reader@example.org", role="Reader").user_id


def test_own_account_and_service_accounts_are_no_users_to_destroy(omni: Any) -> None:
    domain = "@serviceaccount.omni.sidero.dev"
    with pytest.raises(InvalidArgumentError, match="destroying your own account"):
        omni.management.destroy_user(email=f"automation{domain}")
    omni.service_accounts.create("ci", "Reader")
    with pytest.raises(InvalidArgumentError, match="service account, not a user"):
        omni.management.destroy_user(email=f"ci{domain}")


@pytest.mark.parametrize("email", ["", "  ", None])
def test_a_missing_address_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, email: Any
) -> None:
    calls: tuple[Callable[[], Any], ...] = (
        lambda: omni.management.create_user(email=email, role="Reader"),
        lambda: omni.management.update_user(email=email, role="Reader"),
        lambda: omni.management.destroy_user(email=email),
    )
    for call in calls:
        with pytest.raises(InvalidInputError, match="email must"):
            call()
    assert simulator.calls == []

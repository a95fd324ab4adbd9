"""Service accounts: through the plain rpcs, and through the convenience that makes the keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from facades import Facade
from sample_calls import private_key, public_key

from omni_api import (
    AlreadyExistsError,
    InvalidArgumentError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    ServiceAccountKey,
    UnknownError,
)
from omni_api.simulator import Simulator

DOMAIN = "@serviceaccount.omni.sidero.dev"


def account(omni: Any, name: str) -> Any:
    """Return the listed account of this name."""
    (found,) = [
        one for one in omni.management.list_service_accounts().service_accounts if one.name == name
    ]
    return found


@pytest.mark.parametrize("role", ["Reader", "Auditor", "Operator", "Admin"])
def test_a_new_key_is_usable_at_once_by_a_new_client(
    omni: Any, facade: Facade, simulator: Simulator, role: str
) -> None:
    key = omni.service_accounts.create("ci", role)
    assert isinstance(key, ServiceAccountKey)
    # Through the form in which it travels.
    friend = facade.client(simulator.endpoint, auth=ServiceAccountKey.decode(key.encode()))
    assert f"ci{DOMAIN}".encode() in friend.management.omniconfig().omniconfig
    assert account(omni, "ci").role == role


def test_a_renewed_key_is_usable_at_once_and_the_old_one_stays_valid(
    omni: Any, facade: Facade, simulator: Simulator
) -> None:
    old = omni.service_accounts.create("ci", "Reader")
    new = omni.service_accounts.renew("ci", timedelta(days=7))
    for key in (old, new):
        friend = facade.client(simulator.endpoint, auth=key)
        assert friend.management.get_machine_join_config().kernel_args
    keys = account(omni, "ci").pgp_public_keys
    assert {key.id for key in keys} == {old.fingerprint, new.fingerprint}
    assert all(key.last_used for key in keys)
    assert account(omni, "ci").last_active


def test_a_lifetime_is_kept_to_the_second_or_so(omni: Any) -> None:
    key = omni.service_accounts.create("ci", "Reader", timedelta(hours=2))
    left = key.expires - datetime.now(UTC)
    assert timedelta(minutes=119) < left <= timedelta(hours=2)
    (listed,) = account(omni, "ci").pgp_public_keys
    assert listed.expiration == key.expires
    assert listed.armored.startswith("-----BEGIN PGP PUBLIC KEY")


def test_the_longest_lifetime_is_the_default_and_is_accepted(omni: Any) -> None:
    key = omni.service_accounts.create("ci", "Reader")
    assert timedelta(days=364) < key.expires - datetime.now(UTC) <= timedelta(days=365)


def test_an_infra_provider_has_its_own_prefix_and_role(
    omni: Any, facade: Facade, simulator: Simulator
) -> None:
    key = omni.service_accounts.create("infra-provider:aws-1", "InfraProvider")
    friend = facade.client(simulator.endpoint, auth=key)
    identity = b"aws-1@infra-provider.serviceaccount.omni.sidero.dev"
    assert identity in friend.management.omniconfig().omniconfig
    assert account(omni, "infra-provider:aws-1").role == "InfraProvider"


@pytest.mark.parametrize(
    ("name", "role", "text"),
    [
        ("infra-provider:aws", "Reader", 'must have the role "InfraProvider"'),
        ("aws", "InfraProvider", 'must be prefixed with "infra-provider:"'),
        ("ci", "", 'unknown role to parse: ""'),
        ("ci", "reader", 'unknown role to parse: "reader"'),
    ],
)
def test_a_role_that_does_not_fit_is_refused(omni: Any, name: str, role: str, text: str) -> None:
    with pytest.raises(UnknownError) as caught:
        omni.service_accounts.create(name, role)
    assert text in caught.value.details


def test_an_account_that_exists_already_is_reported_as_such(omni: Any) -> None:
    omni.service_accounts.create("ci", "Reader")
    with pytest.raises(AlreadyExistsError, match=f"ci{DOMAIN}"):
        omni.service_accounts.create("ci", "Operator")
    assert account(omni, "ci").role == "Reader"


def test_an_account_that_is_unknown_cannot_be_renewed(omni: Any) -> None:
    with pytest.raises(NotFoundError, match=f"ghost{DOMAIN}") as caught:
        omni.service_accounts.renew("ghost")
    assert caught.value.code.name == "UNKNOWN"
    assert not caught.value.outcome_unknown


def test_a_key_is_registered_once(omni: Any) -> None:
    key = public_key(f"ci{DOMAIN}")
    answer = omni.management.create_service_account(
        name="ci", role="Reader", armored_pgp_public_key=key
    )
    assert len(answer.public_key_id) == 40
    calls: tuple[Callable[[], Any], ...] = (
        lambda: omni.management.renew_service_account(name="ci", armored_pgp_public_key=key),
        lambda: omni.management.create_service_account(
            name="ci-2", role="Reader", armored_pgp_public_key=key
        ),
    )
    for call in calls:
        with pytest.raises(AlreadyExistsError, match=answer.public_key_id):
            call()


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (lambda: public_key("ci@example.org", timedelta(days=400)), "key lifetime is too long"),
        (lambda: public_key("ci@example.org", None), "key lifetime is too long|valid key lifetime"),
        (lambda: str(private_key("ci@example.org")), "contains private key"),
        (lambda: "no key at all", "gopenpgp"),
    ],
    ids=["too long", "for ever", "private", "junk"],
)
def test_a_key_that_cannot_be_used_is_refused(omni: Any, key: Callable[[], str], text: str) -> None:
    with pytest.raises(UnknownError, match=text):
        omni.management.create_service_account(
            name="ci", role="Reader", armored_pgp_public_key=key()
        )


def test_the_role_of_the_user_is_that_of_an_admin(omni: Any) -> None:
    omni.management.create_service_account(
        name="ci",
        use_user_role=True,
        role="Reader",
        armored_pgp_public_key=public_key("ci@example.org"),
    )
    assert account(omni, "ci").role == "Admin"


def test_a_destroyed_account_is_gone_with_its_keys(omni: Any, simulator: Simulator) -> None:
    key = omni.service_accounts.create("ci", "Reader")
    assert omni.management.destroy_service_account(name="ci") is None
    listed = omni.management.list_service_accounts().service_accounts
    assert "ci" not in {one.name for one in listed}
    assert key.fingerprint not in simulator.state.accounts.keys
    with pytest.raises(NotFoundError, match='service account "ci" not found'):
        omni.management.destroy_service_account(name="ci")


def test_an_account_cannot_destroy_itself(omni: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="destroying your own service account"):
        omni.management.destroy_service_account(name="automation")


def test_only_admins_manage_accounts(as_role: Callable[..., Any], simulator: Simulator) -> None:
    with pytest.raises(PermissionDeniedError, match='"Operator"'):
        as_role("Operator").service_accounts.create("ci", "Reader")
    assert f"ci{DOMAIN}" not in simulator.state.accounts.identities


@pytest.mark.parametrize("name", ["", "Ci", "c i", "ci@x", "-ci", "ci\n", "infra-provider:", None])
def test_a_name_that_would_make_trouble_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, name: Any
) -> None:
    calls: tuple[Callable[[], Any], ...] = (
        lambda: omni.service_accounts.create(name, "Reader"),
        lambda: omni.service_accounts.renew(name),
    )
    for call in calls:
        with pytest.raises(InvalidInputError, match="name"):
            call()
    assert simulator.calls == []


@pytest.mark.parametrize("lifetime", [0, -5, timedelta(days=366), float("nan"), "1d"])
def test_a_lifetime_that_omni_would_not_take_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, lifetime: Any
) -> None:
    with pytest.raises(InvalidInputError, match="lifetime"):
        omni.service_accounts.create("ci", "Reader", lifetime)
    assert simulator.calls == []

"""The login of a person: a key is registered, a browser confirms it, and it signs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from facades import Facade
from sample_calls import NO_KEY, private_key

from omni_api import (
    DeadlineExceededError,
    Identity,
    InvalidInputError,
    PermissionDeniedError,
    PublicKey,
    UnauthenticatedError,
    UnknownError,
    UserKey,
)
from omni_api.simulator import Simulator

EMAIL = "operator@example.org"
HOURS = timedelta(hours=4)


@pytest.fixture
def nobody(facade: Facade, simulator: Simulator) -> Any:
    """A client without a key."""
    return facade.client(simulator.endpoint)


@pytest.fixture
def new_key(tmp_path: Path) -> Callable[..., tuple[UserKey, PublicKey]]:
    """A function that makes the key of a person: what signs, and what is registered."""

    def make(email: str = EMAIL, lifetime: timedelta = HOURS) -> tuple[UserKey, PublicKey]:
        secret = private_key(email, lifetime)
        path = tmp_path / "key.pgp"
        path.write_text(str(secret))
        public = PublicKey(pgp_data=str(secret.extract_certificate()).encode())
        return UserKey.from_file(path, identity=email), public

    return make


def register(omni: Any, public: PublicKey, email: str = EMAIL, **options: Any) -> Any:
    return omni.auth.register_public_key(
        public_key=public, identity=Identity(email=email), **options
    )


def test_a_person_logs_in_and_works_with_the_new_key(
    nobody: Any, facade: Facade, simulator: Simulator, new_key: Callable[..., Any]
) -> None:
    key, public = new_key()
    answer = register(nobody, public, email="Operator@Example.org")
    assert answer.public_key_id == key.fingerprint
    assert answer.login_url.endswith(f"/authenticate?flow=cli&public-key-id={key.fingerprint}")
    me = facade.client(simulator.endpoint, auth=key)
    with pytest.raises(UnauthenticatedError):
        me.management.omniconfig()
    browser = threading.Thread(target=_confirm, args=(simulator, key.fingerprint))
    browser.start()
    assert nobody.auth.await_public_key_confirmation(public_key_id=key.fingerprint) is None
    browser.join(5.0)
    assert EMAIL.encode() in me.management.omniconfig().omniconfig
    with pytest.raises(PermissionDeniedError, match='"Operator"'):
        me.management.list_users()


def _confirm(simulator: Simulator, fingerprint: str) -> None:
    # The browser opens when the client is already waiting.
    if simulator.wait_for(lambda: simulator.count("AwaitPublicKeyConfirmation") > 0):
        simulator.confirm_login(fingerprint)


def test_a_key_can_be_limited_to_a_role_below_that_of_its_owner(
    nobody: Any, facade: Facade, simulator: Simulator, new_key: Callable[..., Any]
) -> None:
    key, public = new_key()
    register(nobody, public, role="Reader", skip_user_role=True)
    simulator.confirm_login(key.fingerprint, EMAIL)
    me = facade.client(simulator.endpoint, auth=key)
    with pytest.raises(PermissionDeniedError, match='"Reader"'):
        me.management.create_schematic()


def test_registering_a_key_twice_changes_nothing(
    nobody: Any, simulator: Simulator, new_key: Callable[..., Any]
) -> None:
    key, public = new_key()
    first = register(nobody, public)
    simulator.confirm_login(key.fingerprint)
    assert register(nobody, public) == first
    assert simulator.state.accounts.keys[key.fingerprint].confirmed


def test_nobody_learns_which_addresses_omni_knows(
    nobody: Any, simulator: Simulator, new_key: Callable[..., Any]
) -> None:
    key, public = new_key("ghost@example.org")
    assert register(nobody, public, "ghost@example.org").public_key_id == key.fingerprint
    assert key.fingerprint not in simulator.state.accounts.keys
    with pytest.raises(LookupError):
        simulator.confirm_login(key.fingerprint)


def test_waiting_for_a_confirmation_has_no_limit_but_that_of_the_call_and_of_the_server(
    facade: Facade, simulator: Simulator, new_key: Callable[..., Any]
) -> None:
    impatient = facade.client(simulator.endpoint, timeout=0.1)
    key, public = new_key()
    # The client's limit is not meant for a person on the way to a browser.
    simulator.state.accounts.confirmation_timeout = timedelta(seconds=0.2)
    register(impatient, public, timeout=5.0)
    with pytest.raises(DeadlineExceededError, match="context deadline exceeded"):
        impatient.auth.await_public_key_confirmation(public_key_id=key.fingerprint)
    simulator.state.accounts.confirmation_timeout = timedelta(minutes=5)
    with pytest.raises(DeadlineExceededError):
        impatient.auth.await_public_key_confirmation(public_key_id=key.fingerprint, timeout=0.1)


@pytest.mark.parametrize(
    ("lifetime", "text"),
    [(timedelta(hours=9), "key lifetime is too long"), (timedelta(seconds=1), "key expired")],
)
def test_a_key_with_the_wrong_lifetime_is_unknown(
    nobody: Any, lifetime: timedelta, text: str
) -> None:
    public = str(private_key(EMAIL, lifetime).extract_certificate()).encode()
    with pytest.raises(UnknownError, match=text):
        register(nobody, PublicKey(pgp_data=public))


def test_junk_and_an_unknown_role_are_unknown(nobody: Any, new_key: Callable[..., Any]) -> None:
    with pytest.raises(UnknownError, match="gopenpgp"):
        register(nobody, PublicKey(pgp_data=b"not a key"))
    with pytest.raises(UnknownError, match="failed to parse role for public key"):
        register(nobody, new_key()[1], role="Chief", skip_user_role=True)


def test_a_key_can_be_revoked_by_its_owner_only(
    nobody: Any, omni: Any, facade: Facade, simulator: Simulator, new_key: Callable[..., Any]
) -> None:
    key, public = new_key()
    register(nobody, public)
    simulator.confirm_login(key.fingerprint)
    with pytest.raises(PermissionDeniedError, match="permission denied"):
        omni.auth.revoke_public_key(public_key_id=key.fingerprint)
    me = facade.client(simulator.endpoint, auth=key)
    assert me.auth.revoke_public_key(public_key_id=key.fingerprint) is None
    with pytest.raises(UnauthenticatedError):
        me.management.omniconfig()


def test_revoking_must_be_signed(nobody: Any) -> None:
    with pytest.raises(UnauthenticatedError, match="invalid signature"):
        nobody.auth.revoke_public_key(public_key_id=NO_KEY)


def test_a_confirmation_belongs_to_the_browser(
    omni: Any, simulator: Simulator, new_key: Callable[..., Any]
) -> None:
    key, public = new_key()
    register(omni, public)
    with pytest.raises(UnknownError, match="missing verified email"):
        omni.auth.confirm_public_key(public_key_id=key.fingerprint)
    assert not simulator.state.accounts.keys[key.fingerprint].confirmed


@pytest.mark.parametrize(
    "refused",
    [
        lambda omni: register(omni, PublicKey(pgp_data=b"")),
        lambda omni: register(omni, PublicKey(pgp_data=b"x"), email=""),
        lambda omni: omni.auth.register_public_key(public_key=b"x", identity=Identity(email="a@b")),
        lambda omni: omni.auth.await_public_key_confirmation(public_key_id=""),
        lambda omni: omni.auth.confirm_public_key(public_key_id=""),
        lambda omni: omni.auth.revoke_public_key(public_key_id=""),
    ],
)
def test_what_is_missing_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, refused: Callable[[Any], Any]
) -> None:
    with pytest.raises(InvalidInputError):
        refused(omni)
    assert simulator.calls == []

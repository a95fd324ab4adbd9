"""TLS: whom the client trusts, and how it says that it does not."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from facades import Facade

from omni_api import TLS, ConfigurationError, InvalidInputError, ServiceAccountKey, UnavailableError
from omni_api.simulator import Simulator


@pytest.fixture
def secure() -> Iterator[Simulator]:
    """A simulator that serves TLS."""
    with Simulator(tls=True) as running:
        yield running


@pytest.fixture(scope="module")
def other_ca() -> Iterator[str]:
    """The CA of somebody else."""
    with Simulator(tls=True) as other:
        assert other.ca_file is not None
        yield other.ca_file


def client(facade: Facade, simulator: Simulator, tls: TLS | None = None, **options: Any) -> Any:
    key = ServiceAccountKey.decode(simulator.service_account_key())
    return facade.client(simulator.endpoint, auth=key, tls=tls, **options)


def test_a_server_is_trusted_that_the_ca_file_vouches_for(
    facade: Facade, secure: Simulator
) -> None:
    omni = client(facade, secure, TLS(ca_file=secure.ca_file))
    assert omni.management.list_users().users
    assert list(omni.audit_log.read())


def test_the_ca_file_may_come_from_the_environment(facade: Facade, secure: Simulator) -> None:
    environ = secure.environment()
    assert environ["OMNI_CA_FILE"] == secure.ca_file
    omni = facade.dress(facade.client_class.from_env(environ=environ))
    assert omni.management.list_users().users


def test_the_system_is_trusted_by_default(
    facade: Facade, secure: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert secure.ca_file is not None
    monkeypatch.setenv("SSL_CERT_FILE", secure.ca_file)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert client(facade, secure).management.list_users().users


def test_the_system_does_not_trust_everybody(
    facade: Facade,
    secure: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    other_ca: str,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", other_ca)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with pytest.raises(UnavailableError, match=r"CERTIFICATE_VERIFY_FAILED|verify failed"):
        client(facade, secure).management.list_users()


def test_a_wrong_ca_fails_at_once_with_the_way_out(
    facade: Facade, secure: Simulator, other_ca: str
) -> None:
    secure.forget_calls()
    omni = client(facade, secure, TLS(ca_file=other_ca))
    started = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        omni.management.list_users()
    assert time.monotonic() - started < 3.0
    assert caught.value.attempts == 1
    assert "tls=TLS(ca_file=...)" in caught.value.hint
    assert secure.calls == []


def test_a_wrong_ca_leaves_no_doubt_that_a_change_did_not_happen(
    facade: Facade, secure: Simulator, other_ca: str
) -> None:
    omni = client(facade, secure, TLS(ca_file=other_ca))
    with pytest.raises(UnavailableError) as caught:
        omni.management.create_user(email="ana@example.org", role="Reader")
    assert not caught.value.outcome_unknown


def test_a_stream_is_told_the_same_about_a_wrong_ca(
    facade: Facade, secure: Simulator, other_ca: str
) -> None:
    omni = client(facade, secure, TLS(ca_file=other_ca))
    with pytest.raises(UnavailableError) as caught:
        list(omni.audit_log.read())
    assert caught.value.attempts == 1
    assert "tls=TLS(ca_file=...)" in caught.value.hint


def test_accepting_any_certificate_works_and_is_warned_of(
    facade: Facade, secure: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    omni = client(facade, secure, TLS(insecure_accept_any_certificate=True))
    with caplog.at_level(logging.WARNING, logger="omni_api"):
        assert omni.management.list_users().users
    (warning,) = caplog.records
    assert warning.name == "omni_api"
    assert warning.levelno == logging.WARNING
    assert "accepting any certificate" in warning.getMessage()
    assert str(secure.port) in warning.getMessage()


def test_accepting_any_certificate_needs_a_server_that_shows_one(
    facade: Facade, simulator: Simulator
) -> None:
    key = ServiceAccountKey.decode(simulator.service_account_key())
    omni = facade.client(
        f"https://127.0.0.1:{simulator.port}",
        auth=key,
        tls=TLS(insecure_accept_any_certificate=True),
    )
    with pytest.raises(UnavailableError, match="failed to ask the server for its certificate"):
        omni.management.list_users()


def test_a_plaintext_server_is_no_tls_server(facade: Facade, simulator: Simulator) -> None:
    omni = facade.client(f"https://127.0.0.1:{simulator.port}", retry=None, timeout=5.0)
    with pytest.raises(UnavailableError) as caught:
        omni.management.list_users()
    assert "speaks TLS" in caught.value.hint
    assert simulator.calls == []


def test_a_ca_file_that_is_not_there_is_named_and_can_be_put_there(
    facade: Facade, secure: Simulator, tmp_path: Path
) -> None:
    missing = tmp_path / "ca.pem"
    omni = client(facade, secure, TLS(ca_file=missing))
    with pytest.raises(ConfigurationError, match=str(missing)):
        omni.management.list_users()
    missing.write_bytes(secure.ca_pem)
    assert omni.management.list_users().users


@pytest.mark.parametrize(
    "options",
    [
        {"ca_file": "ca.pem", "insecure_accept_any_certificate": True},
        {"client_certificate_file": "me.pem"},
        {"client_key_file": "me.key"},
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="_file"):
        TLS(**options)

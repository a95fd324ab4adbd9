"""TLS with servers whose certificates are odd: other names, out of date, nameless, mutual."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from certificates import Authority
from facades import Facade
from stub_server import StubServer, users

from omni_api import (
    TLS,
    ConfigurationError,
    DeadlineExceededError,
    RetryPolicy,
    UnavailableError,
)

AUTHORITY = Authority()
ANY = TLS(insecure_accept_any_certificate=True)
DATES = r"is valid from \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d; gRPC looks at the dates"
QUICK = RetryPolicy(first_wait=0.001, max_wait=0.005)


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    """The CA of all servers of this module."""
    file = tmp_path / "ca.pem"
    file.write_bytes(AUTHORITY.pem)
    return file


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("name", ["other.example", "*.lab.example", "localhost"])
def test_where_any_certificate_is_accepted_the_server_is_asked_for_by_the_callers_name(
    facade: Facade, name: str, host: str
) -> None:
    with StubServer({"ListUsers": users}, identity=AUTHORITY.issue(name)) as server:
        omni = facade.client(f"https://{host}:{server.port}", tls=ANY, timeout=5.0)
        assert omni.management.list_users().users == ()
        omni.close()
    # gRPC lets a name that stands not in the certificate pass without port only.
    assert [seen.removesuffix(f":{server.port}") for seen in server.hosts] == [host]


def test_a_verified_server_is_asked_for_by_the_callers_name(facade: Facade, ca_file: Path) -> None:
    with StubServer({"ListUsers": users}, identity=AUTHORITY.issue("localhost")) as server:
        omni = facade.client(
            f"https://localhost:{server.port}", tls=TLS(ca_file=ca_file), timeout=5.0
        )
        assert omni.management.list_users().users == ()
        omni.close()
    assert server.hosts == [f"localhost:{server.port}"]


@pytest.mark.parametrize(
    ("names", "days", "why"),
    [
        (("localhost",), (-10, -2), DATES),
        (("localhost",), (2, 30), DATES),
        ((), (-1, 30), "names no host; gRPC wants one"),
    ],
    ids=["expired", "not yet valid", "nameless"],
)
def test_a_certificate_that_grpc_would_refuse_is_refused_with_the_reason(
    facade: Facade, names: tuple[str, ...], days: tuple[int, int], why: str
) -> None:
    identity = AUTHORITY.issue(*names, days=days)
    with StubServer({"ListUsers": users}, identity=identity) as server:
        omni = facade.client(server.endpoint, tls=ANY, timeout=5.0, retry=QUICK)
        with pytest.raises(ConfigurationError, match=why) as caught:
            omni.management.list_users()
        omni.close()
    assert str(server.port) in str(caught.value)
    assert server.hosts == []


@pytest.mark.parametrize("verified", [True, False])
def test_a_server_that_demands_a_client_certificate_gets_it(
    facade: Facade, ca_file: Path, tmp_path: Path, verified: bool
) -> None:
    me = AUTHORITY.issue("me")
    certificate, key = tmp_path / "me.pem", tmp_path / "me.key"
    certificate.write_bytes(me.certificate)
    key.write_bytes(me.key)
    tls = TLS(
        ca_file=ca_file if verified else None,
        client_certificate_file=certificate,
        client_key_file=str(key),
        insecure_accept_any_certificate=not verified,
    )
    identity = AUTHORITY.issue("localhost")
    with StubServer({"ListUsers": users}, identity=identity, client_ca=AUTHORITY.pem) as server:
        omni = facade.client(f"https://localhost:{server.port}", tls=tls, timeout=5.0)
        assert omni.management.list_users().users == ()
        omni.close()


def test_a_certificate_for_another_name_is_a_failure_of_tls_and_not_tried_again(
    facade: Facade, ca_file: Path
) -> None:
    with StubServer({"ListUsers": users}, identity=AUTHORITY.issue("other.example")) as server:
        omni = facade.client(
            f"https://localhost:{server.port}",
            tls=TLS(ca_file=ca_file),
            retry=QUICK,
            timeout=5.0,
        )
        with pytest.raises(UnavailableError) as caught:
            omni.management.list_users()
        omni.close()
    assert caught.value.attempts == 1
    assert caught.value.hint.startswith("TLS failed")
    assert "the endpoint's name is the one in its certificate" in caught.value.hint
    assert server.hosts == []


@pytest.mark.parametrize("stream", [False, True])
def test_the_timeout_bounds_a_handshake_that_is_not_answered(facade: Facade, stream: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        omni = facade.client(f"https://127.0.0.1:{silent.getsockname()[1]}", tls=ANY)
        started = time.monotonic()
        with pytest.raises(DeadlineExceededError) as caught:
            if stream:
                list(omni.management.read_audit_log(timeout=0.3))
            else:
                omni.management.list_users(timeout=0.3)
        assert 0.2 < time.monotonic() - started < 2.0
        assert caught.value.hint.startswith("Pass a longer timeout")
        omni.close()


def test_a_change_that_could_not_ask_for_a_certificate_has_a_known_outcome(facade: Facade) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        omni = facade.client(f"https://127.0.0.1:{silent.getsockname()[1]}", tls=ANY)
        with pytest.raises(DeadlineExceededError) as caught:
            omni.management.create_user(email="ana@example.org", role="Reader", timeout=0.1)
        assert not caught.value.outcome_unknown
        omni.close()


@pytest.mark.parametrize("stream", [False, True])
def test_a_refused_connection_is_unavailable_and_tried_again_where_any_certificate_is_accepted(
    facade: Facade, stream: bool
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # held, but nobody listens
        omni = facade.client(f"https://127.0.0.1:{held.getsockname()[1]}", tls=ANY, retry=QUICK)
        with pytest.raises(UnavailableError, match="Connection refused") as caught:
            if stream:
                list(omni.management.read_audit_log())
            else:
                omni.management.list_users()
    assert caught.value.attempts == 4
    assert caught.value.hint.startswith("Check the endpoint")

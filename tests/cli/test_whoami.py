"""`omni-api whoami` says whether a set-up works, and when not, why and what to do."""

from __future__ import annotations

import contextlib
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cli_program import Run

from omni_api import ServiceAccountKey
from omni_api.simulator import Simulator


def test_a_set_up_that_works_is_told_line_by_line(run: Run) -> None:
    ended = run("whoami")
    assert ended.status == 0
    said = {line.split()[1]: line for line in ended.lines}
    assert list(said) == ["settings", "key", "endpoint", "clock", "identity", "role", "server"]
    assert all(line.startswith("ok") for line in ended.lines)
    assert "the variable OMNI_SERVICE_ACCOUNT_KEY" in said["settings"]
    assert "automation@serviceaccount.omni.sidero.dev" in said["identity"]
    assert "Admin" in said["role"]
    assert "v1.10" in said["server"]


def test_programs_get_it_as_json_and_scripts_the_identity_alone(run: Run) -> None:
    found = {finding["check"]: finding for finding in run("whoami", "-o", "json").json}
    assert found["role"]["state"] == "ok"
    assert run("whoami", "-o", "name").out == "automation@serviceaccount.omni.sidero.dev\n"


def test_the_key_itself_is_never_shown(run: Run, simulator: Simulator) -> None:
    key = simulator.environment()["OMNI_SERVICE_ACCOUNT_KEY"]
    for shape in ("table", "json", "yaml"):
        ended = run("whoami", "-vv", "-o", shape)
        assert key not in ended.out + ended.err
        assert "PRIVATE KEY" not in ended.out + ended.err


@pytest.mark.parametrize(
    ("env", "status", "check", "said"),
    [
        ({"OMNI_SERVICE_ACCOUNT_KEY": None}, 2, "settings", "there is no omniconfig"),
        ({"OMNI_SERVICE_ACCOUNT_KEY": "bm8="}, 5, "key", "mistyped"),
        ({"OMNI_ENDPOINT": None}, 2, "settings", "set OMNI_ENDPOINT"),
        ({"OMNI_ENDPOINT": "omni.example.com"}, 2, "settings", "no scheme"),
        ({"OMNI_ENDPOINT": "grpc://127.0.0.1:1"}, 6, "endpoint", "Connection refused"),
        ({"OMNI_ENDPOINT": "grpc://omni.invalid:1"}, 6, "endpoint", "no host called omni.invalid"),
    ],
)
def test_what_is_wrong_is_named(
    run: Run, env: dict[str, str | None], status: int, check: str, said: str
) -> None:
    ended = run("whoami", "--timeout", "2s", env=env)
    assert ended.status == status
    failed = next(line for line in ended.lines if line.startswith("failed"))
    assert failed.split()[1] == check
    assert said in failed


def test_an_unknown_key_is_told_from_a_server_that_is_not_there(run: Run) -> None:
    stranger = ServiceAccountKey.generate("stranger").encode()
    ended = run("whoami", env={"OMNI_SERVICE_ACCOUNT_KEY": stranger})
    assert ended.status == 5
    assert any(line.split()[:2] == ["ok", "endpoint"] for line in ended.lines)
    assert any(line.split()[:2] == ["failed", "signature"] for line in ended.lines)
    assert "look" in ended.lines[-1]
    assert "at the clock" in ended.lines[-1]


def test_a_key_that_expires_soon_is_a_warning(run: Run, simulator: Simulator) -> None:
    admin = ServiceAccountKey.decode(simulator.service_account_key())
    from omni_api import OmniClient

    with OmniClient(simulator.endpoint, auth=admin) as omni:
        key = omni.service_accounts.create("short-lived", "Reader", timedelta(days=3))
    ended = run("whoami", env={"OMNI_SERVICE_ACCOUNT_KEY": key.encode()})
    assert ended.status == 0
    assert any(line.split()[:2] == ["warning", "key"] for line in ended.lines)


def test_tls_that_is_not_trusted_is_told_and_the_ca_mends_it(run: Run, tmp_path: Path) -> None:
    with Simulator(tls=True) as simulator:
        env: dict[str, str | None] = {**simulator.environment(), "OMNI_CA_FILE": None}
        ended = run("whoami", "--timeout", "2s", env=env)
        assert ended.status == 6
        assert "--ca-file" in ended.lines[-1]
        ca = tmp_path / "ca.pem"
        ca.write_bytes(simulator.ca_pem)
        mended = run("whoami", "--ca-file", str(ca), env=env)
        assert mended.status == 0
        assert "its certificate is trusted" in mended.out
        careless = run("whoami", "--insecure", env=env)
        assert careless.status == 0
        assert "its certificate was not checked" in careless.out
        assert "anybody between you and the server" in careless.err


def test_a_slow_server_is_not_taken_for_one_that_is_not_trusted(run: Run, tmp_path: Path) -> None:
    with Simulator(tls=True) as simulator:
        ca = tmp_path / "ca.pem"
        ca.write_bytes(simulator.ca_pem)
        simulator.delay("Omniconfig", 20.0)
        env: dict[str, str | None] = {**simulator.environment(), "OMNI_CA_FILE": str(ca)}
        ended = run("whoami", "--timeout", "1s", env=env)
        simulator.clear_faults()
    assert ended.status == 6
    assert "trusted" not in ended.out
    assert any(line.split()[:2] == ["failed", "endpoint"] for line in ended.lines)


@pytest.mark.parametrize(
    ("offset", "said"),
    [(timedelta(hours=3), "3 hours behind"), (timedelta(minutes=-20), "20 minutes ahead of")],
)
def test_a_clock_that_is_wrong_is_told_from_a_key_that_is(
    run: Run,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    offset: timedelta,
    said: str,
) -> None:
    class Web:
        """What Omni's web interface answers; the simulator has none."""

        def __init__(self, *_: object, **__: object) -> None:
            self.headers = {"date": format_datetime(datetime.now(UTC) + offset)}

        def request(self, *_: object) -> None: ...

        def getresponse(self) -> Web:
            return self

        def close(self) -> None: ...

    monkeypatch.setattr("omni_api.cli.network.HTTPConnection", Web)
    simulator.clock_offset = offset
    ended = run("whoami")
    assert ended.status == 5
    assert f"this machine is {said} the server" in ended.out
    assert "NTP" in ended.lines[-1]


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("http://somebody:secret@127.0.0.1:1", "the proxy 127.0.0.1 on port 1: Connection refused"),
        ("http://proxy.invalid:3128", "there is no host called proxy.invalid, the proxy"),
    ],
)
def test_a_proxy_that_is_in_the_way_is_named_without_its_password(
    run: Run, proxy: str, said: str
) -> None:
    env: dict[str, str | None] = {"https_proxy": proxy, "grpc_proxy": None, "no_proxy": None}
    ended = run("whoami", "--timeout", "2s", "--endpoint", "https://omni.invalid", env=env)
    assert ended.status == 6
    assert said in ended.out
    assert "secret" not in ended.out + ended.err


def test_a_proxy_that_refuses_is_told_and_gets_its_password(run: Run) -> None:
    got = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            with contextlib.suppress(OSError):  # the end of the test
                while True:
                    with server.accept()[0] as connection:
                        got.append(connection.recv(4096))
                        connection.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

        threading.Thread(target=refuse, daemon=True).start()
        url = f"http://somebody:secret@127.0.0.1:{server.getsockname()[1]}"
        env: dict[str, str | None] = {"https_proxy": url, "grpc_proxy": None, "no_proxy": None}
        ended = run("whoami", "--timeout", "2s", "--endpoint", "https://omni.invalid", env=env)
        server.shutdown(socket.SHUT_RDWR)
    assert ended.status == 6
    assert "cannot connect to the proxy 127.0.0.1" in ended.out
    assert "403 Forbidden" in ended.out
    assert "secret" not in ended.out + ended.err
    assert b"CONNECT omni.invalid:443" in got[-1]
    assert b"Basic c29tZWJvZHk6c2VjcmV0" in got[-1]


def test_tls_behind_an_endpoint_without_it_is_told(run: Run) -> None:
    with Simulator(tls=True) as simulator:
        plaintext = simulator.endpoint.replace("https", "grpc")
        ended = run("whoami", "--timeout", "2s", "--endpoint", plaintext)
    assert ended.status == 6
    assert f"use {simulator.endpoint}" in ended.lines[-1]


def test_a_licence_that_nobody_accepted_is_told(run: Run) -> None:
    with Simulator() as simulator:
        simulator.state.eula_accepted = False
        ended = run("whoami", env=dict(simulator.environment()))
    assert ended.status == 1
    assert "accept" in ended.out

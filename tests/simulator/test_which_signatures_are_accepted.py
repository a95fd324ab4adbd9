"""The simulator is as strict about signatures as a real server, and as lenient."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pysequoia
import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator
from omni_api.simulator._openpgp_keys import read_certificate
from omni_api.simulator._openpgp_packets import dearmor

SERVICE = "management.ManagementService"
REFUSED = ("UNAUTHENTICATED", "invalid signature")


def answer(
    simulator: Simulator, headers: list[list[str]] | None = None, **options: Any
) -> tuple[str, str]:
    client = RawClient(simulator)
    code, message, _ = client.call(SERVICE, "Omniconfig", {}, headers, options)
    client.close()
    return code, message


def with_header(name: str, value: Any) -> Callable[[Any], Any]:
    def change(content: Any) -> Any:
        content["headers"][name] = value
        return content

    return change


def without_absent_headers(content: Any) -> Any:
    content["headers"] = {name: values for name, values in content["headers"].items() if values}
    return content


CONTEXT = [["context", "c1"]]


@pytest.mark.parametrize(
    ("headers", "change"),
    [
        (CONTEXT, lambda content: content),
        (CONTEXT, without_absent_headers),
        (CONTEXT, lambda content: {"zz": 1, **{k.upper(): v for k, v in content.items()}}),
        (CONTEXT, with_header("x-other", ["never sent"])),
        ([["context", "a"], ["context", "b"]], lambda content: content),
        ([["fieldselectors", "a=b"]], lambda content: content),
        ([["node", "not covered"]], lambda content: content),
    ],
)
def test_the_form_of_the_payload_is_free(
    simulator: Simulator, headers: list[list[str]], change: Callable[[Any], Any]
) -> None:
    assert answer(simulator, headers, change=change)[0] == "OK"


@pytest.mark.parametrize(
    "change",
    [
        with_header("uid", []),
        with_header("context", "c1"),
        with_header("context", None),
        with_header("context", ["c2"]),
        with_header("cluster", ["c1"]),
        with_header("fieldSelectors", ["a=b"]),
        lambda content: {**content, "method": content["method"].removeprefix("/")},
        lambda content: [content],
        lambda _content: None,
    ],
)
def test_the_content_of_the_payload_is_not(
    simulator: Simulator, change: Callable[[Any], Any]
) -> None:
    assert answer(simulator, CONTEXT, change=change) == REFUSED


@pytest.mark.parametrize("header", ["", "siderov1", "siderov1 a b", "siderov2 a b c", "a b c d e"])
def test_a_signature_header_without_its_four_fields_is_refused(
    simulator: Simulator, header: str
) -> None:
    assert answer(simulator, header=header) == REFUSED


@pytest.mark.parametrize(("skew", "code"), [(-290, "OK"), (290, "OK"), (-310, ""), (310, "")])
def test_clocks_may_differ_by_five_minutes(simulator: Simulator, skew: int, code: str) -> None:
    assert answer(simulator, skew=skew)[0] == (code or "UNAUTHENTICATED")


def test_an_upper_case_fingerprint_is_unknown(simulator: Simulator) -> None:
    client = RawClient(simulator)
    client.fingerprint = client.fingerprint.upper()
    assert client.call(SERVICE, "Omniconfig", {})[:2] == REFUSED
    client.close()


def test_the_name_before_the_fingerprint_means_nothing(simulator: Simulator) -> None:
    client = RawClient(simulator)
    client.name = "somebody-else"
    assert client.call(SERVICE, "Omniconfig", {})[0] == "OK"
    client.close()


def test_an_expired_key_is_refused_by_the_servers_clock(simulator: Simulator) -> None:
    simulator.advance(timedelta(days=366))
    assert answer(simulator, skew=366 * 86400) == REFUSED


def test_a_login_goes_from_registration_over_confirmation_to_revocation(
    simulator: Simulator,
) -> None:
    client = RawClient(simulator)
    client.use_key(
        pysequoia.Tsk.generate(user_id="me <reader@example.org>", validity_seconds=4 * 3600)
    )
    public = str(client._key.extract_certificate()).encode()
    _, _, (registered,) = client.call(
        "auth.AuthService",
        "RegisterPublicKey",
        {
            "public_key": {"pgp_data": base64.b64encode(public).decode()},
            "identity": {"email": "READER@example.org"},
        },
        options={"signed": False},
    )
    assert registered["public_key_id"] == client.fingerprint
    assert client.call(SERVICE, "Omniconfig", {})[:2] == REFUSED
    with pytest.raises(LookupError, match="mismatch"):
        simulator.confirm_login(client.fingerprint, "admin@example.org")
    simulator.confirm_login(client.fingerprint)
    assert client.call(SERVICE, "Omniconfig", {})[0] == "OK"
    assert client.call(SERVICE, "ListUsers", {})[0] == "PERMISSION_DENIED"
    revoked = {"public_key_id": client.fingerprint}
    assert client.call("auth.AuthService", "RevokePublicKey", revoked)[0] == "OK"
    assert client.call(SERVICE, "Omniconfig", {})[:2] == REFUSED
    client.close()


@pytest.mark.parametrize("algorithm", ["ed25519", "rsa2048", "nistp256"])
def test_signatures_of_gnupg_hold(tmp_path: Path, algorithm: str) -> None:
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)

    def gpg(*arguments: str, data: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback"]
        return subprocess.run(
            [*command, "--passphrase", "", *arguments], input=data, capture_output=True, check=True
        ).stdout

    try:
        gpg("--quick-gen-key", "bot <bot@example.org>", algorithm, "default", "30d")
        public = gpg("--armor", "--export").decode()
        signature = gpg("--detach-sign", data=b"signed")
    except FileNotFoundError:
        pytest.skip("gpg is not installed")
    finally:
        subprocess.run(
            ["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True
        )
    certificate = read_certificate(dearmor(public))
    now = certificate.created + 1
    assert certificate.lifetime == 30 * 86400
    assert certificate.verify(b"signed", signature, now=now)
    assert not certificate.verify(b"signEd", signature, now=now)
    assert not certificate.verify(b"signed", signature[:-1] + bytes([signature[-1] ^ 1]), now=now)


def test_a_strangers_signature_does_not_hold(simulator: Simulator) -> None:
    value = json.loads(base64.b64decode(simulator.service_account_key()))
    secret = pysequoia.Tsk.from_bytes(value["pgp_key"].encode())
    stranger = pysequoia.Tsk.generate(user_id="x <x@example.org>", validity_seconds=3600)
    mode = pysequoia.SignatureMode.DETACHED
    signature = pysequoia.sign(stranger.signer(), b"signed", mode=mode, armor=False)
    certificate = read_certificate(dearmor(str(secret.extract_certificate())))
    assert not certificate.verify(b"signed", signature, now=certificate.created + 61)

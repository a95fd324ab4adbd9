"""Files for TLS that hold something else: each is named, and no good one is lost by a bad one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from omni_api import TLS, ConfigurationError, InvalidInputError
from omni_api._core.endpoint import parse
from omni_api.tls import system_roots

ENDPOINT = parse("https://omni.example.com")
AUTHORITY = Authority()
BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"insecure_accept_any_certificate": "no"}, "insecure_accept_any_certificate"),
        ({"insecure_accept_any_certificate": 1}, "insecure_accept_any_certificate"),
        ({"insecure_accept_any_certificate": None}, "insecure_accept_any_certificate"),
        ({"ca_file": 1}, "ca_file"),
        ({"ca_file": b"ca.pem"}, "ca_file"),
        ({"ca_file": True}, "ca_file"),
        ({"client_certificate_file": 1, "client_key_file": "me.key"}, "client_certificate_file"),
        ({"client_certificate_file": "me.pem", "client_key_file": 1}, "client_key_file"),
    ],
)
def test_an_option_of_a_wrong_type_is_refused_at_once_and_named(
    options: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"^{named} must be"):
        TLS(**options)


@pytest.mark.parametrize(
    "content",
    [b"no certificate\n", BROKEN, b"", b"\xff\xfe\x00"],
    ids=["text", "broken", "empty", "binary"],
)
def test_a_ca_file_that_holds_no_certificate_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "garbage.pem"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="holds no certificate") as caught:
        TLS(ca_file=file).credentials(ENDPOINT)
    assert str(file) in str(caught.value)


def test_a_key_that_does_not_fit_the_certificate_is_named_with_it(tmp_path: Path) -> None:
    mine, other = AUTHORITY.issue("me"), AUTHORITY.issue("other")
    certificate, key = tmp_path / "me.pem", tmp_path / "other.key"
    certificate.write_bytes(mine.certificate)
    key.write_bytes(other.key)
    tls = TLS(client_certificate_file=certificate, client_key_file=key)
    with pytest.raises(ConfigurationError) as caught:
        tls.credentials(ENDPOINT)
    assert str(certificate) in str(caught.value)
    assert str(key) in str(caught.value)
    key.write_bytes(mine.key)
    assert tls.credentials(ENDPOINT)


def test_a_key_with_a_passphrase_is_refused_by_name_and_nobody_is_asked_for_it(
    tmp_path: Path,
) -> None:
    mine = AUTHORITY.issue("me")
    certificate, key = tmp_path / "me.pem", tmp_path / "me.key"
    certificate.write_bytes(mine.certificate)
    private = serialization.load_pem_private_key(mine.key, None)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ConfigurationError) as caught:
        TLS(client_certificate_file=certificate, client_key_file=key).credentials(ENDPOINT)
    assert str(key) in str(caught.value)


@pytest.mark.parametrize("content", [b"no certificate\n", b""], ids=["text", "empty"])
def test_a_client_certificate_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    certificate, key = tmp_path / "me.pem", tmp_path / "me.key"
    certificate.write_bytes(content)
    key.write_bytes(AUTHORITY.issue("me").key)
    with pytest.raises(ConfigurationError) as caught:
        TLS(client_certificate_file=certificate, client_key_file=key).credentials(ENDPOINT)
    assert str(certificate) in str(caught.value)


@pytest.mark.parametrize("content", [BROKEN, b"no certificate\n", b""])
def test_one_broken_file_in_the_trust_store_does_not_cost_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    directory = tmp_path / "certs"
    directory.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(directory))
    monkeypatch.setattr("omni_api.tls._BUNDLES", ())
    (directory / "00000000.0").write_bytes(content)
    (directory / "5ad8a5d6.0").write_bytes(AUTHORITY.pem)
    roots = system_roots()
    assert roots is not None
    (found,) = x509.load_pem_x509_certificates(roots)
    assert found == x509.load_pem_x509_certificate(AUTHORITY.pem)
    if content:
        assert content.strip() not in roots

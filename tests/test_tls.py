"""Which servers are trusted: options, files, and the system's trust store."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from omni_api import TLS, ConfigurationError, InvalidInputError
from omni_api._core.endpoint import parse
from omni_api.tls import _name, system_roots

ENDPOINT = parse("https://omni.example.com")


def certificate(
    name: str, *, sans: list[x509.GeneralName] | None = None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    if sans is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    return builder.sign(key, hashes.SHA256()), key


def pem(name: str) -> str:
    made, _ = certificate(name)
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that stands in for the system's trust store, empty so far."""
    directory = tmp_path / "certs"
    directory.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(directory))
    monkeypatch.setattr("omni_api.tls._BUNDLES", ())
    return directory


def names(roots: bytes | None) -> list[str]:
    assert roots is not None
    found = x509.load_pem_x509_certificates(roots)
    return [
        str(made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value) for made in found
    ]


def test_certificate_and_key_of_a_client_belong_together() -> None:
    for options in ({"client_certificate_file": "a"}, {"client_key_file": "a"}):
        with pytest.raises(InvalidInputError, match="belong together; pass both or none"):
            TLS(**options)  # type: ignore[arg-type]
    assert TLS(client_certificate_file="a", client_key_file="b").client_key_file == "b"


def test_accepting_any_certificate_contradicts_a_ca() -> None:
    with pytest.raises(InvalidInputError, match="pass one of the two"):
        TLS(ca_file="ca.pem", insecure_accept_any_certificate=True)


@pytest.mark.parametrize("name", ["missing.pem", ""])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(ConfigurationError) as caught:
        TLS(ca_file=path).credentials(ENDPOINT)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


def test_a_client_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text(pem("ca"))
    tls = TLS(ca_file=ca, client_certificate_file=ca, client_key_file=tmp_path / "key.pem")
    with pytest.raises(ConfigurationError, match=r"key\.pem"):
        tls.credentials(ENDPOINT)


def test_a_ca_file_replaces_the_systems_trust_store(tmp_path: Path, store: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text(pem("company"))
    roots, options = TLS(ca_file=str(ca))._roots(ENDPOINT, ssl.create_default_context(), None)
    assert (names(roots), options) == (["company"], ())


def test_the_file_that_the_environment_names_is_the_trust_store(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(pem("one") + "# a comment\n" + pem("two"))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert names(system_roots()) == ["one", "two"]
    roots, _ = TLS()._roots(ENDPOINT, ssl.create_default_context(), None)
    assert roots == system_roots()


def test_the_directory_that_the_environment_names_is_the_trust_store(store: Path) -> None:
    (store / "5ad8a5d6.0").write_text(pem("one"))
    (store / "5ad8a5d6.1").write_text(pem("two"))
    (store / "README").write_text("no certificate")
    assert names(system_roots()) == ["one", "two"]


def test_file_and_directory_are_both_trusted_and_nothing_twice(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pem("one"), pem("two")
    (tmp_path / "bundle.pem").write_text(one)
    (store / "5ad8a5d6.0").write_text(one)
    (store / "6bd8a5d6.0").write_text(two)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.pem"))
    assert names(system_roots()) == ["one", "two"]


def test_files_that_end_without_a_line_break_do_not_run_into_each_other(store: Path) -> None:
    for number, name in enumerate(("one", "two")):
        (store / f"5ad8a5d6.{number}").write_text(pem(name).rstrip("\n"))
    # OpenSSL reads PEM line by line, as gRPC's TLS does; cryptography is more forgiving.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=(system_roots() or b"").decode())
    assert context.cert_store_stats()["x509_ca"] == 2


def test_a_link_into_nowhere_is_passed_over_as_openssl_does(store: Path) -> None:
    (store / "5ad8a5d6.0").write_text(pem("one"))
    (store / "6bd8a5d6.0").symlink_to(store / "gone.pem")
    (store / "7cd8a5d6.0").mkdir()
    assert names(system_roots()) == ["one"]


def test_several_directories_are_read_as_openssl_does(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "more"
    other.mkdir()
    (store / "5ad8a5d6.0").write_text(pem("one"))
    (other / "6bd8a5d6.0").write_text(pem("two"))
    monkeypatch.setenv("SSL_CERT_DIR", f"{store}:{other}")
    assert sorted(names(system_roots())) == ["one", "two"]


def test_without_any_trust_store_the_usual_places_are_read_and_grpc_has_the_last_word(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "usual.pem"
    monkeypatch.setattr("omni_api.tls._BUNDLES", (str(tmp_path / "not.pem"), str(bundle)))
    assert system_roots() is None
    bundle.write_text(pem("usual"))
    assert names(system_roots()) == ["usual"]


def test_a_name_of_a_certificate_is_one_that_a_server_can_have() -> None:
    dns, star = x509.DNSName("omni.example.com"), x509.DNSName("*.example.com")
    address = x509.IPAddress(ipaddress.ip_address("10.0.0.1"))
    mail = x509.RFC822Name("a@example.com")
    expected: list[tuple[list[x509.GeneralName] | None, str | None]] = [
        (None, "common"), ([dns], "omni.example.com"), ([star], "any.example.com"),
        ([address], "10.0.0.1"), ([address, dns], "omni.example.com"), ([mail], None),
    ]  # fmt: skip
    assert [_name(certificate("common", sans=sans)[0]) for sans, _ in expected] == [
        name for _, name in expected
    ]
    assert _name(certificate("")[0]) is None


def test_a_server_that_is_not_there_cannot_be_asked_for_its_certificate(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # held, but nobody listens
        endpoint = parse(f"https://127.0.0.1:{held.getsockname()[1]}")
        with pytest.raises(ConnectionRefusedError):
            TLS(insecure_accept_any_certificate=True).credentials(endpoint)
    assert f"accepting any certificate of {endpoint}" in caplog.text


def test_options_show_paths_only() -> None:
    assert repr(TLS(client_certificate_file="cert.pem", client_key_file="key.pem")) == (
        "TLS(ca_file=None, client_certificate_file='cert.pem', client_key_file='key.pem', "
        "insecure_accept_any_certificate=False)"
    )

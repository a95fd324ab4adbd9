"""TLS: which servers are trusted. grpcio alone knows its own bundle of roots and no switch.

Companies put their own CA into the system's trust store and expect it to count, so that store is
what is used by default.
"""

from __future__ import annotations

import logging
import os
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import grpc

from omni_api._core.endpoint import Endpoint
from omni_api.errors import ConfigurationError, InvalidInputError

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["TLS"]

logger = logging.getLogger("omni_api")

_PATIENCE_S = 20.0

# Where systems keep their bundle when the ssl module was built for another place.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def _is_path(
    _: object, attribute: attrs.Attribute[str | Path | None], value: str | Path | None
) -> None:
    if not isinstance(value, str | Path | None):
        raise InvalidInputError(f"{attribute.name} must be a path, not {type(value).__name__}")


def _is_bool(_: object, attribute: attrs.Attribute[bool], value: bool) -> None:  # noqa: FBT001
    if not isinstance(value, bool):
        raise InvalidInputError(f"{attribute.name} must be True or False, not {value!r}")


@attrs.frozen(kw_only=True)
class TLS:
    """How to check the server, and how to show ourselves to a proxy before it.

    Args:
        ca_file: PEM file with the CAs to trust instead of the system's trust store.
        client_certificate_file: PEM file with a client certificate, for a proxy that asks.
        client_key_file: PEM file with its private key.
        insecure_accept_any_certificate: Trust the certificate that the server shows when the
            client connects first, whoever signed it and whatever name it is for. Anybody between
            you and the server can then read and change everything. One that has expired is
            refused even so: gRPC looks at the dates of any certificate. Default False.

    Raises:
        InvalidInputError: Options are malformed or contradict each other.

    Example:
        >>> from omni_api import TLS
        >>> TLS(ca_file="/etc/company/ca.pem").ca_file
        '/etc/company/ca.pem'
    """

    ca_file: str | Path | None = attrs.field(default=None, validator=_is_path)
    client_certificate_file: str | Path | None = attrs.field(default=None, validator=_is_path)
    client_key_file: str | Path | None = attrs.field(default=None, validator=_is_path)
    insecure_accept_any_certificate: bool = attrs.field(default=False, validator=_is_bool)

    def __attrs_post_init__(self) -> None:
        if (self.client_certificate_file is None) != (self.client_key_file is None):
            raise InvalidInputError(
                "client_certificate_file and client_key_file belong together; pass both or none"
            )
        if self.insecure_accept_any_certificate and self.ca_file is not None:
            raise InvalidInputError(
                "insecure_accept_any_certificate trusts every server, so ca_file would mean "
                "nothing; pass one of the two"
            )

    def credentials(
        self, endpoint: Endpoint, timeout: float | None = None
    ) -> tuple[grpc.ChannelCredentials, tuple[tuple[str, str], ...]]:
        """Return channel credentials and the channel options that go with them.

        Reads files; with `insecure_accept_any_certificate` also connects once.

        Raises:
            ConfigurationError: A file cannot be read or holds something else.
            OSError: The server could not be asked for its certificate.
        """
        key, chain = _read(self.client_key_file), _read(self.client_certificate_file)
        roots, options = self._roots(endpoint, self._context(), timeout)
        credentials = grpc.ssl_channel_credentials(
            root_certificates=roots, private_key=key, certificate_chain=chain
        )
        return credentials, options

    def _context(self) -> ssl.SSLContext:
        """Return an unverifying context with our certificate; refuses files of another kind.

        The ssl module looks at them first: gRPC would only fail to connect, and say why to
        standard error.
        """
        # Not create_default_context: it would read the trust store, which nothing here asks.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        ca = _read(self.ca_file)
        try:
            if ca is not None:
                context.load_verify_locations(cadata=ca.decode("ascii", errors="ignore"))
        except (ssl.SSLError, ValueError) as error:  # ValueError: nothing at all
            raise ConfigurationError(f"{self.ca_file} holds no certificate: {error}") from error
        try:
            if self.client_certificate_file is not None:
                context.load_cert_chain(
                    self.client_certificate_file, self.client_key_file, password=self._locked
                )
        except ssl.SSLError as error:
            raise ConfigurationError(
                f"{self.client_certificate_file} holds no certificate, or one that the key in "
                f"{self.client_key_file} does not fit: {error}"
            ) from error
        return context

    def _locked(self) -> str:
        # Without this OpenSSL would ask at the terminal.
        raise ConfigurationError(
            f"{self.client_key_file} is locked with a passphrase, and gRPC can read no such key"
        )

    def _roots(
        self, endpoint: Endpoint, context: ssl.SSLContext, timeout: float | None
    ) -> tuple[bytes | None, tuple[tuple[str, str], ...]]:
        if self.insecure_accept_any_certificate:
            logger.warning(
                "accepting any certificate of %s: anybody between you and the server can read and "
                "change everything",
                endpoint,
            )
            pem, name = shown_certificate(endpoint, context, timeout)
            # gRPC has no switch to skip verification, so trust exactly what was shown, by the
            # name that stands in it; but ask for the server by the name that the caller gave. With
            # a port gRPC would refuse one that is not in the certificate.
            return pem, (
                ("grpc.ssl_target_name_override", name),
                ("grpc.default_authority", endpoint.host),
            )
        if self.ca_file is not None:
            return _read(self.ca_file), ()
        return system_roots(), ()


def _read(path: str | Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error


def system_roots() -> bytes | None:
    """Return the system's trusted CAs as PEM, None where there are none (then grpcio's are used).

    What OpenSSL reads on demand from a directory (SSL_CERT_DIR) is not listed by the ssl module,
    so the directory is read here too.
    """
    context = ssl.create_default_context()
    found = dict.fromkeys(
        ssl.DER_cert_to_PEM_cert(der) for der in context.get_ca_certs(binary_form=True)
    )
    for directory in _directories():
        # The hash links of OpenSSL: 5ad8a5d6.0; those that cannot be read are passed over.
        for file in sorted(directory.glob("*.[0-9]*")):
            pem = _text(file)
            # Most stand in the bundle too; to look at those again would take most of the time.
            if pem not in found and _holds_certificates(pem):
                found.setdefault(pem)
    if found:
        return "\n".join(found).encode("ascii")
    for bundle in map(Path, _BUNDLES):
        if bundle.is_file():
            return bundle.read_bytes()
    return None


def _directories() -> list[Path]:
    """The directories that OpenSSL looks into: several may stand in SSL_CERT_DIR."""
    paths = ssl.get_default_verify_paths()
    named = os.environ.get(paths.openssl_capath_env) or paths.openssl_capath
    return [Path(part) for part in named.split(os.pathsep) if part and Path(part).is_dir()]


def _text(file: Path) -> str:
    """Return the text of a file, empty where it cannot be read."""
    try:
        return file.read_text(encoding="ascii", errors="ignore")
    except OSError:
        return ""


def _holds_certificates(pem: str) -> bool:
    """Whether OpenSSL can read it: one broken file would make gRPC refuse all the others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):  # ValueError: nothing at all
        return False
    return True


def shown_certificate(
    endpoint: Endpoint, context: ssl.SSLContext, timeout: float | None = None
) -> tuple[bytes, str]:
    """Connect once, unverified, and return the server's certificate (PEM) and a name in it.

    Raises:
        ConfigurationError: The certificate cannot be used.
        OSError: The server could not be asked.
    """
    from cryptography import x509

    patience = _PATIENCE_S if timeout is None else min(timeout, _PATIENCE_S)
    with (
        socket.create_connection((endpoint.host, endpoint.port), patience) as plain,
        context.wrap_socket(plain, server_hostname=endpoint.host) as secure,
    ):
        der = secure.getpeercert(binary_form=True)
    if der is None:
        raise ConfigurationError(f"{endpoint} shows no certificate")
    certificate = x509.load_der_x509_certificate(der)
    if not certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc:
        raise ConfigurationError(
            f"the certificate of {endpoint} is valid from "
            f"{certificate.not_valid_before_utc:%Y-%m-%d} to "
            f"{certificate.not_valid_after_utc:%Y-%m-%d}; gRPC looks at the dates even where any "
            "certificate is accepted, so the server needs a new one"
        )
    name = _name(certificate)
    if name is None:
        raise ConfigurationError(
            f"the certificate of {endpoint} names no host; gRPC wants one even where any "
            "certificate is accepted, so the server needs a new one"
        )
    return ssl.DER_cert_to_PEM_cert(der).encode("ascii"), name


def _name(certificate: x509.Certificate) -> str | None:
    """Return a name that the certificate is for."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(common[0].value) if common else None
    if dns := names.get_values_for_type(x509.DNSName):
        # A wildcard is no name that a server can have; any label in its place fits.
        return dns[0].replace("*", "any", 1)
    addresses = names.get_values_for_type(x509.IPAddress)
    return str(addresses[0]) if addresses else None

"""TLS: which servers are trusted. grpcio alone knows its own bundle of roots and no switch.

Companies put their own CA into the system's trust store and expect it to count, so that store is
what is used by default.
"""

from __future__ import annotations

import logging
import os
import socket
import ssl
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

# Where systems keep their bundle when the ssl module was built for another place.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@attrs.frozen(kw_only=True)
class TLS:
    """How to check the server, and how to show ourselves to a proxy before it.

    Args:
        ca_file: PEM file with the CAs to trust instead of the system's trust store.
        client_certificate_file: PEM file with a client certificate, for a proxy that asks.
        client_key_file: PEM file with its private key.
        insecure_accept_any_certificate: Accept whatever certificate the server shows when the
            client connects first, self-signed or not. Anybody between you and the server can
            then read and change everything. Default False.

    Raises:
        InvalidInputError: Options contradict each other.

    Example:
        >>> from omni_api import TLS
        >>> TLS(ca_file="/etc/company/ca.pem").ca_file
        '/etc/company/ca.pem'
    """

    ca_file: str | Path | None = None
    client_certificate_file: str | Path | None = None
    client_key_file: str | Path | None = None
    insecure_accept_any_certificate: bool = False

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
        self, endpoint: Endpoint
    ) -> tuple[grpc.ChannelCredentials, tuple[tuple[str, str], ...]]:
        """Return channel credentials and the channel options that go with them.

        Reads files; with `insecure_accept_any_certificate` also connects once.
        """
        roots, options = self._roots(endpoint)
        return (
            grpc.ssl_channel_credentials(
                root_certificates=roots,
                private_key=_read(self.client_key_file),
                certificate_chain=_read(self.client_certificate_file),
            ),
            options,
        )

    def _roots(self, endpoint: Endpoint) -> tuple[bytes | None, tuple[tuple[str, str], ...]]:
        if self.insecure_accept_any_certificate:
            logger.warning(
                "accepting any certificate of %s: the connection is open to eavesdroppers", endpoint
            )
            pem, name = shown_certificate(endpoint)
            # gRPC has no switch to skip verification, so trust exactly what was shown, by the
            # name that stands in it.
            return pem, (("grpc.ssl_target_name_override", name),)
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
            if file.is_file() and os.access(file, os.R_OK):
                found.setdefault(file.read_text(encoding="ascii", errors="ignore"))
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


def shown_certificate(endpoint: Endpoint, *, timeout: float = 20.0) -> tuple[bytes, str]:
    """Connect once, unverified, and return the server's certificate (PEM) and a name in it."""
    from cryptography import x509

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((endpoint.host, endpoint.port), timeout) as plain,
            context.wrap_socket(plain, server_hostname=endpoint.host) as secure,
        ):
            der = secure.getpeercert(binary_form=True)
    except OSError as error:
        raise ConfigurationError(
            f"cannot ask {endpoint} for its certificate: {error}; is the server there, and does "
            "it speak TLS?"
        ) from error
    if der is None:
        raise ConfigurationError(f"{endpoint} shows no certificate")
    certificate = x509.load_der_x509_certificate(der)
    return ssl.DER_cert_to_PEM_cert(der).encode("ascii"), _name(certificate) or endpoint.host


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

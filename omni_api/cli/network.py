"""Looks at a server from outside, without gRPC: proxy, name, port, certificate, clock.

It goes the way that the client goes. What follows from what it sees is said in `diagnosis.py`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import proxy_bypass

if TYPE_CHECKING:
    from omni_api import TLS

__all__ = ["is_local", "obstacle", "skew"]

_PATIENCE_S: Final = 5.0
_PROXIES: Final = ("grpc_proxy", "https_proxy", "http_proxy")


def obstacle(  # noqa: PLR0911 - a row for each thing in the way
    endpoint: str, tls: TLS
) -> tuple[str, str, str] | None:
    """Return what is in the way to a server, or None if nothing is seen.

    Returns:
        "endpoint" or "TLS", what was seen, and what to do about it, which may be empty.
    """
    host, port = _address(endpoint)
    proxy = _proxy(host)
    first = f"{host} on port {port}"
    if proxy is not None:
        first = f"the proxy {proxy.hostname} on port {proxy.port or 80}"
    connection = _connection(endpoint, tls)
    try:
        with contextlib.closing(connection):
            connection.connect()
            if urlsplit(endpoint).scheme != "https" and _speaks_tls(connection.sock):
                return "endpoint", f"{host} speaks TLS on port {port}", f"use https://{host}:{port}"
    except socket.gaierror:
        name = host if proxy is None else f"{proxy.hostname}, the proxy"
        advice = "look for a mistake in the URL, or in the DNS of this machine"
        return "endpoint", f"there is no host called {name}", advice
    except ssl.SSLCertVerificationError as cause:
        found = f"the certificate of {host} is not trusted: {cause.verify_message}"
        return "TLS", found, "pass the CA that signed it with --ca-file, or OMNI_CA_FILE"
    except ssl.SSLError:
        advice = "check the port, or use grpc:// for a server without TLS"
        return "TLS", f"{host} speaks no TLS on port {port}", advice
    except TimeoutError:
        found = f"no answer from {first} within {_PATIENCE_S:.0f} s"
        return "endpoint", found, "check the URL, the network and firewalls on the way"
    except OSError as cause:
        return "endpoint", f"cannot connect to {first}: {cause.strerror or cause}", ""
    return None


def skew(endpoint: str, tls: TLS) -> timedelta | None:
    """Return how far the server's clock is ahead of ours, as its web interface tells it."""
    connection = _connection(endpoint, tls)
    with contextlib.closing(connection):
        try:
            connection.request("HEAD", "/")
            date = connection.getresponse().headers["date"]
            return parsedate_to_datetime(date) - datetime.now(UTC) if date else None
        except (OSError, HTTPException, ValueError):
            return None


def is_local(endpoint: str) -> bool:
    """Whether a server is on this machine."""
    return _address(endpoint)[0] in {"localhost", "127.0.0.1", "::1"}


def _connection(endpoint: str, tls: TLS) -> HTTPConnection:
    """Make a connection, not yet open, that goes the way of the client."""
    host, port = _address(endpoint)
    proxy = _proxy(host)
    first = (host, port) if proxy is None else (proxy.hostname or "", proxy.port or 80)
    connection = (
        HTTPSConnection(*first, timeout=_PATIENCE_S, context=_trusting(tls))
        if urlsplit(endpoint).scheme == "https"
        else HTTPConnection(*first, timeout=_PATIENCE_S)
    )
    if proxy is not None:
        headers = {}
        if proxy.username is not None:
            said = unquote(f"{proxy.username}:{proxy.password or ''}")
            headers["Proxy-Authorization"] = f"Basic {b64encode(said.encode()).decode()}"
        connection.set_tunnel(host, port, headers)
    return connection


def _proxy(host: str) -> SplitResult | None:
    """Return the proxy that gRPC takes: it reads these variables, in this order."""
    environ = os.environ  # noqa: TID251 - the client leaves proxies to gRPC
    url = next(filter(None, map(environ.get, _PROXIES)), None)
    if url is None or host in {"localhost", "127.0.0.1", "::1"} or proxy_bypass(host):
        return None
    return urlsplit(url)


def _trusting(tls: TLS) -> ssl.SSLContext:
    """Return what trusts the servers that the client trusts."""
    context = ssl.create_default_context(cafile=tls.ca_file)
    if tls.insecure_accept_any_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.client_certificate_file is not None:
        context.load_cert_chain(tls.client_certificate_file, tls.client_key_file)
    return context


def _speaks_tls(connection: socket.socket) -> bool:
    """Whether there is TLS behind a connection; who is there does not matter."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        context.wrap_socket(connection).close()
    except OSError:
        return False
    return True


def _address(endpoint: str) -> tuple[str, int]:
    parts = urlsplit(endpoint)
    return parts.hostname or "", parts.port or 443

"""Endpoints: what a URL of Omni means for dialing. Pure."""

from __future__ import annotations

import ipaddress
import re

import attrs

from omni_api.errors import InvalidInputError

_FORMS = "https://HOST[:PORT] (TLS), http://HOST[:PORT] or grpc://HOST[:PORT] (plaintext)"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?")
_ZONE = re.compile(r"[A-Za-z0-9._-]+")
_HIGHEST_PORT = 65_535
_SHOWN = 80
_PORT = re.compile(r"[0-9]{1,5}")
_SCHEMES = {"https": (True, 443), "http": (False, 80), "grpc": (False, 80)}


@attrs.frozen(kw_only=True)
class Endpoint:
    """Where to connect.

    Attributes:
        host: Host name or address; IPv6 without brackets.
        port: TCP port.
        secure: Whether the connection is TLS.
    """

    host: str
    port: int
    secure: bool

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine itself."""
        if self.host.lower().rstrip(".") == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.partition("%")[0]).is_loopback
        except ValueError:
            return False

    @property
    def address(self) -> str:
        """`HOST:PORT`, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def target(self) -> str:
        """The gRPC target. Named with its resolver: a bare host may look like a URI scheme."""
        return f"dns:///{self.address}"

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'grpc'}://{self.address}"


def parse(url: str) -> Endpoint:
    """Return the endpoint that `url` names.

    As the official client reads it: `https` is TLS with port 443 by default, `http` and `grpc`
    are plaintext with port 80, and path, query and user info are ignored. Two differences, both
    on purpose: a bracketed IPv6 address without port works (upstream mangles it), and an unknown
    or missing scheme is refused, where upstream would send the signed call in plaintext.

    Raises:
        InvalidInputError: `url` has another form. The error does not repeat user info.
    """
    if not isinstance(url, str):
        raise InvalidInputError(f"endpoint must be a URL as str, not {type(url).__name__}")
    text = url.strip()
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _SCHEMES:
        found = f"scheme {scheme!r}" if separator else f"{_shown(text, text)}, which has no scheme"
        raise InvalidInputError(f"endpoint must be {_FORMS}, not {found}")
    secure, default_port = _SCHEMES[scheme]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    if authority.startswith("["):
        host, bracket, port = authority[1:].partition("]")
        valid = bool(bracket) and _is_ipv6(host) and port[:1] in {"", ":"}
        port = port[1:]
    else:
        host, _, port = authority.partition(":")
        valid = _HOST.fullmatch(host) is not None
    if not valid:
        raise InvalidInputError(
            f"endpoint must be {_FORMS}; {_shown(authority, rest)} is no host name or address"
            " (an IPv6 address stands in brackets)"
        )
    if port and not (_PORT.fullmatch(port) and 0 < int(port) <= _HIGHEST_PORT):
        raise InvalidInputError(f"endpoint port must be 1 to 65535, not {_shown(port, rest)}")
    return Endpoint(host=host, port=int(port) if port else default_port, secure=secure)


def _is_ipv6(host: str) -> bool:
    address, percent, zone = host.partition("%")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return not percent or _ZONE.fullmatch(zone) is not None


def _shown(part: str, whole: str) -> str:
    """Quote a wrong part for an error, unless a password could stand in it.

    What comes before an `@` may be user info; and a text this long may be a key, pasted into the
    wrong variable.
    """
    if "@" in whole:
        return "that (not shown: it may hold a password)"
    return repr(part) if len(part) <= _SHOWN else f"{part[:16]!r}… ({len(part)} characters)"

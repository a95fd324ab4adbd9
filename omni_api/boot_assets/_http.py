"""One HTTP download, fetched by a thread of its own.

So nobody waits for a socket: who takes what has come waits a moment at most, and a client that is
cancelled or interrupted lets go at once. Where to go on and what an answer means is decided in
`_answers.py`; this file only carries bytes.

Python's own urllib does it: the download of one file needs neither a pool of connections nor
HTTP/2, and a dependency of every user would be a high price for it. Proxies are those of the
environment, as for gRPC.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from omni_api._core.flow import logger
from omni_api._version import VERSION
from omni_api.boot_assets._addresses import origin, shown, without_password

_CHUNK: Final = 256 * 1024
_AHEAD: Final = 8 * 1024 * 1024
"""Bytes that may wait for the consumer; then the thread stops reading, and TCP stops the server."""

_CONNECT_S: Final = 20.0
_BUILD_S: Final = 900.0
"""Longest wait for the first byte: a factory builds an image when it is asked for it first."""

_SILENCE_S: Final = 60.0
"""A connection that brings nothing for so long is taken for a broken one."""


@attrs.frozen(kw_only=True)
class Head:
    """How a server answers.

    Attributes:
        status: The status code.
        headers: Its headers, with names in lower case.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)


@attrs.frozen
class Taken:
    """What has come: the head when it is new, bytes, and whether that was all."""

    head: Head | None = None
    data: tuple[bytes, ...] = ()
    ended: bool = False


class UnusableAddressError(Exception):
    """The way leads where nobody can or must be sent; a second attempt would lead there again."""


class Transfer:
    """A request that is sent, and its answer as it comes.

    Args:
        url: What to fetch; credentials in it are sent to its own host alone.
        headers: Headers to send; to another host that the server names, none of them goes.
        ranges: Further headers, which go wherever the server sends us.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], ranges: Mapping[str, str] | None = None
    ) -> None:
        self._changed = threading.Condition()
        self._head: Head | None = None
        self._data: deque[bytes] = deque()
        self._size = 0
        self._ended = self._stopped = False
        self._error: BaseException | None = None
        self._socket: socket.socket | None = None
        url, headers = without_password(url, headers)
        request = urllib.request.Request(url)  # noqa: S310 - `_open` has no handler for files
        for name, value in ({"Accept-Encoding": "identity"} | dict(ranges or {})).items():
            request.add_header(name, value)
        request.add_header("User-Agent", f"sidero-omni-api/{VERSION}")
        for name, value in headers.items():
            request.add_unredirected_header(name, value)
        self._thread = threading.Thread(
            target=self._fetch, args=(request, headers), name="omni-download", daemon=True
        )
        self._thread.start()

    def take(self, seconds: float) -> Taken | None:
        """Return what has come; None if nothing does within `seconds`.

        Raises:
            OSError: The connection failed.
            http.client.HTTPException: What came is no HTTP.
            UnusableAddressError: Nobody can or must be sent there.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._head or self._data or self._ended or self._error, seconds
            )
            head, self._head = self._head, None
            data, self._size = tuple(self._data), 0
            self._data.clear()
            self._changed.notify_all()
            # What came before the failure counts.
            if self._error is not None and not data and head is None:
                raise self._error
            return Taken(head, data, self._ended) if head or data or self._ended else None

    def stop(self) -> None:
        """Let go of the connection; a second time is fine."""
        with self._changed:
            self._stopped = True
            self._data.clear()
            self._changed.notify_all()
            sock = self._socket
        if sock is not None:
            _shut(sock)
        # A thread that still looks for the host cannot be stopped; it holds nothing and ends soon.
        self._thread.join(0.2)

    def _fetch(self, request: urllib.request.Request, headers: Mapping[str, str]) -> None:
        try:
            with self._open(request, headers) as response:
                logger.debug("%s: HTTP %d", shown(request.full_url), response.status)
                self._patience(_SILENCE_S)
                head = Head(
                    status=response.status,
                    headers={name.lower(): value for name, value in response.headers.items()},
                )
                with self._changed:
                    self._head = head
                    self._changed.notify_all()
                while data := response.read1(_CHUNK):
                    with self._changed:
                        self._changed.wait_for(lambda: self._stopped or self._size < _AHEAD)
                        if self._stopped:
                            return
                        self._data.append(data)
                        self._size += len(data)
                        self._changed.notify_all()
            with self._changed:
                self._ended = True
                self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - handed to whoever takes
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _open(self, request: urllib.request.Request, headers: Mapping[str, str]) -> Any:
        # Not build_opener, which would read files and FTP too.
        opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.UnknownHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _Redirects(headers),
            _Http(self._watched),
            _Https(self._watched),
        ):
            opener.add_handler(handler)
        try:
            return opener.open(request, timeout=_CONNECT_S)
        except urllib.error.HTTPError as error:
            return error  # it is an answer like any other
        except urllib.error.URLError as error:
            raise error.reason if isinstance(error.reason, OSError) else error from None
        except ValueError:
            # Its text may show a password: that of a header which is none repeats the header.
            raise UnusableAddressError("an address on the way to it is malformed") from None

    def _watched(self, kind: type[http.client.HTTPConnection]) -> Callable[..., Any]:
        """Return a maker of connections whose sockets `stop` can reach."""

        def make(host: str, **options: Any) -> http.client.HTTPConnection:
            connection = kind(host, **options)
            connect = connection.connect

            def connected() -> None:
                connect()
                with self._changed:
                    self._socket = connection.sock
                    stopped = self._stopped
                self._patience(_BUILD_S)
                if stopped:
                    _shut(connection.sock)

            connection.connect = connected  # type: ignore[method-assign]
            return connection

        return make

    def _patience(self, seconds: float) -> None:
        if self._socket is not None:
            self._socket.settimeout(seconds)


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # That of SSLSocket would take the state of TLS from under the thread that reads.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Http(urllib.request.HTTPHandler):
    def __init__(self, watched: Callable[..., Any]) -> None:
        super().__init__()
        self._watched = watched

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._watched(http.client.HTTPConnection), request)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, watched: Callable[..., Any]) -> None:
        self._trusted = ssl.create_default_context()
        super().__init__(context=self._trusted)
        self._watched = watched

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        make = self._watched(http.client.HTTPSConnection)
        return self.do_open(make, request, context=self._trusted)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows the factory to its cache, which is another host: it must not see our password."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def redirect_request(  # noqa: PLR0917 - it is urllib's
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        with contextlib.ExitStack() as unless_followed:
            unless_followed.callback(fp.close)  # urllib does it only where it follows
            before, after = origin(req.full_url), origin(newurl)
            if after[0] != before[0] and after[0] != "https":
                text = f"redirected from {before[0]} to {after[0]}, unencrypted"
                raise UnusableAddressError(text)
            unless_followed.pop_all()
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is not None and after == before:
            for name, value in self._headers.items():
                # Only where they are sent already: a way back from elsewhere is not to be trusted.
                if req.has_header(name.capitalize()):
                    new.add_unredirected_header(name, value)
        return new

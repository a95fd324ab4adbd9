"""An image factory over HTTP: boot assets of any size, and what can go wrong with a download.

No recording has a factory in it. What it answers was read from the source and the manual of Image
Factory 1.6: an asset comes with a length and neither a validator nor ranges, or with a redirect to
an object store, which has both; `.sha256` beside it is in the enterprise edition, as is a password;
others answer 402. `Repr-Digest` is assumed: no factory sends it today.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

import attrs

__all__ = ["AssetRequest", "Checksum", "ImageFactory"]

Checksum = Literal["header", "file"]

_ASSET = re.compile(
    r"/(image|store)/[0-9a-f]{64}/v\d+\.\d+\.\d+[^/]*"
    r"/[a-z][A-Za-z0-9-]*-(amd64|arm64)(-secureboot)?\.[a-z0-9.]+"
)
_CHECKSUM = ".sha256"
_BLOCK = 64 * 1024
_USER = "omni"


@attrs.frozen(kw_only=True)
class AssetRequest:
    """One request that reached the factory or its object store.

    Attributes:
        path: What was asked for, without query.
        host: Host and port that the client believed to speak to.
        range: The header `Range`; empty for the whole file.
        authorized: Whether a password came along, a good one or not.
        status: The status code of the answer.
    """

    path: str
    host: str
    range: str
    authorized: bool
    status: int


class ImageFactory:
    """The factory, as `Simulator.image_factory` makes it.

    Attributes:
        url: Where it listens.
        store: Where its object store does, if clients are sent on to one.
        headers: What a download has to send along.
        requests: What was asked of it, oldest first.
        size: Bytes of every asset.
        wrong_checksum: Offer checksums that do not fit.
        careless: Send the rest of a file even when it is not the one that the client began with.
    """

    def __init__(
        self,
        *,
        size: int,
        password: str | None,
        ranges: bool,
        checksum: Checksum | None,
        redirect: bool,
    ) -> None:
        self.size = size
        self.wrong_checksum = False
        self.careless = False
        self.requests: list[AssetRequest] = []
        self.headers: Mapping[str, str] = {}
        if password is not None:
            token = base64.b64encode(f"{_USER}:{password}".encode()).decode()
            self.headers = {"Authorization": f"Basic {token}"}
        self._ranges = ranges
        self._checksum = checksum
        self._redirect = redirect
        self._generation = 0
        self._cuts: list[int] = []
        self._refusals: list[int] = []
        self._held = threading.Event()
        self._held.set()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        # Another host, if only by name.
        self.store = self.url.replace("127.0.0.1", "localhost")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def cut(self, *, after: int, times: int = 1) -> None:
        """Break the connection of the next downloads after some bytes of an asset."""
        self._cuts += [after] * times

    def refuse(self, status: int, *, times: int = 1, after: int = 0) -> None:
        """Answer the next requests with a status code, but for some that come before."""
        self._refusals += [0] * after + [status] * times

    def change(self) -> None:
        """Have other bytes from now on, under the same URLs."""
        self._generation += 1

    def hold(self) -> None:
        """Send no more than the first block of an asset, until `release`."""
        self._held.clear()

    def release(self) -> None:
        """Go on with what is held."""
        self._held.set()

    def content(self, url: str) -> bytes:
        """Return the bytes of an asset."""
        name = "/".join(urlsplit(url).path.split("/")[2:])
        seed = f"{name} {self._generation}".encode()
        return hashlib.shake_256(seed).digest(self.size)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go away are what it is for."""


def _handler(factory: ImageFactory) -> type[BaseHTTPRequestHandler]:
    """Return the handler of requests; the class is all that a server of Python takes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with factory._lock:
                refusal = factory._refusals.pop(0) if factory._refusals else 0
            path = urlsplit(self.path).path
            asset = path.removesuffix(_CHECKSUM)
            in_store = path.startswith("/store/")
            password = factory.headers.get("Authorization")
            if refusal:
                self._refuse(refusal)
            elif password and not in_store and self.headers.get("Authorization") != password:
                self._refuse(401)
            elif not _ASSET.fullmatch(asset):
                self._refuse(404)
            elif asset != path:
                self._send_checksum(asset)
            elif factory._redirect and not in_store:
                # The signature in the URL is a secret of the store.
                stored = f"{factory.store}{path.replace('/image/', '/store/')}?sign=x"
                self._begin(302)
                self.send_header("Location", stored)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._send(factory.content(path))

        def _send(self, content: bytes) -> None:
            digest = hashlib.sha256(content).digest()
            etag = f'"{digest.hex()[:16]}"'
            start, status = 0, 200
            if (wanted := self.headers.get("Range")) and factory._ranges:
                same = factory.careless or self.headers.get("If-Range", etag) == etag
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if same else 0
                status = 206 if same else 200
            if start >= len(content):
                self._refuse(416)
                return
            self._begin(status)
            self.send_header("Content-Length", str(len(content) - start))
            if status != 200:
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
            if factory._ranges:
                self.send_header("ETag", etag)
            if factory._checksum == "header":
                shown = base64.b64encode(self._offered(digest)).decode()
                self.send_header("Repr-Digest", f"sha-256=:{shown}:")
            self.end_headers()
            self._send_body(content[start:])

        def _send_body(self, body: bytes) -> None:
            with factory._lock:
                cut = factory._cuts.pop(0) if factory._cuts else len(body)
            for at in range(0, min(cut, len(body)), _BLOCK):
                self.wfile.write(body[at : min(at + _BLOCK, cut)])
                factory._held.wait()
            if cut < len(body):
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)

        def _send_checksum(self, asset: str) -> None:
            if factory._checksum != "file":
                self._refuse(402)
                return
            digest = self._offered(hashlib.sha256(factory.content(asset)).digest())
            self._answer(f"{digest.hex()}  {asset.rpartition('/')[2]}\n".encode())

        def _offered(self, digest: bytes) -> bytes:
            return digest[::-1] if factory.wrong_checksum else digest

        def _refuse(self, status: int) -> None:
            self._answer(b"refused\n", status)

        def _answer(self, text: bytes, status: int = 200) -> None:
            self._begin(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _begin(self, status: int) -> None:
            with factory._lock:
                factory.requests.append(
                    AssetRequest(
                        path=urlsplit(self.path).path,
                        host=self.headers.get("Host", ""),
                        range=self.headers.get("Range", ""),
                        authorized="Authorization" in self.headers,
                        status=status,
                    )
                )
            self.send_response(status)

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing to standard error."""

    return Handler

"""A TCP relay that breaks connections: at a chosen byte of a chosen message, or without a word.

It reads the HTTP/2 frames that the server sends, so a cut can be named by messages of gRPC and
lands there whatever else the connection carries. One thread serves one connection.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

import attrs

_FRAME = 9
_PREFIX = 5
_DATA = 0
_LOOK_S = 0.02
"""How often a connection looks whether the relay closes."""


@attrs.frozen
class Cut:
    """Where a connection ends: so many messages of the server, and so many bytes of the next.

    Attributes:
        messages: Messages that pass whole, over all streams of the connection.
        extra: Bytes of the next one that pass too, its prefix of five bytes included.
        wire: Bytes of the connection that pass; wins over messages.
        reset: End it with a TCP reset instead of an orderly end.
        mute: Do not end it, but swallow everything from there on without a word.
    """

    messages: int = 0
    extra: int = 0
    wire: int | None = None
    reset: bool = False
    mute: bool = False


class _Frames:
    """Follows the frames of one direction of one connection, and finds the cut in them."""

    def __init__(self, cut: Cut | None) -> None:
        self.messages = 0
        self._cut = cut
        self._bytes = 0
        self._header = bytearray()
        self._frame_left = 0
        self._is_data = False
        self._prefix = bytearray()
        self._message_left = 0
        self._into = 0

    def take(self, data: bytes) -> int | None:
        """Follow some bytes; the index at which to cut them, or None."""
        cut, before = self._cut, self._bytes
        self._bytes += len(data)
        if cut is not None and cut.wire is not None:
            return cut.wire - before if self._bytes >= cut.wire else None
        at = 0
        while at < len(data):
            if not self._frame_left:
                at += self._take_header(data[at : at + _FRAME - len(self._header)])
            elif not self._is_data:
                at += self._skip(len(data) - at)
            elif self._is_cut():
                return at
            else:
                at += self._take_data(data[at : at + self._frame_left])
                if self._is_cut():
                    return at
        return None

    def _take_header(self, part: bytes) -> int:
        self._header += part
        if len(self._header) == _FRAME:
            self._frame_left = int.from_bytes(self._header[:3], "big")
            self._is_data = self._header[3] == _DATA
            self._header.clear()
        return len(part)

    def _skip(self, available: int) -> int:
        count = min(available, self._frame_left)
        self._frame_left -= count
        return count

    def _take_data(self, part: bytes) -> int:
        """Follow a message up to the next point of interest."""
        count = len(part)
        if self._cut is not None and self.messages == self._cut.messages:
            count = min(count, self._cut.extra - self._into)
        if len(self._prefix) < _PREFIX:
            count = min(count, _PREFIX - len(self._prefix))
            self._prefix += part[:count]
            if len(self._prefix) == _PREFIX:
                self._message_left = int.from_bytes(self._prefix[1:], "big")
        else:
            count = min(count, self._message_left)
            self._message_left -= count
        self._into += count
        self._frame_left -= count
        if len(self._prefix) == _PREFIX and not self._message_left:
            self._prefix.clear()
            self._into = 0
            self.messages += 1
        return count

    def _is_cut(self) -> bool:
        if self._cut is None or self.messages < self._cut.messages:
            return False
        return self.messages > self._cut.messages or self._into >= self._cut.extra


class BrokenRelay:
    """Stands between a client and a server; `endpoint` is where the client has to go.

    Attributes:
        cuts: Where the connections are cut, one after the other; those after them are not.
        connections: How many were made.
        received: Bytes of the server that passed.
    """

    def __init__(self, port: int, cuts: Iterable[Cut | None] = ()) -> None:
        self.connections = 0
        self.received = 0
        self._cuts: Iterator[Cut | None] = iter(cuts)
        self._port = port
        self._closing = False
        self._muted: set[int] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.endpoint = f"grpc://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5.0)
        self._listener.close()

    def cut_next(self, cuts: Iterable[Cut | None]) -> None:
        """Cut the connections that are made from now on."""
        self._cuts = iter(cuts)

    def mute(self) -> None:
        """From now on swallow what the connections that exist carry, and say nothing."""
        self._muted.update(range(1, self.connections + 1))

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                client.close()  # nobody is there
                continue
            for one in (client, server):
                # Else every pause of the server costs 40 ms, for an acknowledgment that is late.
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._start(self._carry, client, server, self.connections, next(self._cuts, None))

    def _carry(
        self, client: socket.socket, server: socket.socket, number: int, cut: Cut | None
    ) -> None:
        frames, heard = _Frames(cut), [client, server]
        with client, server, contextlib.suppress(OSError):
            while not self._closing:
                ready, _, _ = select.select(heard, [], [], _LOOK_S)
                for source in ready:
                    data = source.recv(65_536)
                    if number in self._muted:
                        if not data:
                            heard.remove(source)  # not even the end is told to the other side
                        continue
                    if not data:
                        return
                    if source is client:
                        server.sendall(data)
                        continue
                    at = frames.take(data)
                    passed = data if at is None else data[:at]
                    client.sendall(passed)
                    self.received += len(passed)
                    if cut is None or at is None:
                        continue
                    if not cut.mute:
                        _hang_up(client, reset=cut.reset)
                        return
                    self._muted.add(number)


def _hang_up(client: socket.socket, *, reset: bool) -> None:
    if reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        client.shutdown(socket.SHUT_RDWR)

"""Streams of the blocking client: an iterator with a handle.

Closing a stream cancels the call on the server; so does leaving its `with`, and so does `break`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import grpc

from omni_api import _channel
from omni_api._core import flow
from omni_api._core.call import Call
from omni_api.errors import CallError, ClosedError, OmniError

if TYPE_CHECKING:
    from omni_api._driver import Driver

__all__ = ["Stream"]

T = TypeVar("T")


class Stream(Generic[T]):
    """The answers of a streaming call, as they come.

    Nothing is sent before the stream is entered (`with`) or first iterated. What the server
    refuses, a bad signature included, is raised by the first step of the iteration. A stream is
    read once, by one thread at a time; `close()` may come from any.

    Attributes:
        chunks: Messages delivered so far.
        bytes_received: Bytes of payload delivered so far: log lines, audit events, the bundle.

    Example:
        >>> with omni.management.machine_logs(machine_id=machine_id, tail_lines=3) as lines:
        ...     for line in lines:
        ...         assert line.bytes
        >>> lines.chunks
        3
    """

    def __init__(self, driver: Driver, call: Call[T]) -> None:
        self.chunks = 0
        self.bytes_received = 0
        self._driver = driver
        self._call = call
        self._read: Callable[[bytes], T] = call.reader()
        self._steps = flow.start(call, driver.session)
        self._rpc: _channel.RunningStream | None = None
        self._lock = threading.Lock()
        self._state = "new"  # new -> open -> ended | broken | closed
        self._values = self._iterate()

    def __iter__(self) -> Iterator[T]:
        if self._state in {"closed", "broken"}:
            raise ClosedError(
                f"the stream of {self._call.method.name} is {self._state}: it did not come to its "
                "end (close(), the end of its with block, a break, or an error); call the method "
                "again"
            )
        return self._closing()

    def __next__(self) -> T:
        return next(self._values)

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the call on the server, at once. A second time, or after the end, is fine."""
        with self._lock:
            if self._state in {"ended", "broken"}:
                return
            self._state = "closed"
            rpc = self._rpc
        if rpc is not None:
            rpc.cancel()

    def __repr__(self) -> str:
        return (
            f"<Stream {self._call.method.name} {self._state}: "
            f"{self.chunks} chunks, {self.bytes_received} bytes>"
        )

    def _closing(self) -> Iterator[T]:
        # An iterator of its own, which nobody else refers to: when a loop over it is left by
        # `break`, Python closes it at once, and with it `_values`.
        yield from self._values

    def _open(self) -> None:
        """Start the call, if that has not been done."""
        if self._state == "new":
            self._perform(next(self._steps))
            with self._lock:
                # It may have been closed meanwhile.
                self._state = "open" if self._state == "new" else self._state

    def _iterate(self) -> Iterator[T]:
        read, size = self._read, self._call.method.size
        try:
            for data in self._received():
                value = read(data)
                self.chunks += 1
                self.bytes_received += size(value)
                yield value
        except OmniError as error:
            # After our own cancel the stream ends quietly, whatever gRPC makes of it.
            if self._state != "closed":
                self._state = "broken"
                if isinstance(error, CallError):
                    error.chunks, error.bytes_received = self.chunks, self.bytes_received
                raise
        else:
            if self._state != "closed":
                self._state = "ended"
        finally:
            self.close()

    def _received(self) -> Iterator[bytes]:
        self._open()
        first = self._first()
        if first is None or self._rpc is None:
            return
        yield first
        try:
            yield from self._rpc
        except grpc.RpcError as error:
            ours = self._driver.failure(error, self._call.method.path)
            if isinstance(ours, CallError):
                flow.complete(ours, self._call)
            raise ours from error

    def _first(self) -> bytes | None:
        """Drive the start of the stream, retries included, up to its first message."""
        try:
            step = next(self._steps)
            while True:
                try:
                    data = self._perform(step)
                except CallError as error:
                    step = self._steps.throw(error)
                else:
                    step = self._steps.send(data)
        except StopIteration as done:
            first: bytes | None = done.value
            return first

    def _perform(self, step: flow.Open | flow.Receive | flow.Sleep) -> bytes | None:
        if isinstance(step, flow.Sleep):
            self._driver.sleep(step.seconds)
            return None
        if isinstance(step, flow.Open):
            rpc = self._driver.open(step)
            with self._lock:
                self._rpc = rpc
                closed = self._state == "closed"
            if closed:
                rpc.cancel()
            return None
        try:
            return next(self._rpc, None) if self._rpc is not None else None
        except grpc.RpcError as error:
            raise self._driver.failure(error, self._call.method.path) from error

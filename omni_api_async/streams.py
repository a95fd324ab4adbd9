"""Streams of the asyncio client: an asynchronous iterator with a handle.

The twin of `omni_api/streams.py`. Closing a stream cancels the call on the server; so does
leaving its `async with`, and so does `break`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

import grpc

from omni_api._core import flow
from omni_api._core.call import Call
from omni_api._core.flow import logger
from omni_api.errors import CallError, ClosedError, OmniError

if TYPE_CHECKING:
    from omni_api_async._driver import Driver

__all__ = ["Stream"]

T = TypeVar("T")


class RunningCall(Protocol):
    """A streaming call that runs, in a thread or in the loop."""

    def at_hand(self) -> bytes | None:
        """Return the next message if it is here already."""

    async def read(self) -> bytes | None:
        """Return the next message, None at the end of the stream."""

    def cancel(self) -> None:
        """End the call, at once."""

    async def joined(self) -> None:
        """Wait until nothing of the call runs any more."""


class Stream(Generic[T]):
    """The answers of a streaming call, as they come.

    Nothing is sent before the stream is entered (`async with`) or first iterated. What the server
    refuses, a bad signature included, is raised by the first step of the iteration. A stream is
    read once, by one task at a time.

    Example:
        >>> async with omni.management.machine_logs(machine_id=machine_id, tail_lines=3) as lines:
        ...     async for line in lines:
        ...         assert line.bytes
        >>> lines.chunks
        3
    """

    def __init__(self, driver: Driver, call: Call[T]) -> None:
        self._chunks = 0
        self._bytes_received = 0
        self._driver = driver
        self._call = call
        self._read: Callable[[bytes], T] = call.reader()
        self._size = call.method.size
        self._busy = False
        self._rpc: RunningCall | None = None
        self._steps = flow.start(call, driver.session)
        self._state = "new"  # new -> open -> reading -> ended | broken | closed

    @property
    def chunks(self) -> int:
        """Messages delivered so far."""
        return self._chunks

    @property
    def bytes_received(self) -> int:
        """Bytes of payload delivered so far: log lines, audit events, the bundle."""
        return self._bytes_received

    def __aiter__(self) -> AsyncIterator[T]:
        if self._state in {"closed", "broken"}:
            raise ClosedError(
                f"the stream of {self._call.method.name} is {self._state}: it did not come to its "
                "end (close(), the end of its async with block, a break, or an error); call the "
                "method again"
            )
        return _Closing(self)

    async def __anext__(self) -> T:
        if self._state in {"ended", "broken", "closed"}:
            raise StopAsyncIteration
        if self._busy:
            raise ClosedError(
                "a stream is read by one task at a time, and another one reads this one"
            )
        data = None if self._rpc is None else self._rpc.at_hand()
        if data is None:
            data = await self._waited()
        try:
            value = self._read(data)
        except OmniError as error:
            self._broken(error)
            if self._rpc is not None:
                self._rpc.cancel()
            raise
        self._chunks += 1
        self._bytes_received += self._size(value)
        return value

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Cancel the call on the server, at once. A second time, or after the end, is fine."""
        self._cancel()
        if self._rpc is not None:
            await self._rpc.joined()

    def __repr__(self) -> str:
        return (
            f"<Stream {self._call.method.name} {self._state}: "
            f"{self.chunks} chunks, {self.bytes_received} bytes>"
        )

    def _cancel(self) -> None:
        if self._state in {"ended", "broken"}:
            return
        self._settle("closed")
        if self._rpc is not None:
            self._rpc.cancel()

    def __del__(self) -> None:
        # grpc.aio does not end a call whose object is forgotten. A closed loop has none left.
        if self._rpc is not None and self._driver.runs:
            self._cancel()

    async def _open(self) -> None:
        """Start the call, if that has not been done."""
        if self._state != "new":
            return
        self._busy = True
        try:
            await self._drive(to_open=True)
        except BaseException:
            self._settle("broken")
            raise
        finally:
            self._busy = False
        self._settle("open")

    def _settle(self, state: str) -> None:
        """Move on, unless the stream is at its end."""
        if self._state in {"ended", "broken", "closed"}:
            return
        self._state = state
        if state in {"ended", "broken", "closed"}:
            logger.debug(
                "%s: %s after %d messages, %d bytes",
                self._call.method.path,
                self._state,
                self.chunks,
                self.bytes_received,
            )

    async def _waited(self) -> bytes:
        """Wait for the next message.

        Raises:
            StopAsyncIteration: The stream came to its end, or was closed by us.
        """
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        try:
            data = await self._received()
        except (OmniError, asyncio.CancelledError) as error:
            cancelled = task is not None and task.cancelling() > before
            if self._state == "closed" and not (
                cancelled and isinstance(error, asyncio.CancelledError)
            ):
                raise StopAsyncIteration from None
            if isinstance(error, asyncio.CancelledError):
                self._cancel()
                ours = error if cancelled else self._driver.failure(error, self._call)
                if ours is error:
                    raise
                raise ours from error
            self._broken(error)
            raise
        if data is None:
            self._settle("ended")
            raise StopAsyncIteration
        return data

    async def _received(self) -> bytes | None:
        """Return the next message, None at the end of the stream."""
        await self._open()
        self._busy = True
        try:
            if self._state != "reading":
                return await self._drive(to_open=False)
            assert self._rpc is not None  # noqa: S101 - there was a first message
            return await self._rpc.read()
        except grpc.RpcError as error:
            ours = self._driver.failure(error, self._call)
            if isinstance(ours, CallError):
                flow.complete(ours, self._call)
            raise ours from error
        finally:
            self._busy = False

    async def _drive(self, *, to_open: bool) -> bytes | None:
        """Carry out the steps of the start: up to the open call, or on to its first message."""
        try:
            step = next(self._steps)
            while True:
                try:
                    data = await self._perform(step)
                except CallError as error:
                    step = self._steps.throw(error)
                else:
                    if to_open and isinstance(step, flow.Open):
                        return None
                    step = self._steps.send(data)
        except StopIteration as done:
            if self._state == "open":
                self._state = "reading"
            first: bytes | None = done.value
            return first

    async def _perform(self, step: flow.Open | flow.Receive | flow.Sleep) -> bytes | None:
        if isinstance(step, flow.Sleep):
            await self._driver.sleep(step.seconds)
            return None
        if isinstance(step, flow.Open):
            self._rpc = await self._driver.open(step)
            if self._state == "closed":
                self._rpc.cancel()
            return None
        assert self._rpc is not None  # noqa: S101 - Open comes before Receive
        try:
            return await self._rpc.read()
        except grpc.RpcError as error:
            raise self._driver.failure(error, self._call) from error

    def _broken(self, error: OmniError) -> None:
        """Note that the stream broke, and in the error how far it had come."""
        self._settle("broken")
        if isinstance(error, CallError):
            error.chunks, error.bytes_received = self.chunks, self.bytes_received


class _Closing(AsyncIterator[T]):
    """The iterator of one loop.

    Nobody else refers to it: when `break` leaves the loop it goes, and the call is cancelled at
    once, where an asynchronous generator would wait for the event loop.
    """

    def __init__(self, stream: Stream[T]) -> None:
        self._stream = stream

    def __anext__(self) -> Coroutine[None, None, T]:
        return self._stream.__anext__()

    def __del__(self) -> None:
        self._stream.__del__()

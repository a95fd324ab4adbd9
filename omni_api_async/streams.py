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
from omni_api._core.call import SKIPPED, Call
from omni_api._core.flow import logger
from omni_api._core.steps import Composite, Give, Position
from omni_api.errors import CallError, ClosedError, OmniError
from omni_api_async._routine import Routine

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

    def __init__(self, driver: Driver, source: Call[T] | Composite[T]) -> None:
        self._chunks = 0
        self._bytes_received = 0
        self._driver = driver
        self._busy = False
        self._given_up = False
        self._state = "new"  # new -> open -> ended | broken | closed
        self._work: _Work[T] = (
            _OfCall(driver, source) if isinstance(source, Call) else _OfSteps(driver, source)
        )
        self._size = self._work.size

    @property
    def chunks(self) -> int:
        """Messages delivered so far."""
        return self._chunks

    @property
    def bytes_received(self) -> int:
        """Bytes of payload delivered so far: log lines, audit events, the bundle."""
        return self._bytes_received

    @property
    def checkpoint(self) -> int | None:
        """Id of the last event handed out, to go on from; None where events have no ids."""
        return self._work.position.checkpoint

    @property
    def reconnects(self) -> int:
        """How often a stream that goes on after interruptions had to be opened again."""
        return self._work.position.reconnects

    def __aiter__(self) -> AsyncIterator[T]:
        if self._state in {"closed", "broken"}:
            raise ClosedError(
                f"the stream of {self._work.name} is {self._state}: it did not come to its "
                "end (close(), the end of its async with block, a break, or an error); call the "
                "method again"
            )
        return _Closing(self)

    async def __anext__(self) -> T:
        if self._given_up:
            raise ClosedError(
                f"the stream of {self._work.name} was closed when a wait for its next value was "
                "cancelled, for example by asyncio.wait_for; to wait for a limited time, read the "
                "stream in a task and take its values from a queue"
            )
        if self._state in {"ended", "broken", "closed"}:
            raise StopAsyncIteration
        if self._busy:
            raise ClosedError(
                "a stream is read by one task at a time, and another one reads this one"
            )
        try:
            value = self._work.at_hand()
        except Exception as error:
            self._broken(error)
            raise
        if value is None:
            value = await self._waited()
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
        await self._work.joined()

    def __repr__(self) -> str:
        return (
            f"<Stream {self._work.name} {self._state}: "
            f"{self.chunks} chunks, {self.bytes_received} bytes>"
        )

    def _cancel(self) -> None:
        if self._state in {"ended", "broken"}:
            return
        self._settle("closed")
        self._work.interrupt()

    def __del__(self) -> None:
        # grpc.aio does not end a call whose object is forgotten. A closed loop has none left.
        if self._state != "new" and self._driver.runs:
            self._cancel()

    async def _open(self) -> None:
        """Begin, if that has not been done."""
        if self._state != "new":
            return
        self._busy = True
        try:
            await self._work.begin()
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
                self._work.label,
                self._state,
                self.chunks,
                self.bytes_received,
            )

    async def _waited(self) -> T:
        """Wait for the next value.

        Raises:
            StopAsyncIteration: The stream came to its end, or was closed by us.
        """
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        try:
            await self._open()
            self._busy = True
            try:
                value = await self._work.next()
            finally:
                self._busy = False
        except (OmniError, asyncio.CancelledError) as error:
            cancelled = task is not None and task.cancelling() > before
            if self._state == "closed" and not (
                cancelled and isinstance(error, asyncio.CancelledError)
            ):
                raise StopAsyncIteration from None
            if isinstance(error, asyncio.CancelledError):
                self._cancel()
                self._given_up = cancelled
                ours = error if cancelled else self._work.failure(error)
                if ours is error:
                    raise
                raise ours from error
            self._broken(error)
            raise
        except Exception as error:  # of the caller's own function, such as `on_malformed`
            self._broken(error)
            raise
        if value is None:
            self._settle("ended")
            raise StopAsyncIteration
        return value

    def _broken(self, error: Exception) -> None:
        """Note that the stream broke, and in the error how far it had come."""
        self._settle("broken")
        # One that broke here, by a message that cannot be read, still runs there.
        self._work.interrupt()
        if isinstance(error, CallError):
            error.chunks, error.bytes_received = self.chunks, self.bytes_received


class _Work(Generic[T]):
    """What brings the values of a stream."""

    def __init__(self, name: str, label: str, size: Callable[[T], int], position: Position) -> None:
        self.name = name
        self.label = label
        self.size = size
        self.position = position

    def at_hand(self) -> T | None:
        """Return the next value if it is here already."""
        raise NotImplementedError

    async def begin(self) -> None:
        """Open the call, or do what comes before the first value."""
        raise NotImplementedError

    async def next(self) -> T | None:
        """Return the next value, None at the end."""
        raise NotImplementedError

    def failure(self, error: BaseException) -> BaseException:
        """Return our error for one of grpc.aio's."""
        raise NotImplementedError

    def interrupt(self) -> None:
        """End it, at once."""
        raise NotImplementedError

    async def joined(self) -> None:
        """Wait until nothing of it runs any more."""
        raise NotImplementedError


class _OfCall(_Work[T]):
    """The answers of one streaming call."""

    def __init__(self, driver: Driver, call: Call[T]) -> None:
        method = call.method
        super().__init__(method.name, method.path, call.size, Position())
        self._driver = driver
        self._call = call
        self._read = call.reader()
        self._steps = flow.start(call, driver.session)
        self._rpc: RunningCall | None = None
        self._reading = False
        self._ended = False

    def at_hand(self) -> T | None:
        rpc = self._rpc
        if rpc is None:
            return None
        while (data := rpc.at_hand()) is not None:
            if (value := self._read(data)) is not SKIPPED:
                return value
        return None

    async def begin(self) -> None:
        await self._drive(to_open=True)

    async def next(self) -> T | None:
        while (data := await self._received()) is not None:
            if (value := self._read(data)) is not SKIPPED:
                return value
        return None

    def failure(self, error: BaseException) -> BaseException:
        return self._driver.failure(error, self._call)

    def interrupt(self) -> None:
        self._ended = True
        if self._rpc is not None:
            self._rpc.cancel()

    async def joined(self) -> None:
        if self._rpc is not None:
            await self._rpc.joined()

    async def _received(self) -> bytes | None:
        """Return the next message, None at the end of the stream."""
        if not self._reading:
            return await self._drive(to_open=False)
        assert self._rpc is not None  # noqa: S101 - there was a first message
        try:
            return await self._rpc.read()
        except grpc.RpcError as error:
            ours = self.failure(error)
            if isinstance(ours, CallError):
                flow.complete(ours, self._call)
            raise ours from error

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
            self._reading = True
            first: bytes | None = done.value
            return first

    async def _perform(self, step: flow.Open | flow.Receive | flow.Sleep) -> bytes | None:
        if isinstance(step, flow.Sleep):
            await self._driver.sleep(step.seconds)
            return None
        if isinstance(step, flow.Open):
            self._rpc = await self._driver.open(step)
            if self._ended:
                self._rpc.cancel()
            return None
        assert self._rpc is not None  # noqa: S101 - Open comes before Receive
        try:
            return await self._rpc.read()
        except grpc.RpcError as error:
            raise self.failure(error) from error


class _OfSteps(_Work[T]):
    """What a composed operation hands out."""

    def __init__(self, driver: Driver, composite: Composite[T]) -> None:
        super().__init__(composite.name, composite.name, composite.size, composite.position)
        self._routine = Routine(driver, composite.steps)
        self._first: Give[T] | None = None

    def at_hand(self) -> T | None:
        return None

    async def begin(self) -> None:
        spoken = await self._routine.advance()
        self._first = spoken if isinstance(spoken, Give) else None

    async def next(self) -> T | None:
        spoken, self._first = self._first, None
        while spoken is None or not isinstance(spoken, Give):
            if (found := await self._routine.advance()) is None:
                return None
            spoken = found if isinstance(found, Give) else None
        return spoken.value

    def failure(self, error: BaseException) -> BaseException:
        return error

    def interrupt(self) -> None:
        self._routine.interrupt()

    async def joined(self) -> None:
        await self._routine.close()


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

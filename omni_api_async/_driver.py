"""The asyncio driver: performs the steps of the flows on a grpc.aio.Channel.

The twin of `omni_api/_driver.py`; what it decides is nothing but where to await.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import grpc
import grpc.aio

from omni_api import _channel
from omni_api._core import flow
from omni_api._core.call import Call
from omni_api._core.flow import logger
from omni_api._core.steps import Composite, Steps
from omni_api.errors import CallError, ClosedError
from omni_api_async._bulk import BulkCall, settle
from omni_api_async._live import LiveCall
from omni_api_async._routine import Routine
from omni_api_async.streams import RunningCall, Stream

T = TypeVar("T")


class Driver:
    """One channel, opened by the first call in that call's event loop."""

    _process: ClassVar[int | None] = None
    """The process in which grpc.aio was first used.

    Global because what it says is: grpc.aio starts a poller once per process, and a call in a
    forked child of that process never returns.
    """

    def __init__(self, settings: _channel.ChannelSettings, session: flow.Session) -> None:
        self.session = session
        self._settings = settings
        self._pid = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Task[None] | None = None
        self._channel: grpc.aio.Channel | None = None
        self._blocking: grpc.Channel | None = None
        self._credentials: _channel.Credentials | None = None
        self._bulk: weakref.WeakSet[BulkCall] = weakref.WeakSet()
        self._unary: Mapping[str, Any] = {}
        self._closed = False
        self._pauses: set[asyncio.Future[None]] = set()

    async def unary(self, call: Call[T]) -> T:
        """Send a unary call and return the value of its answer."""
        steps = flow.unary(call, self.session)
        try:
            step = next(steps)
            while True:
                try:
                    data = await self._perform(step)
                except CallError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(data)
        except StopIteration as done:
            value: T = done.value
            return value
        finally:
            steps.close()

    def stream(self, source: Call[T] | Composite[T]) -> Stream[T]:
        """Return the stream of a call or of steps; nothing is sent before it is used."""
        return Stream(self, source)

    async def compose(self, steps: Steps[T]) -> T:
        """Carry out a composed operation and return its result."""
        return await Routine(self, steps).result()

    async def _perform(self, step: flow.Attempt | flow.Sleep) -> bytes:
        if isinstance(step, flow.Sleep):
            await self.sleep(step.seconds)
            return b""
        path = step.call.method.path
        started = self.session.monotonic()
        send = self._unary.get(path)
        timeout = step.timeout
        if send is None or self._loop is not asyncio.get_running_loop():
            send = await self._unary_callable(step)
            if timeout is not None:
                timeout = max(timeout - (self.session.monotonic() - started), 0.0)
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        try:
            data: bytes = await send(step.call.request, timeout=timeout, metadata=step.metadata)
        except (grpc.RpcError, grpc.aio.UsageError, asyncio.CancelledError) as error:
            cancelled = task is not None and task.cancelling() > before
            ours = self.failure(error, step.call, cancelled=cancelled)
            if ours is error:
                raise
            raise ours from error
        logger.debug("%s: OK in %.3f s", path, self.session.monotonic() - started)
        return data

    async def open(self, step: flow.Open) -> RunningCall:
        """Start a streaming call: one that ends by itself in a thread, a live one in the loop."""
        method = step.call.method
        channel: Any = await self._channel_for(step)
        if not step.call.live:
            channel = self._blocking_channel()
        start = channel.unary_stream(method.path)
        try:
            call = start(step.call.request, timeout=step.timeout, metadata=step.metadata)
        except (grpc.aio.UsageError, ValueError) as error:
            ours = self.failure(error, step.call)
            if ours is error:
                raise
            raise ours from error
        if step.call.live:
            return LiveCall(call)
        bulk = BulkCall(call, method.name)
        self._bulk.add(bulk)
        return bulk

    async def sleep(self, seconds: float) -> None:
        """Wait; closing the client ends the wait."""
        await self.paused(self.pause(seconds))

    def pause(self, seconds: float) -> asyncio.Future[None]:
        """Return a future that is done after `seconds`, and when the client is closed."""
        loop = asyncio.get_running_loop()
        pause = loop.create_future()
        timer = loop.call_later(seconds, settle, pause)
        pause.add_done_callback(lambda _: timer.cancel())
        self._pauses.add(pause)
        pause.add_done_callback(self._pauses.discard)
        return pause

    async def paused(self, pause: asyncio.Future[None]) -> None:
        """Wait for a pause to be over."""
        await pause
        if self._closed:
            raise ClosedError("the client was closed while a call waited for its next attempt")

    async def close(self) -> None:
        """Cancel what runs and close the channel; a second time is fine."""
        self._closed = True
        for pause in tuple(self._pauses):
            settle(pause)
        channel, self._channel, self._unary = self._channel, None, {}
        blocking, self._blocking = self._blocking, None
        if self._pid != os.getpid():
            return  # a forked child must not touch its parent's connections
        try:
            if blocking is not None:
                blocking.close()
            for bulk in tuple(self._bulk):
                await bulk.joined()
        finally:
            if channel is not None:
                await channel.close()

    @property
    def runs(self) -> bool:
        """Whether the loop that the connection belongs to can still do anything."""
        return self._loop is not None and not self._loop.is_closed()

    def failure(
        self, error: BaseException, call: Call[Any], *, cancelled: bool = False
    ) -> BaseException:
        """Return our error for one of grpc.aio's, which says "closed" in three ways.

        A call that runs while its channel is closed ends with CANCELLED or, as if the caller's
        task had been cancelled, with `asyncio.CancelledError`; a new one raises `UsageError`. A
        cancellation of the caller's task (`cancelled`) stays what it is.
        """
        if isinstance(error, grpc.RpcError):
            ours = _channel.error_from_rpc(error, call.method.path)
            if not (self._closed and ours.code is grpc.StatusCode.CANCELLED):
                return ours
        elif cancelled or not self._closed:
            return error
        return _channel.closed_during(call)

    async def _channel_for(self, step: flow.Attempt | flow.Open) -> grpc.aio.Channel:
        """Return the channel, opened now if this is the first call."""
        await self.ready(step.timeout, step.call.method.path)
        if self._channel is None:
            raise ClosedError("the client was closed while it opened; nothing was sent")
        return self._channel

    async def ready(self, seconds: float | None = None, path: str = "") -> None:
        """Open the channel in the running loop, if that has not been done."""
        self._admit()
        if self._channel is not None:
            return
        # A failure to open, such as an unreadable CA file, is not kept for the next call.
        if self._opening is None or self._opening.done():
            self._opening = asyncio.ensure_future(self._open(seconds))
        try:
            await asyncio.shield(self._opening)
        except OSError as error:
            raise _channel.unreachable(error, path) from error

    async def _open(self, seconds: float | None) -> None:
        # Reads files, and with insecure_accept_any_certificate the network: not in the loop.
        credentials = await asyncio.to_thread(self._settings.credentials, seconds)
        if self._closed:
            return
        Driver._process = self._pid
        self._credentials = credentials
        self._channel = self._settings.open_async(credentials)

    def _blocking_channel(self) -> grpc.Channel:
        """Return the channel of the bulk streams, opened now if this is the first of them."""
        if self._closed:
            raise ClosedError("the client is closed; make a new one")
        if self._blocking is None:
            self._blocking = self._settings.open(self._credentials)
        return self._blocking

    async def _unary_callable(self, step: flow.Attempt) -> Any:
        channel: Any = await self._channel_for(step)
        path = step.call.method.path
        # Of many first calls that waited for the channel only one gets here without it.
        if path not in self._unary:
            self._unary = {**self._unary, path: channel.unary_unary(path)}
        return self._unary[path]

    def _admit(self) -> None:
        loop, pid = asyncio.get_running_loop(), os.getpid()
        if self._pid != pid or Driver._process not in {None, pid}:
            raise ClosedError(_channel.FORKED.format(pid=Driver._process or self._pid))
        if self._closed:
            raise ClosedError("the client is closed; make a new one")
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise ClosedError(
                "this client belongs to another event loop, the one of its first call; make one "
                "client per asyncio.run()"
            )

"""The blocking driver: performs the steps of the flows on a grpc.Channel.

The only place where the blocking client waits. It decides nothing: what to send, whether to send
it again and how long to wait come from `_core/flow.py`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import grpc

from omni_api import _channel
from omni_api._core import flow
from omni_api._core.call import Call
from omni_api._core.flow import logger
from omni_api._core.steps import Composite, Steps
from omni_api._routine import Routine
from omni_api.errors import CallError, ClosedError
from omni_api.streams import Stream

T = TypeVar("T")


class Driver:
    """One channel, opened by the first call, and the state that ends with it."""

    def __init__(self, settings: _channel.ChannelSettings, session: flow.Session) -> None:
        self.session = session
        self._settings = settings
        self._lock = threading.Lock()
        self._closed = False
        # A bell for each who waits. No Condition: Ctrl-C can strike the main thread while it
        # enters or leaves one, and then it stays locked for everybody.
        self._bells: set[SimpleQueue[None]] = set()
        self._channel: grpc.Channel | None = None
        self._unary: Mapping[str, Any] = {}
        self._pid = os.getpid()

    def unary(self, call: Call[T]) -> T:
        """Send a unary call and return the value of its answer."""
        steps = flow.unary(call, self.session)
        try:
            step = next(steps)
            while True:
                try:
                    data = self._perform(step)
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

    def compose(self, steps: Steps[T]) -> T:
        """Carry out a composed operation and return its result."""
        return Routine(self, steps).result()

    def _perform(self, step: flow.Attempt | flow.Sleep) -> bytes:
        if isinstance(step, flow.Sleep):
            self.sleep(step.seconds)
            return b""
        path = step.call.method.path
        started = self.session.monotonic()
        send = self._unary.get(path)
        timeout = step.timeout
        if send is None or self.is_forked:
            send = self._unary_callable(step)
            if timeout is not None:
                timeout = max(timeout - (self.session.monotonic() - started), 0.0)
        try:
            data: bytes = send(step.call.request, timeout=timeout, metadata=step.metadata)
        except (grpc.RpcError, ValueError) as error:
            ours = self.failure(error, step.call)
            if ours is error:
                raise
            raise ours from error
        logger.debug("%s: OK in %.3f s", path, self.session.monotonic() - started)
        return data

    def open(self, step: flow.Open) -> _channel.RunningStream:
        """Start a streaming call."""
        path = step.call.method.path
        start: Any = self._channel_for(step).unary_stream(path)
        try:
            call: _channel.RunningStream = start(
                step.call.request, timeout=step.timeout, metadata=step.metadata
            )
        except ValueError as error:
            ours = self.failure(error, step.call)
            if ours is error:
                raise
            raise ours from error
        return call

    def sleep(self, seconds: float, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait; closing the client ends the wait, and so does `wake` once `stopped`."""
        bell: SimpleQueue[None] = SimpleQueue()
        self._bells.add(bell)
        end = time.monotonic() + seconds
        try:
            while not (self._closed or stopped()):
                bell.get(timeout=max(end - time.monotonic(), 0.0))
        except Empty:
            pass
        finally:
            self._bells.discard(bell)
        if self._closed:
            raise ClosedError("the client was closed while a call waited for its next attempt")

    def wake(self) -> None:
        """Let everybody who waits look whether to go on; from any thread."""
        for bell in tuple(self._bells):
            bell.put(None)

    def close(self) -> None:
        """Cancel what runs and close the channel; a second time is fine."""
        if self.is_forked:
            return  # a child must not touch its parent's connection, nor its locks
        with self._lock:
            self._closed = True
            channel, self._channel, self._unary = self._channel, None, {}
        self.wake()
        if channel is not None:
            channel.close()

    def failure(self, error: Exception, call: Call[Any]) -> Exception:
        """Return our error for one of grpcio's, which says "closed" in two ways.

        A call that runs while its channel is closed ends with CANCELLED; a new one raises
        ValueError. Any other ValueError is a mistake of ours and stays what it is.
        """
        if isinstance(error, grpc.RpcError):
            ours = _channel.error_from_rpc(error, call.method.path)
            if not (self._closed and ours.code is grpc.StatusCode.CANCELLED):
                return ours
        elif not self._closed:
            return error
        return _channel.closed_during(call)

    def _channel_for(self, step: flow.Attempt | flow.Open) -> grpc.Channel:
        """Return the channel, opened now if this is the first call."""
        self._admit()
        if self._channel is not None:
            return self._channel
        # Outside of the lock: it may take as long as the server lets it, and close() must not.
        try:
            credentials = self._settings.credentials(step.timeout)
        except OSError as error:
            raise _channel.unreachable(error, step.call.method.path) from error
        with self._lock:
            self._admit()
            if self._channel is None:
                self._channel = self._settings.open(credentials)
            return self._channel

    def _unary_callable(self, step: flow.Attempt) -> Any:
        path = step.call.method.path
        send: Any = self._channel_for(step).unary_unary(path)
        with self._lock:
            if not self._closed:
                self._unary = {**self._unary, path: send}
        return send

    @property
    def is_forked(self) -> bool:
        """Whether this is a child of the process that the connection belongs to."""
        return os.getpid() != self._pid

    def admit_process(self) -> None:
        """Refuse to do anything in a child of the process that the connection belongs to."""
        if self.is_forked:
            raise ClosedError(_channel.FORKED.format(pid=self._pid))

    def _admit(self) -> None:
        self.admit_process()
        if self._closed:
            raise ClosedError("the client is closed; make a new one")

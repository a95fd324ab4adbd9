"""Bulk streams for asyncio, at the speed of the blocking client.

grpc.aio hands over one message per turn of the event loop, which takes several times the CPU of
the message itself. A stream that ends by itself is therefore read by a thread of its own, through
a blocking call in single-threaded mode, and handed over in batches. Live streams stay with
grpc.aio: a thread for each of a thousand follows would cost more than it saves.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque

from omni_api._channel import RunningStream, drain

_MOST_MESSAGES = 1_024
_MOST_BYTES = 4 * 1024 * 1024
"""What may wait for the consumer; then the thread stops reading, and gRPC stops the server."""

_LOOK_S = 1.0
"""How often a thread that waits for its consumer looks whether the loop still exists."""

_GATHER_S = 0.001
"""How long the consumer, once woken, lets a batch grow: a wake-up costs what fifty messages do."""


class BulkCall:
    """A running stream: read by a thread, consumed in one event loop."""

    def __init__(self, rpc: RunningStream, name: str) -> None:
        self._rpc = rpc
        self._loop = asyncio.get_running_loop()
        self._state = threading.Condition()
        self._arrived: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._cancelled = False
        self._joining = False
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._batch: deque[bytes] = deque()
        self._finished = asyncio.Event()
        self._thread = threading.Thread(target=self._read_all, name=f"omni-{name}", daemon=True)
        self._thread.start()

    async def read(self) -> bytes | None:
        """Return the next message, None at the end of the stream.

        Raises:
            grpc.RpcError: The stream broke; everything before it has been returned.
        """
        if not self._batch and not await self._fill():
            return None
        return self._batch.popleft()

    def at_hand(self) -> bytes | None:
        """Return the next message if it is here already, None if it has to be waited for."""
        return self._batch.popleft() if self._batch else None

    def cancel(self) -> None:
        """End the call; the thread ends with it."""
        with self._state:
            self._cancelled = True
            self._arrived.clear()
            self._state.notify_all()
        self._batch.clear()
        self._rpc.cancel()
        self._wake()

    async def _fill(self) -> bool:
        """Wait for messages; False at the end of the stream."""
        while True:
            with self._state:
                if self._arrived:
                    # The old, empty batch becomes what the thread fills next.
                    self._batch, self._arrived, self._bytes = self._arrived, self._batch, 0
                    self._state.notify_all()
                    break
                if self._ended or self._cancelled:
                    error, self._error = self._error, None
                    if error is not None:
                        raise error
                    return False
                self._waiter = self._loop.create_future()
            await self._waiter
            await self._pause(_GATHER_S)
        # One turn of the loop per batch, so that a fast stream starves nobody.
        await self._pause(0)
        return bool(self._batch)

    async def _pause(self, seconds: float) -> None:
        turn: asyncio.Future[None] = self._loop.create_future()
        handle = self._loop.call_later(seconds, settle, turn)
        try:
            await turn
        finally:
            handle.cancel()

    def _read_all(self) -> None:
        """Run in the thread: move messages until the stream ends, breaks or is cancelled."""
        try:
            for data in self._rpc:
                with self._state:
                    self._arrived.append(data)
                    self._bytes += len(data)
                    while self._is_full():
                        self._wake()
                        self._state.wait(_LOOK_S)
                        if self._loop.is_closed():
                            self._cancelled = True
                            self._rpc.cancel()
                    if self._cancelled:
                        break
                if self._waiter is not None:
                    self._wake()
        except BaseException as error:  # noqa: BLE001 - handed to the consumer, not swallowed
            self._error = error
        # Whoever leaves the loop early has cancelled the call, or is about to.
        drain(self._rpc)
        with self._state:
            self._ended = True
        self._wake()
        with contextlib.suppress(RuntimeError):  # the loop is gone, and nobody waits
            self._loop.call_soon_threadsafe(self._finished.set)

    def _is_full(self) -> bool:
        full = len(self._arrived) >= _MOST_MESSAGES or self._bytes >= _MOST_BYTES
        return full and not (self._cancelled or self._joining)

    def _wake(self) -> None:
        """Tell the consumer, if it waits; from any thread."""
        with self._state:
            waiter, self._waiter = self._waiter, None
        if waiter is None:
            return
        try:
            self._loop.call_soon_threadsafe(settle, waiter)
        except RuntimeError:
            # The loop was closed under the stream: nobody waits any more.
            self._rpc.cancel()

    async def joined(self) -> None:
        """Wait until the thread has ended, after the end of the stream, of its call or channel."""
        with self._state:
            # The consumer may never make room, and the thread has to see that its call has ended.
            self._joining = True
            self._state.notify_all()
        if asyncio.get_running_loop() is self._loop:
            await self._finished.wait()
            self._thread.join()
        else:
            # Its own loop is gone, and cannot tell.
            await asyncio.to_thread(self._thread.join)


def settle(waiter: asyncio.Future[None]) -> None:
    """Let whoever waits for this future go on, once."""
    if not waiter.done():
        waiter.set_result(None)

"""Reads several blocking streams at once, each in a thread of its own.

Made only for operations that wait for whichever of several streams brings something first.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from omni_api._core.steps import Arrival

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omni_api.streams import Stream

_AHEAD = 64
"""Values of a stream that may wait for the consumer; then its thread stops reading."""


class Readers:
    """The threads, and what they have read so far."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._arrived: dict[Stream[Any], deque[Arrival[Any]]] = {}
        self._served: dict[Stream[Any], int] = {}
        self._threads: dict[Stream[Any], threading.Thread] = {}
        self._stopped = False

    def first(self, streams: Sequence[Stream[Any]], seconds: float | None) -> Arrival[Any] | None:
        """Return what comes first from one of `streams`; None after `seconds`, or once stopped."""
        with self._changed:
            for stream in streams:
                if stream not in self._arrived:
                    self._begin(stream)
            queues = [self._arrived[stream] for stream in streams]
            self._changed.wait_for(lambda: self._stopped or any(queues), seconds)
            full = [stream for stream in streams if self._arrived[stream]]
            if self._stopped or not full:
                return None
            # The one that waited longest, so that a busy stream does not drown out the others.
            turn = min(full, key=self._served.__getitem__)
            self._served[turn] = max(self._served.values()) + 1
            self._changed.notify_all()
            return self._arrived[turn].popleft()

    def stop(self) -> None:
        """Let everybody stop waiting; the streams are closed by their owner."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def forget(self, stream: Stream[Any]) -> None:
        """Let go of a stream that was closed, and of what it had brought."""
        with self._changed:
            self._arrived.pop(stream, None)
            self._served.pop(stream, None)
            thread = self._threads.pop(stream, None)
            self._changed.notify_all()
        if thread is not None:
            thread.join()

    def join(self) -> None:
        """Wait for the threads, once stopped and the streams closed."""
        if threading.current_thread() in self._threads.values():
            # Garbage collection, which strikes anywhere, found the forgotten stream here. The
            # others may wait for what this thread holds; all end by themselves.
            return
        for thread in self._threads.values():
            thread.join()

    def _begin(self, stream: Stream[Any]) -> None:
        queue = self._arrived[stream] = deque()
        self._served[stream] = 0
        thread = threading.Thread(
            target=self._read, args=(stream, queue), name="omni-reader", daemon=True
        )
        # Noted once it runs: one that Ctrl-C kept from starting cannot be joined.
        thread.start()
        self._threads[stream] = thread

    def _read(self, stream: Stream[Any], queue: deque[Arrival[Any]]) -> None:
        """Run in a thread: move values until the stream ends, breaks, or nobody wants more."""
        try:
            for value in stream:
                with self._changed:
                    queue.append(Arrival(stream, value))
                    self._changed.notify_all()
                    self._changed.wait_for(
                        lambda: self._is_done_with(stream) or len(queue) < _AHEAD
                    )
                if self._is_done_with(stream):
                    return
        except Exception as error:  # noqa: BLE001 - handed to the consumer, not swallowed
            last = Arrival[Any](stream, error=error)
        else:
            last = Arrival[Any](stream)
        with self._changed:
            queue.append(last)
            self._changed.notify_all()

    def _is_done_with(self, stream: Stream[Any]) -> bool:
        return self._stopped or stream not in self._arrived

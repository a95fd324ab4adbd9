"""Reads several blocking streams at once, each in a thread of its own.

Made only for operations that wait for whichever of several streams brings something first.

The consumer may be the main thread, where Ctrl-C can strike between any two steps of Python. A
`threading.Condition` is written in Python: struck at its edge, it stays locked for ever, and
whoever waits for it with it. So everything that is shared goes through `SimpleQueue`, each of
whose operations is one step.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

import attrs

from omni_api._core.steps import Arrival

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omni_api.streams import Stream

_AHEAD = 64
"""Values of a stream that may wait for the consumer; then its thread stops reading."""


@attrs.define(eq=False)
class _Reader:
    """A stream, and what of it has been read.

    Attributes:
        arrived: What waits for the consumer.
        room: Holds something for each value that may still be read; and for each reason to look
            whether to go on.
        served: When the consumer took something last, as a number that grows.
        gone: Whether nobody wants more of this stream.
        thread: What reads it, once it runs: one that Ctrl-C kept from starting cannot be joined.
    """

    stream: Stream[Any]
    arrived: deque[Arrival[Any]] = attrs.field(factory=deque)
    room: SimpleQueue[None] = attrs.field(factory=SimpleQueue)
    served: int = 0
    gone: bool = False
    thread: threading.Thread | None = None


class Readers:
    """The threads, and what they have read so far."""

    def __init__(self) -> None:
        self._readers: dict[Stream[Any], _Reader] = {}
        self._news: SimpleQueue[None] = SimpleQueue()
        self._stopped = False

    def first(self, streams: Sequence[Stream[Any]], seconds: float | None) -> Arrival[Any] | None:
        """Return what comes first from one of `streams`; None after `seconds`, or once stopped."""
        readers = [self._readers.get(stream) or self._begin(stream) for stream in streams]
        end = None if seconds is None else monotonic() + seconds
        while not self._stopped:
            if full := [reader for reader in readers if reader.arrived]:
                return self._taken(full)
            # Something arrived before it is told, so nothing can come unnoticed from here on.
            try:
                self._news.get(timeout=None if end is None else max(end - monotonic(), 0.0))
            except Empty:
                return None
        return None

    def _taken(self, full: list[_Reader]) -> Arrival[Any]:
        # The one that waited longest, so that a busy stream does not drown out the others.
        turn = min(full, key=lambda reader: reader.served)
        turn.served = max(reader.served for reader in self._readers.values()) + 1
        # What is taken without waiting was told, too: otherwise old news would pile up.
        with contextlib.suppress(Empty):
            self._news.get_nowait()
        turn.room.put(None)
        return turn.arrived.popleft()

    def stop(self) -> None:
        """Let everybody stop waiting; the streams are closed by their owner."""
        self._stopped = True
        self._news.put(None)
        for reader in tuple(self._readers.values()):
            reader.room.put(None)

    def forget(self, stream: Stream[Any]) -> None:
        """Let go of a stream that was closed, and of what it had brought."""
        reader = self._readers.pop(stream, None)
        if reader is None:
            return
        reader.gone = True
        reader.room.put(None)
        if reader.thread is not None:
            reader.thread.join()

    def join(self) -> None:
        """Wait for the threads, once stopped and the streams closed."""
        threads = [one.thread for one in self._readers.values() if one.thread is not None]
        if threading.current_thread() in threads:
            # Garbage collection, which strikes anywhere, found the forgotten stream here. The
            # others may wait for what this thread holds; all end by themselves.
            return
        for thread in threads:
            thread.join()

    def _begin(self, stream: Stream[Any]) -> _Reader:
        reader = self._readers[stream] = _Reader(stream)
        for _ in range(_AHEAD):
            reader.room.put(None)
        thread = threading.Thread(
            target=self._read, args=(reader,), name="omni-reader", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            # It waits for the thread by a Condition, which makes this of Ctrl-C in its midst.
            if isinstance(error.__context__, KeyboardInterrupt):
                raise error.__context__ from None
            raise
        reader.thread = thread
        return reader

    def _read(self, reader: _Reader) -> None:
        """Run in a thread: move values until the stream ends, breaks, or nobody wants more."""
        stream = reader.stream
        try:
            for value in stream:
                reader.room.get()
                if self._stopped or reader.gone:
                    return
                self._bring(reader, Arrival(stream, value))
        except Exception as error:  # noqa: BLE001 - handed to the consumer, not swallowed
            last = Arrival[Any](stream, error=error)
        else:
            last = Arrival[Any](stream)
        self._bring(reader, last)

    def _bring(self, reader: _Reader, arrival: Arrival[Any]) -> None:
        reader.arrived.append(arrival)
        self._news.put(None)

"""Streams of the blocking client: an iterator with a handle.

Closing a stream cancels the call on the server; so does leaving its `with`, and so does `break`.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import threading
import time
from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import grpc

from omni_api import _channel
from omni_api._core import flow
from omni_api._core.call import SKIPPED, Call, Skipped
from omni_api._core.flow import logger
from omni_api._core.steps import Composite, Give, Position
from omni_api._routine import Routine
from omni_api.errors import CallError, ClosedError, OmniError

if TYPE_CHECKING:
    from omni_api._driver import Driver

__all__ = ["Stream"]

T = TypeVar("T")

# By its words, since the other thread may have left the generator before we can look.
_EXECUTING = ("generator already executing",)

# What a handler of signals raises, wherever the main thread happens to be.
_BREAKS_IN = (KeyboardInterrupt, SystemExit)


class Stream(Generic[T]):
    """The answers of a streaming call, as they come.

    Nothing is sent before the stream is entered (`with`) or first iterated. What the server
    refuses, a bad signature included, is raised by the first step of the iteration. A stream is
    read once, by one thread at a time; `close()` may come from any.

    Example:
        >>> with omni.management.machine_logs(machine_id=machine_id, tail_lines=3) as lines:
        ...     for line in lines:
        ...         assert line.bytes
        >>> lines.chunks
        3
    """

    def __init__(self, driver: Driver, source: Call[T] | Composite[T]) -> None:
        # The work and its generator know nothing of this handle: when the handle is forgotten,
        # the generator goes with it, and the call is cancelled at once.
        self._work: _Work[T] = (
            _OfCall(driver, source) if isinstance(source, Call) else _OfSteps(driver, source)
        )
        self._values = self._work.values()

    @property
    def chunks(self) -> int:
        """Messages delivered so far."""
        return self._work.chunks

    @property
    def bytes_received(self) -> int:
        """Bytes of payload delivered so far: log lines, audit events, the bundle."""
        return self._work.bytes_received

    @property
    def checkpoint(self) -> int | None:
        """Id of the last event handed out, to go on from; None where events have no ids."""
        return self._work.position.checkpoint

    @property
    def reconnects(self) -> int:
        """How often a stream that goes on after interruptions had to be opened again."""
        return self._work.position.reconnects

    def __iter__(self) -> Iterator[T]:
        self._work.refuse_reuse()
        return self._closing()

    def __next__(self) -> T:
        try:
            return next(self._values)
        except ValueError as error:
            self._turned_away(error)
            raise StopIteration from None

    def __enter__(self) -> Self:
        self._work.open()
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
        self._work.cancel()
        if not _is_running(self._values):
            # Nobody waits in it, so it can be wound up here and now; unless somebody just began.
            with contextlib.suppress(ValueError):
                self._values.close()
                self._work.finish()

    def __del__(self) -> None:
        # Entered but never iterated: no generator runs that could wind it up.
        if hasattr(self, "_work"):
            self._work.finish()

    def _closing(self) -> Iterator[T]:
        # An iterator of its own, which keeps this handle alive and is kept by nobody else: when a
        # loop over it is left by `break`, Python closes it at once, and with it `_values`.
        try:
            yield from self._values
        except ValueError as error:
            self._turned_away(error)

    def _turned_away(self, error: ValueError) -> None:
        """Say what Python's "generator already executing" means; other errors stay themselves.

        The other thread may be one that closes the stream: then this is its end.
        """
        if type(error) is not ValueError or error.args != _EXECUTING:
            raise error
        if self._work.state != "closed":
            raise ClosedError(
                "a stream is read by one thread at a time, and another one reads this one"
            ) from error

    def __repr__(self) -> str:
        return (
            f"<Stream {self._work.name} {self._work.state}: "
            f"{self.chunks} chunks, {self.bytes_received} bytes>"
        )


def _is_running(values: Generator[T]) -> bool:
    return inspect.getgeneratorstate(values) == inspect.GEN_RUNNING


class _Work(Generic[T]):
    """What brings the values of a stream, and how far it has come."""

    def __init__(
        self,
        driver: Driver,
        *,
        name: str,
        label: str,
        size: Callable[[T], int],
        position: Position,
    ) -> None:
        self.chunks = 0
        self.bytes_received = 0
        self.name = name
        self.position = position
        self.state = "new"  # new -> open -> ended | broken | closed
        self._driver = driver
        self._label = label
        self._size = size
        self._broken_into = False
        self._lock = threading.Lock()

    # What the two kinds of work do differently

    def _begin(self) -> None:
        raise NotImplementedError

    def _arriving(self) -> Iterator[T | Skipped]:
        raise NotImplementedError

    def _translated(self, error: Exception) -> Exception:
        """Return our error for one of gRPC's."""
        raise NotImplementedError

    def _interrupt(self) -> None:
        """Make whoever waits in it stop waiting; may come from any thread."""
        raise NotImplementedError

    def _release(self) -> None:
        """Let go of everything."""
        raise NotImplementedError

    # What they have in common

    def refuse_reuse(self) -> None:
        """Refuse to begin another loop over a stream that did not come to its end."""
        if self.state in {"closed", "broken"}:
            raise ClosedError(
                f"the stream of {self.name} is {self.state}: it did not come to its end (close(), "
                "the end of its with block, a break, or an error); call the method again"
            )

    def open(self) -> None:
        """Begin, if that has not been done."""
        if self.state != "new":
            return
        try:
            self._begin()
        except BaseException:
            self._settle("broken")
            raise
        self._settle("open")

    def cancel(self) -> None:
        """End it, unless it has ended."""
        if self._driver.is_forked:
            # What a child inherits is its parent's, and some of the locks may be held for ever.
            self.state = "closed"
            return
        with self._lock:
            if self.state in {"ended", "broken"}:
                return
            self.state = "closed"
        self._interrupt()

    def finish(self) -> None:
        """End it and let go of everything."""
        self.cancel()
        if not self._driver.is_forked:
            self._release()

    def values(self) -> Generator[T]:
        """Yield the values, counted."""
        size, started = self._size, time.perf_counter()
        try:
            self._driver.admit_process()
            self.open()
            # Every message passes here, so what can be done elsewhere is.
            for value in self._arriving() if self.state == "open" else ():
                if value is SKIPPED:
                    continue
                self.chunks += 1
                self.bytes_received += size(value)
                yield value
        except (OmniError, grpc.RpcError) as error:
            # After our own cancel the stream ends quietly, whatever gRPC makes of it.
            if self.state == "closed":
                return
            self._settle("broken")
            ours = self._translated(error)
            if isinstance(ours, CallError):
                ours.chunks, ours.bytes_received = self.chunks, self.bytes_received
            if ours is error:
                raise
            raise ours from error
        except Exception:  # of the caller's own function, such as `on_malformed`
            self._settle("broken")
            raise
        except _BREAKS_IN:
            self._broken_into = True
            raise
        else:
            self._settle("ended")
        finally:
            self.finish()
            logger.debug(
                "%s: %s after %d messages, %d bytes, %.3f s",
                self._label,
                self.state,
                self.chunks,
                self.bytes_received,
                time.perf_counter() - started,
            )

    def _settle(self, state: str) -> None:
        """Move on, unless the stream was closed meanwhile."""
        with self._lock:
            if self.state != "closed":
                self.state = state

    def _is_closed(self) -> bool:
        return self.state == "closed"


class _OfCall(_Work[T]):
    """The answers of one streaming call."""

    def __init__(self, driver: Driver, call: Call[T]) -> None:
        method = call.method
        super().__init__(
            driver, name=method.name, label=method.path, size=call.size, position=Position()
        )
        self._call = call
        self._steps = flow.start(call, driver.session)
        self._rpc: _channel.RunningStream | None = None

    def _begin(self) -> None:
        self._drive(to_open=True)

    def _arriving(self) -> Iterator[T | Skipped]:
        first = self._drive(to_open=False)
        if first is None or self._rpc is None:
            return iter(())
        read = self._call.reader()
        return itertools.chain((read(first),), map(read, self._rpc))

    def _translated(self, error: Exception) -> Exception:
        if isinstance(error, OmniError):
            return error
        ours = self._driver.failure(error, self._call)
        if isinstance(ours, CallError):
            flow.complete(ours, self._call)
        return ours

    def _interrupt(self) -> None:
        with self._lock:
            rpc = self._rpc
        if rpc is not None:
            rpc.cancel()
        self._driver.wake()

    def _release(self) -> None:
        with self._lock:
            rpc, self._rpc = self._rpc, None
        if rpc is not None:
            # One that broke here, by a message that cannot be read, still runs there.
            rpc.cancel()
            # What gRPC still has to say about it. After Ctrl-C in the midst of a wait it has lost
            # count of that: it would say KeyError, or make us wait for ever.
            if not self._broken_into:
                _channel.drain(rpc)

    def _drive(self, *, to_open: bool) -> bytes | None:
        """Carry out the steps of the start: up to the open call, or on to its first message."""
        try:
            step = next(self._steps)
            while True:
                try:
                    data = self._perform(step)
                except CallError as error:
                    step = self._steps.throw(error)
                else:
                    if to_open and isinstance(step, flow.Open):
                        return None
                    step = self._steps.send(data)
        except StopIteration as done:
            first: bytes | None = done.value
            return first

    def _perform(self, step: flow.Open | flow.Receive | flow.Sleep) -> bytes | None:
        if isinstance(step, flow.Sleep):
            self._driver.sleep(step.seconds, self._is_closed)
            return None
        if isinstance(step, flow.Open):
            self._release()  # the attempt before this one
            rpc = self._driver.open(step)
            with self._lock:
                self._rpc = rpc
                closed = self.state == "closed"
            if closed:
                rpc.cancel()
            return None
        try:
            return next(self._rpc, None) if self._rpc is not None else None
        except grpc.RpcError as error:
            raise self._driver.failure(error, self._call) from error


class _OfSteps(_Work[T]):
    """What a composed operation hands out."""

    def __init__(self, driver: Driver, composite: Composite[T]) -> None:
        name = composite.name
        super().__init__(
            driver, name=name, label=name, size=composite.size, position=composite.position
        )
        self._routine = Routine(driver, composite.steps)
        self._first: Give[T] | None = None

    def _begin(self) -> None:
        spoken = self._routine.advance()
        self._first = spoken if isinstance(spoken, Give) else None

    def _arriving(self) -> Iterator[T]:
        spoken, self._first = self._first or self._routine.advance(), None
        while spoken is not None:
            if isinstance(spoken, Give):
                yield spoken.value
            spoken = self._routine.advance()

    def _translated(self, error: Exception) -> Exception:
        return error

    def _interrupt(self) -> None:
        self._routine.interrupt()

    def _release(self) -> None:
        self._routine.close()

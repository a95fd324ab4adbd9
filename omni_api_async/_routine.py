"""Carries out the steps of a composed operation, awaiting.

The twin of `omni_api/_routine.py`. It decides nothing; see `omni_api/_core/steps.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from omni_api._core.call import Call
from omni_api._core.steps import (
    END,
    Arrival,
    End,
    Fill,
    First,
    Give,
    Next,
    Now,
    Patience,
    Pause,
    Ready,
    Run,
    Start,
    Step,
    Steps,
    Stop,
)
from omni_api_async._bulk import settle

if TYPE_CHECKING:
    from omni_api_async._driver import Driver
    from omni_api_async.streams import Stream

T = TypeVar("T")

_SPOKEN = (Give, Ready)


class Routine(Generic[T]):
    """A composed operation on its way."""

    def __init__(self, driver: Driver, steps: Steps[T]) -> None:
        self._driver = driver
        self._steps = steps
        self._started = False
        self._stopped = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._result: T | None = None
        self._streams: list[Stream[Any]] = []
        self._reads: dict[Stream[Any], asyncio.Task[Any]] = {}
        self._served: dict[Stream[Any], int] = {}
        self._turns = 0
        self._pause: asyncio.Future[None] | None = None

    async def advance(self) -> Give[Any] | Ready | None:
        """Carry out steps up to the next that speaks to the outside; None at the end."""
        self._idle.clear()
        try:
            spoken = await self._advance()
        finally:
            self._idle.set()
            if self._stopped:
                self._steps.close()
        if spoken is None:
            await self.close()
        return spoken

    async def _advance(self) -> Give[Any] | Ready | None:
        try:
            step = self._resume()
            while not isinstance(step, _SPOKEN):
                try:
                    result = await self._perform(step)
                except Exception as error:  # noqa: BLE001 - handed to the steps, not swallowed
                    if self._stopped:
                        break
                    step = self._steps.throw(error)
                else:
                    if self._stopped:
                        break
                    step = self._steps.send(result)
            else:
                return step
        except StopIteration as done:
            self._result = done.value
        except BaseException:
            self.interrupt()
            raise
        return None

    async def result(self) -> T:
        """Carry out all steps and return what they return."""
        try:
            while await self.advance() is not None:
                pass
        finally:
            await self.close()
        return self._result  # type: ignore[return-value]

    def interrupt(self) -> None:
        """Make whoever waits in it stop waiting, and close the steps."""
        self._stopped = True
        for stream in self._streams:
            stream._cancel()  # noqa: SLF001 - awaits nothing, as `close` would
        for read in self._reads.values():
            read.cancel()
        if self._pause is not None:
            settle(self._pause)
        # What is being carried out comes to its end first; then `advance` closes the steps.
        if self._idle.is_set():
            self._steps.close()

    async def close(self) -> None:
        """Close the steps and every stream that they opened; a second time is fine."""
        self.interrupt()
        await self._idle.wait()
        reads, self._reads = list(self._reads.values()), {}
        await asyncio.gather(*reads, return_exceptions=True)
        streams, self._streams = self._streams, []
        for stream in streams:
            await stream.close()

    def _resume(self) -> Step:
        if self._started:
            return self._steps.send(None)
        self._started = True
        return next(self._steps)

    async def _perform(self, step: Step) -> Any:  # noqa: PLR0911 - a step, a branch
        match step:
            case Next():
                return await _next(self._stream(step.stream))
            case Fill():
                return await self._fill(step)
            case Run():
                return await _run(step.function)
            case Call():
                return await self._driver.unary(step)
            case Start():
                return await self._start(step)
            case Stop():
                return await self._stop(step)
            case Pause():
                self._pause = self._driver.pause(step.seconds)
                return await self._driver.paused(self._pause)
            case Now():
                return self._driver.session.moment()
            case Patience():
                return self._driver.session.wait_after(step.attempt, step.remaining)
            case First():
                return await self._first(step)
        raise TypeError(f"{type(step).__name__} is no step")

    async def _start(self, step: Start[Any]) -> Stream[Any]:
        stream = self._driver.stream(step.call)
        self._streams.append(stream)
        await stream.__aenter__()
        return stream

    async def _stop(self, step: Stop) -> None:
        stream = self._stream(step.stream)
        if (read := self._reads.pop(stream, None)) is not None:
            read.cancel()
            await asyncio.gather(read, return_exceptions=True)
        await stream.close()
        self._streams.remove(stream)
        self._served.pop(stream, None)

    async def _fill(self, step: Fill[Any]) -> None:
        stream, append = self._stream(step.stream), step.into.append
        enough = stream.bytes_received + step.most_bytes
        for _ in range(step.most):
            value = await _next(stream)
            if value is END:
                return
            append(value)
            if stream.bytes_received >= enough:
                return

    async def _first(self, step: First) -> Arrival[Any] | None:
        streams = [self._stream(one) for one in step.streams]
        for stream in streams:
            if stream not in self._reads:
                self._reads[stream] = asyncio.ensure_future(_next(stream))
        await asyncio.wait(
            [self._reads[stream] for stream in streams],
            timeout=step.seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        # The one that waited longest, so that a busy stream does not drown out the others.
        for stream in sorted(streams, key=lambda one: self._served.get(one, 0)):
            if self._reads[stream].done():
                self._turns += 1
                self._served[stream] = self._turns
                read = self._reads.pop(stream)
                error = read.exception()
                if isinstance(error, Exception):
                    return Arrival(stream, error=error)
                return Arrival(stream, read.result())
        return None

    def _stream(self, name: Any) -> Stream[Any]:
        return name  # type: ignore[no-any-return]


async def _next(stream: Stream[T]) -> T | End:
    try:
        return await stream.__anext__()
    except StopAsyncIteration:
        return END


async def _run(function: Callable[[], T]) -> T:
    """Call a function that may block in a thread, and stay until it is done.

    It cannot be stopped, and what comes after, such as the removal of a temporary file, must not
    happen under its hands. So a cancellation has to wait for it.
    """
    done = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        while not done.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({done})
        done.exception()  # looked at, so that asyncio does not complain
        raise

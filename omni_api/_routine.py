"""Carries out the steps of a composed operation, blocking.

The twin of `omni_api_async/_routine.py`. It decides nothing; see `_core/steps.py`.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from omni_api._core.call import Call
from omni_api._core.steps import (
    END,
    Arrival,
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
from omni_api._readers import Readers

if TYPE_CHECKING:
    from omni_api._driver import Driver
    from omni_api.streams import Stream

T = TypeVar("T")

_SPOKEN = (Give, Ready)


class Routine(Generic[T]):
    """A composed operation on its way."""

    def __init__(self, driver: Driver, steps: Steps[T]) -> None:
        self._driver = driver
        self._steps = steps
        self._started = False
        self._stopped = False
        self._result: T | None = None
        self._streams: list[Stream[Any]] = []
        self._readers: Readers | None = None
        self._lock = threading.Lock()

    def advance(self) -> Give[Any] | Ready | None:
        """Carry out steps up to the next that speaks to the outside; None at the end."""
        self._driver.admit_process()
        try:
            step = self._resume()
            while not isinstance(step, _SPOKEN):
                try:
                    result = self._perform(step)
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
            self.close()
            raise
        self.close()
        return None

    def result(self) -> T:
        """Carry out all steps and return what they return."""
        while self.advance() is not None:
            pass
        return self._result  # type: ignore[return-value]

    def interrupt(self) -> None:
        """Make whoever waits in it stop waiting; from any thread."""
        with self._lock:
            self._stopped = True
            streams, readers = list(self._streams), self._readers
        for stream in streams:
            stream.close()
        if readers is not None:
            readers.stop()
        self._driver.wake()

    def close(self) -> None:
        """Close the steps and every stream that they opened; a second time is fine."""
        self.interrupt()
        # Another thread may be in the steps, and will find that they are to stop.
        with contextlib.suppress(ValueError):
            self._steps.close()
        if self._readers is not None:
            self._readers.join()
        self._streams.clear()

    def _resume(self) -> Step:
        if self._started:
            return self._steps.send(None)
        self._started = True
        return next(self._steps)

    def _perform(self, step: Step) -> Any:  # noqa: PLR0911 - a step, a branch
        match step:
            case Next():
                return next(self._stream(step.stream), END)
            case Fill():
                return self._fill(step)
            case Run():
                return step.function()
            case Call():
                return self._driver.unary(step)
            case Start():
                return self._start(step)
            case Stop():
                return self._stop(step)
            case Pause():
                return self._driver.sleep(step.seconds, lambda: self._stopped)
            case Now():
                return self._driver.session.moment()
            case Patience():
                return self._driver.session.wait_after(step.attempt, step.remaining)
            case First():
                return self._first(step)
        raise TypeError(f"{type(step).__name__} is no step")

    def _start(self, step: Start[Any]) -> Stream[Any]:
        stream = self._driver.stream(step.call)
        with self._lock:
            self._streams.append(stream)
        if not self._stopped:
            stream.__enter__()
        return stream

    def _stop(self, step: Stop) -> None:
        stream = self._stream(step.stream)
        stream.close()
        with self._lock:
            self._streams.remove(stream)
            readers = self._readers
        if readers is not None:
            readers.forget(stream)

    def _fill(self, step: Fill[Any]) -> None:
        stream, append = self._stream(step.stream), step.into.append
        enough = stream.bytes_received + step.most_bytes
        for _ in range(step.most):
            value = next(stream, END)
            if value is END:
                return
            append(value)
            if stream.bytes_received >= enough:
                return

    def _first(self, step: First) -> Arrival[Any] | None:
        with self._lock:
            if self._readers is None:
                self._readers = Readers()
        return self._readers.first([self._stream(one) for one in step.streams], step.seconds)

    def _stream(self, name: Any) -> Stream[Any]:
        return name  # type: ignore[no-any-return]

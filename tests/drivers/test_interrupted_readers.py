"""Ctrl-C may strike the main thread anywhere: whoever reads for it still comes to an end."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from types import FrameType
from typing import Any

from omni_api import OmniClient
from omni_api._core.steps import Arrival
from omni_api._readers import Readers
from omni_api.simulator import Simulator


class Source:
    """A stream whose values a test puts in; None ends it."""

    def __init__(self) -> None:
        self.values: SimpleQueue[int | None] = SimpleQueue()

    def __iter__(self) -> Iterator[int]:
        while (value := self.values.get()) is not None:
            yield value


def struck(at: int, work: Callable[[], object]) -> bool:
    """Raise KeyboardInterrupt at a step of `work`, as a signal would; False if it has fewer.

    That happens in a thread of its own. Python 3.12 takes the error that was handled at such a
    moment for handled until the thread ends, and makes it the context of every later one.
    """
    with ThreadPoolExecutor(1) as own:
        return own.submit(_struck, at, work).result()


def _struck(at: int, work: Callable[[], object]) -> bool:
    steps = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal steps
        above: FrameType | None = frame
        while above is not None:
            # A thread that is being started is nobody's yet.
            if above.f_code.co_name == "start":
                return None
            above = above.f_back
        steps += 1
        if steps == at:
            raise KeyboardInterrupt
        return trace

    def body() -> None:
        sys.settrace(trace)
        try:
            work()
        except KeyboardInterrupt:
            interrupted.append(at)
        except BaseException as error:  # for the test, below
            failed.append(error)
        finally:
            sys.settrace(None)

    interrupted: list[int] = []
    failed: list[BaseException] = []
    gc.disable()  # what others have left is not to be struck
    try:
        # In a thread of its own: CPython 3.11 never forgets an exception in whose `except` a trace
        # function raises, and would make it the context of all that are raised afterwards.
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
    finally:
        gc.enable()
    if failed:
        raise failed[0]
    return bool(interrupted)


def reads_and_waits(readers: Readers, sources: list[Any]) -> None:
    assert readers.first(sources, 0.0) is None
    sources[1].values.put(7)
    assert readers.first(sources, 5.0) == Arrival(sources[1], 7)


def test_readers_end_wherever_an_interruption_strikes_their_consumer() -> None:
    for at in range(1, 10_000):
        readers, sources = Readers(), [Source(), Source()]
        ended_by_itself = not struck(at, lambda: reads_and_waits(readers, sources))  # noqa: B023
        threads = [one.thread for one in readers._readers.values() if one.thread is not None]
        readers.stop()
        for source in sources:
            source.values.put(None)
        for thread in threads:
            thread.join(5)
            assert not thread.is_alive(), f"struck at step {at}"
        if ended_by_itself:
            break
    assert at > 30


def test_a_wait_that_was_struck_keeps_nobody_else_from_waking_others(
    simulator: Simulator,
) -> None:
    with OmniClient.from_env(environ=simulator.environment()) as omni:
        driver = omni._driver
        for at in range(1, 10_000):
            ended_by_itself = not struck(at, lambda: driver.sleep(0.0))
            other = threading.Thread(target=driver.wake, daemon=True)
            other.start()
            other.join(5)
            assert not other.is_alive(), f"struck at step {at}"
            if ended_by_itself:
                break
    assert at > 5

"""Faults on demand: what goes wrong, for which rpc, and when.

A fault is looked up by the rpc's name (`ListUsers`) or by its full path. Faults come before the
server's own checks, since a broken network does not ask who is calling.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import grpc

from omni_api.simulator._call import Refused


@attrs.define(kw_only=True, eq=False)
class Fault:
    """One scripted fault, as the methods of `Simulator` return it.

    Attributes:
        rpc: Name or path of the rpc.
        code: The status that the call ends with; None when it is only delayed.
        message: The status text.
        remaining: How many more calls it will hit; None for all.
        after: How many calls, or messages of a stream, pass unharmed before.
        hits: How many calls it has hit so far.
    """

    rpc: str
    code: grpc.StatusCode | None = None
    message: str = ""
    remaining: int | None = 1
    after: int = 0
    delay_s: float = 0.0
    breaks_stream: bool = False
    hits: int = attrs.field(default=0, init=False)
    _passed: int = attrs.field(default=0, init=False)

    def concerns(self, path: str) -> bool:
        return self.rpc in (path, path.rpartition("/")[2])

    def strike(self) -> bool:
        """Count one call; True when the fault hits it."""
        if self.remaining == 0:
            return False
        # The `after` of a broken stream counts messages, which is done where they pass.
        if not self.breaks_stream and self._passed < self.after:
            self._passed += 1
            return False
        if self.remaining is not None:
            self.remaining -= 1
        self.hits += 1
        return True


@attrs.define(eq=False)
class Faults:
    """All scripted faults of one simulator."""

    _faults: list[Fault] = attrs.field(factory=list, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _changed: threading.Condition = attrs.field(factory=threading.Condition, init=False)

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults; calls that are being delayed go on at once."""
        with self._lock:
            self._faults.clear()
        self.wake()

    def wake(self) -> None:
        """Let delayed calls look again whether they are still wanted."""
        with self._changed:
            self._changed.notify_all()

    def strike(self, path: str, is_active: Callable[[], bool]) -> Fault | None:
        """Let this call meet its faults.

        Returns:
            The fault that will break the call's stream, or None.

        Raises:
            Refused: The call is to fail.
        """
        with self._lock:
            hit = [one for one in self._faults if one.concerns(path) and one.strike()]
        for fault in hit:
            if fault.delay_s:
                self._delay(fault, is_active)
        for fault in hit:
            if fault.code is not None and not fault.breaks_stream:
                raise Refused(fault.code, fault.message)
        return next((fault for fault in hit if fault.breaks_stream), None)

    def _delay(self, fault: Fault, is_active: Callable[[], bool]) -> None:
        """Hold a call, but not beyond its own end or the end of the fault."""
        until = time.monotonic() + fault.delay_s
        with self._changed:
            while (left := until - time.monotonic()) > 0 and is_active() and fault in self._faults:
                # gRPC tells of a cancellation only when asked.
                self._changed.wait(min(left, 0.1))


def broken(messages: Iterator[Any], fault: Fault) -> Iterator[Any]:
    """Pass on as many messages as the fault allows, then fail."""
    for _ in range(fault.after):
        # A live stream may never bring the message that would be too many: so do not ask for it.
        try:
            message = next(messages)
        except StopIteration:
            return
        yield message
    raise Refused(fault.code or grpc.StatusCode.UNAVAILABLE, fault.message)

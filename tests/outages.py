"""A server that is gone for a while, in time that passes at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import attrs

from omni_api.simulator import Simulator


@attrs.define
class Outage:
    """Takes the place of the waits: they pass at once, and time is their sum.

    Attributes:
        simulator: Comes back when the time is over.
        lasts: Seconds of the outage.
        passed: Seconds waited so far.
        waits: How often was waited in it.
        lasted: Seconds after which it was over, since nobody looks between two waits.
    """

    simulator: Simulator
    lasts: float
    really: Callable[..., Any]
    passed: float = 0.0
    waits: int = 0
    lasted: float = 0.0
    back: bool = False

    def wait(self, seconds: float, *more: Any) -> Any:
        """Stand in for the waits of a driver, blocking or not."""
        self.passed += seconds
        if not self.back:
            self.waits += 1
            if self.passed >= self.lasts:
                self.simulator.come_back()
                self.back, self.lasted = True, self.passed
        # The channel has waits of its own, which nobody can turn: let them pass.
        return self.really(0.02 if self.back else 0.0, *more)

    def monotonic(self) -> float:
        """Stand in for the clock that outages are measured with."""
        return time.monotonic() + self.passed


Outages = Callable[[Any, float], Outage]

"""Following through every interruption: each event once and in the order of its id."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from broken_relay import Cut
from facades import Facade
from leftovers import until

from omni_api import UnavailableError
from omni_api._core import following
from omni_api.simulator import Simulator

INTO = (0, 1, 5, 6, 60)
"""Bytes of a message: none, part of its prefix, all of it, and some of its content."""

WIRE = (0, 1, 9, 20, 100)
"""Bytes of a connection that end in its settings, in headers or between them."""


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the waits between two streams short."""
    monkeypatch.setattr(following, "AFTER_CLEAN_END", 0.001)
    monkeypatch.setattr(following, "waits", lambda: iter([0.001] * 10_000))


def happen(simulator: Simulator, count: int) -> int:
    """Let something happen on the server, and return the id of the last event."""
    ids = [
        simulator.state.audit.record(None, "create", resource_type="Clusters", resource_id=str(n))
        for n in range(count)
    ]
    return ids[-1]


def followed(events: Any, last: int) -> list[int]:
    """Return the ids of the events up to one."""
    ids: list[int] = []
    while not ids or ids[-1] < last:
        ids.append(next(events).id)
    return ids


# ---- Cut connections ----------------------------------------------------------------------------


@pytest.mark.usefixtures("_impatient")
def test_cuts_at_every_message_and_inside_each_lose_and_repeat_nothing(
    relayed: Any, simulator: Simulator
) -> None:
    at_messages = [Cut(count, into) for count in range(9) for into in INTO]
    at_bytes = [Cut(wire=count) for count in WIRE]
    cuts = [attrs.evolve(cut, reset=n % 2 == 0) for n, cut in enumerate(at_messages + at_bytes)]
    # The first connection has to stand; after it there is no cut that follow does not outlive.
    omni, relay = relayed([Cut(3), *cuts])
    with omni.audit_log.follow() as events:
        first = events.checkpoint + 1
        last = happen(simulator, 300)
        assert followed(events, last) == list(range(first, last + 1))
        assert events.checkpoint == last
    assert relay.connections == 1 + len(cuts) + 1


@pytest.mark.usefixtures("_impatient")
def test_a_cut_while_nothing_happens_is_noticed_and_outlived(
    relayed: Any, simulator: Simulator
) -> None:
    omni, relay = relayed([Cut(1), Cut(1), Cut(1)])
    with omni.audit_log.follow() as events:
        first = events.checkpoint + 1
        last = happen(simulator, 3)
        assert followed(events, last) == list(range(first, last + 1))
    assert relay.connections == 4


# ---- A server that is gone ----------------------------------------------------------------------


@attrs.define
class Outage:
    """Takes the place of the waits: they pass at once, and time is their sum.

    Attributes:
        simulator: Comes back when the time is over.
        lasts: Seconds of the outage.
        passed: Seconds waited in it.
        waits: How often was waited in it.
    """

    simulator: Simulator
    lasts: float
    really: Callable[..., Any]
    passed: float = 0.0
    waits: int = 0
    back: bool = False

    def sleep(self, seconds: float, stopped: Any = None) -> Any:
        """Stand in for the sleep of a driver, blocking or not."""
        if not self.back:
            self.passed += seconds
            self.waits += 1
            if self.passed >= self.lasts:
                self.simulator.come_back()
                self.back = True
        # The channel has waits of its own, which nobody can turn: let them pass.
        return self.really(0.02 if self.back else 0.0, stopped)

    def monotonic(self) -> float:
        """Stand in for the clock that outages are measured with."""
        return self.passed


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch, simulator: Simulator) -> Callable[[Any, float], Outage]:
    """Make the server go away for so many seconds, which pass at once."""

    def begin(omni: Any, seconds: float) -> Outage:
        driver = inspect.unwrap(omni._driver)
        made = Outage(simulator, seconds, driver.sleep)
        monkeypatch.setattr(driver, "sleep", made.sleep)
        session = attrs.evolve(driver.session, monotonic=made.monotonic)
        monkeypatch.setattr(driver, "session", session)
        return made

    return begin


def test_a_server_that_is_gone_for_half_a_minute_is_found_again(
    omni: Any, simulator: Simulator, facade: Facade, outage: Callable[[Any, float], Outage]
) -> None:
    with omni.audit_log.follow() as events:
        first = events.checkpoint + 1
        assert followed(events, happen(simulator, 5))[-1] == first + 4
        gone = outage(omni, 30.0)
        facade.meanwhile(simulator.go_away)
        last = happen(simulator, 50)
        assert followed(events, last) == list(range(first + 5, last + 1))
    # Not hammered meanwhile, and found within another half a minute.
    assert gone.waits <= 40
    assert 30 <= gone.passed <= 60


def test_an_outage_that_outlasts_the_patience_ends_with_the_checkpoint_intact(
    omni: Any,
    as_role: Callable[..., Any],
    simulator: Simulator,
    facade: Facade,
    outage: Callable[[Any, float], Outage],
) -> None:
    with omni.audit_log.follow(patience=20) as events:
        first = events.checkpoint + 1
        followed(events, first + 4 if happen(simulator, 5) else 0)
        gone = outage(omni, 60.0)
        facade.meanwhile(simulator.go_away)
        last = happen(simulator, 5)
        with pytest.raises(UnavailableError, match="after 5 messages"):
            next(events)
    assert 20 <= gone.passed < 60
    assert events.checkpoint == first + 4
    simulator.come_back()
    with as_role("Auditor").audit_log.follow(checkpoint=events.checkpoint) as more:
        assert followed(more, last) == list(range(first + 5, last + 1))


# ---- A connection that is dead without a word ---------------------------------------------------


@pytest.mark.usefixtures("_impatient", "_watchful")
def test_a_connection_that_died_silently_is_noticed_and_left(
    relayed: Any, simulator: Simulator
) -> None:
    omni, relay = relayed()
    with omni.audit_log.follow() as events:
        first = events.checkpoint + 1
        assert followed(events, happen(simulator, 3)) == [first, first + 1, first + 2]
        relay.mute()
        last = happen(simulator, 3)
        assert followed(events, last) == list(range(first + 3, last + 1))
        assert (events.reconnects, relay.connections) == (1, 2)


@pytest.mark.usefixtures("_watchful")
def test_a_quiet_connection_that_lives_is_kept(
    relayed: Any, simulator: Simulator, facade: Facade
) -> None:
    omni, relay = relayed()
    with omni.audit_log.follow() as events:
        before = relay.received
        # Three answers to pings, of 17 bytes each.
        assert facade.meanwhile(lambda: until(lambda: relay.received >= before + 3 * 17))
        assert followed(events, happen(simulator, 1))
        assert (events.reconnects, relay.connections) == (0, 1)

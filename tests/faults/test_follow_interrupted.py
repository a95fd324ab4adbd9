"""Following through every interruption: each event once and in the order of its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from broken_relay import Cut
from facades import Facade
from leftovers import until
from outages import Outages

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


def test_a_server_that_is_gone_for_half_a_minute_is_found_again(
    omni: Any, simulator: Simulator, outage: Outages
) -> None:
    with omni.audit_log.follow() as events:
        first = events.checkpoint + 1
        assert followed(events, happen(simulator, 5))[-1] == first + 4
        gone = outage(omni, 30.0)
        last = happen(simulator, 50)
        assert followed(events, last) == list(range(first + 5, last + 1))
    # Not hammered meanwhile, and found within another half a minute.
    assert gone.waits <= 40
    assert 30 <= gone.lasted <= 60


def test_an_outage_that_outlasts_the_patience_ends_with_the_checkpoint_intact(
    omni: Any, as_role: Callable[..., Any], simulator: Simulator, outage: Outages
) -> None:
    with omni.audit_log.follow(patience=20) as events:
        first = events.checkpoint + 1
        followed(events, first + 4 if happen(simulator, 5) else 0)
        gone = outage(omni, 60.0)
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
        # Two answers to pings, of 17 bytes each.
        assert facade.meanwhile(lambda: until(lambda: relay.received >= before + 2 * 17))
        assert followed(events, happen(simulator, 1))
        assert (events.reconnects, relay.connections) == (0, 1)

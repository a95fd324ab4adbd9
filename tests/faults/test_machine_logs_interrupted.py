"""The log of a machine through every interruption: each line once and in order."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from broken_relay import Cut
from outages import Outages
from sample_calls import one_machine

from omni_api._core import followed_log
from omni_api.simulator import Simulator

INTO = (0, 1, 5, 6, 60)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_log, "waits", lambda: iter([0.001] * 10_000))


class Machine:
    """A machine with a short history that goes on talking."""

    def __init__(self, simulator: Simulator) -> None:
        simulator.state.fleet.log_lines = 10
        self.id = one_machine(simulator)
        self._fleet = simulator.state.fleet
        self._said = 0

    def say(self, count: int) -> list[str]:
        """Write some lines into its log, and return what they say."""
        texts = [f"line {self._said + number}" for number in range(count)]
        for text in texts:
            time = datetime.now(UTC) + timedelta(milliseconds=self._said)
            line = {"msg": text, "talos-time": time.isoformat()}
            self._fleet.append_log(self.id, json.dumps(line))
            self._said += 1
        return texts


@pytest.fixture
def machine(simulator: Simulator) -> Machine:
    return Machine(simulator)


def heard(records: Any, count: int) -> list[str]:
    found = [next(records) for _ in range(count)]
    assert not any(record.after_gap for record in found)
    return [record.message for record in found]


@pytest.mark.usefixtures("_impatient")
def test_cuts_at_every_line_and_inside_each_lose_and_repeat_nothing(
    relayed: Any, machine: Machine
) -> None:
    cuts = [Cut(count, into, reset=(count + into) % 2 == 0) for count in range(13) for into in INTO]
    # The first connection has to stand: one line at which it looks, ten of history, and some.
    omni, relay = relayed([Cut(14), *cuts])
    with omni.machines.logs(machine.id, follow=True) as records:
        history = heard(records, 10)
        said = machine.say(40)
        assert heard(records, 40) == said
        said = machine.say(5)
        assert heard(records, 5) == said
    assert len(set(history)) == 10
    assert relay.connections == 1 + len(cuts) + 1


def test_a_server_that_is_gone_for_half_a_minute_is_found_again(
    omni: Any, machine: Machine, outage: Outages
) -> None:
    with omni.machines.logs(machine.id, follow=True) as records:
        heard(records, 10)
        gone = outage(omni, 30.0)
        said = machine.say(20)
        assert heard(records, 20) == said
    assert 30 <= gone.lasted <= 60


@pytest.mark.usefixtures("_impatient", "_watchful")
def test_a_connection_that_died_silently_is_noticed_and_left(
    relayed: Any, machine: Machine
) -> None:
    omni, relay = relayed()
    with omni.machines.logs(machine.id, follow=True, tail=3) as records:
        heard(records, 3)
        relay.mute()
        said = machine.say(3)
        assert heard(records, 3) == said
        assert records.reconnects == 1

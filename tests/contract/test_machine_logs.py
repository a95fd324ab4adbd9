"""Machine logs: how much history comes, what following brings, and how a log ends."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from sample_calls import one_machine

from omni_api import InvalidInputError, NotFoundError
from omni_api.simulator import Simulator

STORED = 100


def test_all_stored_lines_come_by_default_and_the_log_ends(omni: Any, simulator: Simulator) -> None:
    with omni.management.machine_logs(machine_id=one_machine(simulator)) as lines:
        received = [line.bytes for line in lines]
    assert len(received) == 1000
    assert all(b"\n" not in line for line in received)
    assert {"msg", "talos-level", "talos-time"} <= json.loads(received[-1]).keys()


@pytest.mark.parametrize(
    ("tail", "number"), [(0, 0), (1, 1), (17, 17), (-1, STORED), (9999, STORED)]
)
def test_the_tail_says_how_much_history_comes(
    omni: Any, simulator: Simulator, tail: int, number: int
) -> None:
    simulator.state.fleet.log_lines = STORED
    machine_id = one_machine(simulator)
    everything = list(omni.management.machine_logs(machine_id=machine_id))
    tail_of_it = list(omni.management.machine_logs(machine_id=machine_id, tail_lines=tail))
    assert tail_of_it == everything[STORED - number :]


def test_lines_come_as_they_are_and_without_metadata(omni: Any, simulator: Simulator) -> None:
    machine_id = one_machine(simulator)
    simulator.state.fleet.append_log(machine_id, b"\xff\x00 not text \xc3\xa9")
    simulator.state.fleet.append_log(machine_id, b"")
    first, second = omni.management.machine_logs(machine_id=machine_id, tail_lines=2)
    assert first.bytes == b"\xff\x00 not text \xc3\xa9"
    assert second.bytes == b""
    assert first.metadata is None


def test_a_line_is_cut_and_a_log_forgets_its_oldest_lines(omni: Any, simulator: Simulator) -> None:
    machine_id = one_machine(simulator)
    for number in range(5000):
        simulator.state.fleet.append_log(machine_id, str(number))
    simulator.state.fleet.append_log(machine_id, "x" * 20_000)
    lines = list(omni.management.machine_logs(machine_id=machine_id))
    assert len(lines) == 5000
    assert lines[0].bytes == b"1"
    assert lines[-1].bytes == b"x" * 16 * 1024


def test_following_brings_new_lines_after_the_history(omni: Any, simulator: Simulator) -> None:
    machine_id = one_machine(simulator)
    with omni.management.machine_logs(machine_id=machine_id, follow=True, tail_lines=1) as lines:
        assert next(lines).bytes
        for number in range(3):
            simulator.state.fleet.append_log(machine_id, f"new {number}")
            assert next(lines).bytes == f"new {number}".encode()
    assert lines.chunks == 4


def test_following_without_history_brings_new_lines_only(omni: Any, simulator: Simulator) -> None:
    machine_id = one_machine(simulator)
    arrived = threading.Event()

    def write() -> None:
        # Until one arrives: when the server takes its position is not to be seen from here.
        while not arrived.wait(0.01):
            simulator.state.fleet.append_log(machine_id, "new")

    writer = threading.Thread(target=write)
    writer.start()
    with omni.management.machine_logs(machine_id=machine_id, follow=True, tail_lines=0) as lines:
        assert next(lines).bytes == b"new"
    arrived.set()
    writer.join(5.0)
    assert not writer.is_alive()


def test_the_removal_of_a_machine_ends_its_log_quietly(omni: Any, simulator: Simulator) -> None:
    machine_id = one_machine(simulator)
    with omni.management.machine_logs(machine_id=machine_id, follow=True, tail_lines=2) as lines:
        next(lines)
        next(lines)
        simulator.state.fleet.remove_machine(machine_id)
        assert list(lines) == []
    assert "ended: 2 chunks" in repr(lines)


def test_an_unknown_machine_is_not_found(omni: Any) -> None:
    with pytest.raises(NotFoundError, match="log store not found: ghost") as caught:
        list(omni.management.machine_logs(machine_id="ghost"))
    assert caught.value.code.name == "NOT_FOUND"


@pytest.mark.parametrize(
    "options",
    [
        {"machine_id": ""},
        {"machine_id": None},
        {"machine_id": "m", "tail_lines": "all"},
        {"machine_id": "m", "tail_lines": True},
        {"machine_id": "m", "tail_lines": 2**31},
        {"machine_id": "m", "follow": 1},
    ],
)
def test_a_malformed_wish_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError, match=r"machine_id|tail_lines|follow"):
        omni.management.machine_logs(**options)
    assert simulator.calls == []

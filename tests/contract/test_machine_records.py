"""Machine logs as records: merged by time, and followed through interruptions."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from facades import Facade
from sample_calls import one_machine

from omni_api import (
    DeadlineExceededError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    RetryPolicy,
    UnavailableError,
)
from omni_api._core import log_following
from omni_api.simulator import Simulator

STORED = 40


@pytest.fixture
def machines(simulator: Simulator) -> list[str]:
    """Three machines with a short history."""
    simulator.state.fleet.log_lines = STORED
    cluster = simulator.state.fleet.cluster("talos-default")
    assert cluster is not None
    return list(cluster.machine_ids[:3])


@pytest.fixture
def machine(machines: list[str]) -> str:
    return machines[0]


@pytest.fixture
def say(simulator: Simulator) -> Callable[..., None]:
    """Append a line to the log of a machine, with a time unless that is None."""
    start = datetime.now(UTC)

    def append(machine_id: str, text: str, second: float | None = 0.0) -> None:
        line: dict[str, Any] = {"msg": text}
        if second is not None:
            line["talos-time"] = (start + timedelta(seconds=second)).isoformat()
        simulator.state.fleet.append_log(machine_id, json.dumps(line))

    return append


@pytest.fixture
def interrupt(simulator: Simulator, facade: Facade) -> Callable[..., None]:
    """Take the server away, do something, and bring it back."""

    def interrupted(meanwhile: Callable[[], object] = lambda: None) -> None:
        def away() -> None:
            simulator.go_away()
            meanwhile()
            simulator.come_back()

        facade.meanwhile(away)

    return interrupted


@pytest.fixture
def _soon_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a log has to be quiet before it is judged, little quiet is enough."""
    monkeypatch.setattr(log_following, "QUIET_S", 0.3)


def stored(omni: Any, machine_id: str) -> list[bytes]:
    return [line.bytes for line in omni.management.machine_logs(machine_id=machine_id)]


def messages(lines: Any, number: int) -> list[str]:
    return [next(lines).message for _ in range(number)]


# ---- Stored lines --------------------------------------------------------------------------------


@pytest.mark.parametrize(("tail", "number"), [(0, 0), (1, 1), (17, 17), (-1, STORED)])
def test_the_tail_says_how_many_stored_lines_come(
    omni: Any, machine: str, tail: int, number: int
) -> None:
    everything = stored(omni, machine)
    with omni.machines.logs(machine, tail=tail) as lines:
        records = list(lines)
    assert [record.raw for record in records] == everything[STORED - number :]
    assert {record.machine_id for record in records} <= {machine}
    assert lines.chunks == number
    assert lines.bytes_received == sum(len(record.raw) for record in records)
    assert "machines.logs ended" in repr(lines)


def test_the_logs_of_several_machines_come_in_the_order_of_their_times(
    omni: Any, simulator: Simulator, machines: list[str]
) -> None:
    records = list(omni.machines.logs(machines))
    assert len(records) == 3 * STORED
    times = [record.time for record in records]
    assert times == sorted(times)
    for machine_id in machines:
        of_one = [record.raw for record in records if record.machine_id == machine_id]
        assert of_one == stored(omni, machine_id)


def test_long_logs_are_merged_in_pieces(omni: Any, simulator: Simulator) -> None:
    simulator.state.fleet.log_lines = 700
    cluster = simulator.state.fleet.cluster("talos-default")
    assert cluster is not None
    records = list(omni.machines.logs(cluster.machine_ids[:2]))
    assert len(records) == 1400
    assert records == sorted(records, key=lambda record: record.time)


def test_lines_of_any_form_stay_where_they_were(
    omni: Any, simulator: Simulator, machines: list[str], say: Callable[..., None]
) -> None:
    one, other = machines[:2]
    say(one, "panic", second=1)
    simulator.state.fleet.append_log(one, b"\xff no json")
    say(one, "back", second=9)
    say(other, "between", second=5)
    records = list(omni.machines.logs([one, other], tail=3))[-4:]
    assert [record.message for record in records] == ["panic", "\ufffd no json", "between", "back"]


@pytest.mark.parametrize("follow", [False, True])
def test_an_unknown_machine_ends_everything_before_it_began(
    omni: Any, machines: list[str], follow: bool
) -> None:
    received = []
    with pytest.raises(NotFoundError, match="log store not found: ghost") as caught:
        for record in omni.machines.logs([*machines, "ghost"], follow=follow):
            received.append(record)  # noqa: PERF402
    assert received == []
    assert caught.value.chunks == 0


def test_a_log_that_breaks_says_whose_it_was_after_the_lines_that_came(
    omni: Any, simulator: Simulator, machines: list[str]
) -> None:
    simulator.break_stream("MachineLogs", after=3, times=1)
    received = []
    with pytest.raises(UnavailableError, match="It was the log of machine") as caught:
        for record in omni.machines.logs(machines[:2]):
            received.append(record)  # noqa: PERF402
    broken = next(one for one in machines[:2] if one in str(caught.value))
    assert sum(record.machine_id == broken for record in received) == 3
    assert caught.value.chunks == len(received)


# ---- Following -----------------------------------------------------------------------------------


def test_a_followed_log_begins_with_its_history(
    omni: Any, machine: str, say: Callable[..., None]
) -> None:
    with omni.machines.logs(machine, follow=True, tail=2) as lines:
        assert [next(lines).raw for _ in range(2)] == stored(omni, machine)[-2:]
        say(machine, "new")
        assert messages(lines, 1) == ["new"]


def test_without_history_each_line_comes_that_is_written_once_the_stream_stands(
    omni: Any, machine: str, say: Callable[..., None]
) -> None:
    with omni.machines.logs(machine, follow=True, tail=0) as lines:
        say(machine, "first")
        say(machine, "second", second=1)
        assert messages(lines, 2) == ["first", "second"]


def test_history_and_new_lines_of_several_machines_come_in_order(
    omni: Any, machines: list[str], say: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for a machine that is busy with other tests.
    monkeypatch.setattr(log_following, "SHORT_WAIT_S", 0.6)
    with omni.machines.logs(machines, follow=True) as lines:
        records = [next(lines) for _ in range(3 * STORED)]
        assert records == sorted(records, key=lambda record: record.time)
        for number, machine_id in enumerate(machines):
            say(machine_id, f"new {number}", second=-number)
        assert messages(lines, 3) == ["new 2", "new 1", "new 0"]


def test_a_machine_that_is_silent_holds_nobody_up(
    omni: Any, machines: list[str], say: Callable[..., None]
) -> None:
    with omni.machines.logs(machines, follow=True, tail=0) as lines:
        for number in range(3):
            say(machines[1], f"new {number}")
            assert messages(lines, 1) == [f"new {number}"]


def test_a_log_goes_on_after_an_interruption_without_loss_or_repetition(
    omni: Any, machine: str, say: Callable[..., None], interrupt: Callable[..., None]
) -> None:
    with omni.machines.logs(machine, follow=True) as lines:
        for _ in range(STORED):
            next(lines)
        for number in range(2):
            interrupt(lambda number=number: say(machine, f"missed {number}", second=number))
            say(machine, f"new {number}", second=number)
            records = [next(lines) for _ in range(2)]
            assert [one.message for one in records] == [f"missed {number}", f"new {number}"]
            assert not any(one.after_gap for one in records)
        assert lines.reconnects >= 2


def test_a_log_without_history_goes_on_though_nothing_had_come(
    omni: Any, machines: list[str], say: Callable[..., None], interrupt: Callable[..., None]
) -> None:
    with omni.machines.logs(machines, follow=True, tail=0) as lines:
        interrupt(lambda: say(machines[2], "missed"))
        record = next(lines)
    assert (record.message, record.machine_id) == ("missed", machines[2])
    assert not record.after_gap


def test_a_history_that_breaks_off_goes_on_where_it_was(
    omni: Any, simulator: Simulator, machine: str
) -> None:
    everything = stored(omni, machine)
    # The first look at the log, then two pieces of it.
    simulator.break_stream("MachineLogs", after=25, times=3)
    with omni.machines.logs(machine, follow=True) as lines:
        simulator.clear_faults()
        records = [next(lines) for _ in range(STORED)]
    assert [record.raw for record in records] == everything
    assert not any(record.after_gap for record in records)


def test_a_history_that_did_not_begin_begins_with_the_same_tail(
    as_role: Callable[..., Any], simulator: Simulator, machine: str
) -> None:
    omni = as_role("Reader", retry=RetryPolicy(attempts=1))
    everything = stored(omni, machine)
    # Behind the first look.
    simulator.fail("MachineLogs", after=1, times=1)
    with omni.machines.logs(machine, follow=True, tail=3) as lines:
        records = [next(lines) for _ in range(3)]
    assert [record.raw for record in records] == everything[-3:]
    assert lines.reconnects == 1


@pytest.mark.usefixtures("_soon_quiet")
def test_lines_that_the_server_dropped_meanwhile_are_a_gap_that_can_be_seen(
    omni: Any,
    machine: str,
    say: Callable[..., None],
    interrupt: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def overrun() -> None:
        for number in range(5001):
            say(machine, f"missed {number}", second=number / 1000)

    with omni.machines.logs(machine, follow=True, tail=1) as lines:
        next(lines)
        with caplog.at_level(logging.WARNING, logger="omni_api"):
            interrupt(overrun)
            first, second = next(lines), next(lines)
        assert (first.message, first.after_gap) == ("missed 1", True)
        assert (second.message, second.after_gap) == ("missed 2", False)
    assert f"the log of machine {machine} does not say where to go on" in caplog.text
    assert "missed" not in caplog.text


@pytest.mark.usefixtures("_soon_quiet")
def test_lines_that_are_all_alike_are_rather_repeated_than_lost(
    omni: Any, simulator: Simulator, machine: str, interrupt: Callable[..., None]
) -> None:
    alike = b"still waiting"

    def write(number: int) -> None:
        for _ in range(number):
            simulator.state.fleet.append_log(machine, alike)

    write(5000)
    with omni.machines.logs(machine, follow=True, tail=2) as lines:
        assert [next(lines).raw for _ in range(2)] == [alike] * 2
        interrupt(lambda: write(2))
        first, second = next(lines), next(lines)
    assert (first.raw, first.after_gap) == (alike, True)
    assert (second.raw, second.after_gap) == (alike, False)


@pytest.mark.usefixtures("_soon_quiet")
def test_no_old_line_comes_without_history_though_all_are_alike(
    omni: Any, simulator: Simulator, machine: str, say: Callable[..., None]
) -> None:
    for _ in range(500):
        simulator.state.fleet.append_log(machine, b"still waiting")
    with omni.machines.logs(machine, follow=True, tail=0) as lines:
        say(machine, "new")
        assert messages(lines, 1) == ["new"]


# ---- The end -------------------------------------------------------------------------------------


def test_the_removal_of_a_machine_ends_its_log_and_not_those_of_others(
    omni: Any, simulator: Simulator, machines: list[str], say: Callable[..., None]
) -> None:
    with omni.machines.logs(machines[:2], follow=True, tail=0) as lines:
        simulator.state.fleet.remove_machine(machines[0])
        say(machines[1], "still here")
        assert messages(lines, 1) == ["still here"]
        simulator.state.fleet.remove_machine(machines[1])
        assert list(lines) == []
    assert "ended: 1 chunks" in repr(lines)


def test_a_machine_that_was_removed_during_an_interruption_ends_its_log_quietly(
    omni: Any, simulator: Simulator, machine: str, interrupt: Callable[..., None]
) -> None:
    with omni.machines.logs(machine, follow=True, tail=1) as lines:
        next(lines)
        interrupt(lambda: simulator.state.fleet.remove_machine(machine))
        assert list(lines) == []


def test_what_will_not_pass_ends_the_stream(
    omni: Any, simulator: Simulator, machine: str, interrupt: Callable[..., None]
) -> None:
    with omni.machines.logs(machine, follow=True, tail=1) as lines:
        next(lines)
        refusal = grpc.StatusCode.PERMISSION_DENIED
        interrupt(lambda: simulator.fail("MachineLogs", code=refusal, times=None))
        with pytest.raises(PermissionDeniedError, match=machine):
            next(lines)


def test_the_timeout_is_that_of_the_whole_stream_however_often_it_was_opened(
    omni: Any, simulator: Simulator, machine: str
) -> None:
    with (
        omni.machines.logs(machine, follow=True, tail=1, timeout=0.6) as lines,
        pytest.raises(DeadlineExceededError),
    ):
        next(lines)
        next(lines)
    assert lines.chunks == 1
    assert lines.reconnects == 0


def test_a_server_that_is_away_at_the_beginning_is_an_error(
    as_role: Callable[..., Any], simulator: Simulator, machine: str, facade: Facade
) -> None:
    omni = as_role("Reader", retry=RetryPolicy(attempts=1))
    facade.meanwhile(simulator.go_away)
    with pytest.raises(UnavailableError), omni.machines.logs(machine, follow=True):
        pass


def test_leaving_the_block_ends_every_stream_on_the_server(
    omni: Any, simulator: Simulator, machines: list[str], facade: Facade
) -> None:
    with omni.machines.logs(machines, follow=True) as lines:
        next(lines)
    assert facade.meanwhile(lambda: simulator.wait_for(lambda: simulator.active_streams() == 0))


# ---- Arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine_id", "options", "text"),
    [
        ("", {}, "machine_id"),
        ([], {}, "at least one machine"),
        (["a", ""], {}, "machine_id"),
        (["a", "b", "a"], {}, "repeats 'a'"),
        (None, {}, "machine_id"),
        ([7], {}, "machine_id"),
        ("a", {"tail": "all"}, "tail must be"),
        ("a", {"tail": 2**31}, "tail must be"),
        ("a", {"follow": 1}, "follow must be"),
        ("a", {"timeout": -1.0}, "timeout"),
        ("a", {"timeout": 0, "follow": True}, "timeout"),
    ],
)
def test_a_malformed_wish_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, machine_id: Any, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidInputError, match=text):
        omni.machines.logs(machine_id, **options)
    assert simulator.calls == []


def test_a_reader_may_read_logs(as_role: Callable[..., Any], simulator: Simulator) -> None:
    assert list(as_role("Reader").machines.logs(one_machine(simulator), tail=1))

"""The order of lines of several machines, and how long a line waits for its turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from laws import given, st

from omni_api._core.time_order import SHORT_WAIT_S, TimeOrder
from omni_api.machine_log import LogRecord

START = datetime(2026, 11, 24, tzinfo=UTC)


def line(machine: str, second: float | None, text: str = "") -> LogRecord:
    if second is None:
        return LogRecord(raw=text.encode(), machine_id=machine)
    time = (START + timedelta(seconds=second)).isoformat()
    return LogRecord(
        raw=f'{{"talos-time": "{time}", "msg": "{text}"}}'.encode(), machine_id=machine
    )


def popped(order: TimeOrder) -> list[LogRecord]:
    return [order.pop() for _ in range(len(order))]


@given(logs=st.lists(st.lists(st.integers(0, 50), max_size=12).map(sorted), min_size=1, max_size=4))
def test_logs_that_are_in_order_are_merged_into_one_that_is(logs: list[list[int]]) -> None:
    order = TimeOrder()
    for number, seconds in enumerate(logs):
        for second in seconds:
            order.put(line(str(number), second))
    times = [record.time for record in popped(order)]
    assert times == sorted(START + timedelta(seconds=one) for log in logs for one in log)


@given(logs=st.lists(st.lists(st.none() | st.integers(0, 9), max_size=10), min_size=1, max_size=4))
def test_each_machine_keeps_its_own_order_whatever_its_times_say(
    logs: list[list[int | None]],
) -> None:
    order = TimeOrder()
    given_in = {
        str(machine): [line(str(machine), second, str(number)) for number, second in enumerate(log)]
        for machine, log in enumerate(logs)
    }
    for records in given_in.values():
        for record in records:
            order.put(record)
    came_out = popped(order)
    for machine, records in given_in.items():
        assert [record for record in came_out if record.machine_id == machine] == records


def test_a_line_without_time_stays_right_behind_its_predecessor() -> None:
    order = TimeOrder()
    one, other, later = line("a", 1), line("a", None, "trace"), line("a", 9)
    between = line("b", 5)
    for record in (one, other, later, between):
        order.put(record)
    assert popped(order) == [one, other, between, later]


def test_a_line_waits_a_little_for_a_machine_that_is_silent() -> None:
    order = TimeOrder()
    for machine in ("a", "b"):
        order.expect(machine, SHORT_WAIT_S)
    assert order.due(0.0) is None
    order.put(line("a", 1), 10.0)
    assert order.lacking == {"b"}
    assert order.due(10.0) == SHORT_WAIT_S
    assert order.due(10.1) == SHORT_WAIT_S - (10.1 - 10.0)
    assert order.due(10.0 + SHORT_WAIT_S) == 0
    order.put(line("b", 0), 10.2)
    assert not order.lacking
    assert order.due(10.2) == 0
    assert [record.machine_id for record in popped(order)] == ["b", "a"]
    assert order.lacking == {"a", "b"}


def test_a_machine_whose_clock_is_slow_does_not_hold_up_the_others_for_ever() -> None:
    order = TimeOrder()
    for machine in ("fast", "slow", "silent"):
        order.expect(machine, SHORT_WAIT_S)
    order.put(line("fast", 100), 0.0)
    order.put(line("slow", 1), 0.2)
    # The line of the fast one has waited long enough, and what is older goes before it.
    assert order.due(SHORT_WAIT_S) == 0
    assert order.pop().machine_id == "slow"
    assert order.due(SHORT_WAIT_S) == 0
    assert order.pop().machine_id == "fast"
    assert order.due(SHORT_WAIT_S) is None


def test_the_most_patient_of_those_who_lack_a_line_decides() -> None:
    order = TimeOrder()
    order.expect("a", SHORT_WAIT_S)
    order.expect("b", SHORT_WAIT_S)
    order.expect("slow", 5.0)
    order.put(line("a", 1), 0.0)
    assert order.due(0.0) == 5.0
    order.expect("slow", SHORT_WAIT_S)
    assert order.due(0.0) == SHORT_WAIT_S


def test_nobody_waits_for_a_machine_that_is_forgotten() -> None:
    order = TimeOrder()
    order.expect("a", SHORT_WAIT_S)
    order.expect("gone", 5.0)
    order.put(line("a", 1), 0.0)
    order.forget("gone")
    assert order.due(0.0) == 0
    assert not order.lacking
    assert order.waiting("a") == 1
    assert order.waiting("gone") == 0

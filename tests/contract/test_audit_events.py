"""The audit log as typed events: the stream of `read`, decoded, with the same rules of days."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from facades import Facade
from stub_server import StubServer, audit_line

from omni_api import (
    AuditLogEventType,
    AuditLogOrderByDir,
    InvalidInputError,
    MalformedEventError,
    PermissionDeniedError,
    ServiceAccountKey,
)
from omni_api.audit import AuditEvent, ClusterChange, MalformedEvent
from omni_api.simulator import Simulator

GOOD = '{"event_type":"create","event_ts":1795479369548}'
SECRET = "NmMsj8SnZzfjguPQPTFiTC0ZUbAatnHyx3ZS32uy60S"


def three_lines(_request: bytes, _context: Any) -> Iterator[bytes]:
    """Answer ReadAuditLog: two events, and between them a line that is none."""
    yield audit_line(GOOD)
    yield audit_line(f'{{"resource_id":"{SECRET}"')
    yield audit_line(GOOD)


@pytest.fixture
def damaged(facade: Facade) -> Iterator[Any]:
    """A client of a server whose second line is no event."""
    with StubServer({"ReadAuditLog": three_lines}) as server:
        yield facade.client(server.endpoint, auth=ServiceAccountKey.generate("ci"))


def test_events_are_the_lines_of_the_log_typed(omni: Any) -> None:
    with omni.audit_log.read() as stream:
        lines = [line.audit_log for line in stream]
    with omni.audit_log.events() as events:
        found = list(events)
    # The second reading also finds the event about the first.
    assert [event.raw for event in found[: len(lines)]] == lines
    assert all(isinstance(event, AuditEvent) and event.id == 0 for event in found)
    assert [event.type for event in found[len(lines) :]] == ["audit_log_access"]
    times = [event.time for event in found]
    assert times == sorted(times)
    assert events.chunks == len(found)
    assert events.bytes_received == sum(len(event.raw) for event in found)


def test_every_event_of_the_simulator_is_known(omni: Any) -> None:
    with omni.audit_log.events(strict=True) as events:
        for event in events:
            assert event.extra == {}
            assert event.actor.extra == {}
            assert all(payload.extra == {} for payload in event.payloads.values())


def test_filters_and_orders_are_those_of_read(omni: Any) -> None:
    options = {
        "event_type": AuditLogEventType.CREATE,
        "resource_type": "Clusters.omni.sidero.dev",
        "order_by_dir": AuditLogOrderByDir.DESC,
    }
    with omni.audit_log.read(**options) as stream:
        lines = [line.audit_log for line in stream]
    with omni.audit_log.events(**options) as events:
        found = list(events)
    assert [event.raw for event in found] == lines
    assert len(found) > 1
    for event in found:
        assert isinstance(event.payload, ClusterChange)
        assert event.payload.id == event.resource_id == event.cluster


def test_the_last_day_is_included_and_wrong_days_are_refused(
    omni: Any, simulator: Simulator
) -> None:
    today = simulator.state.now().date()
    with omni.audit_log.events(today, today) as events:
        assert {event.time.date() for event in events} == {today}
    with pytest.raises(InvalidInputError, match="start 2026-11-24 is after end 2026-11-01"):
        omni.audit_log.events("2026-11-24", "2026-11-01")


@pytest.mark.parametrize(
    "options",
    [{"strict": 1}, {"on_malformed": "print"}, {"strict": True, "on_malformed": print}],
)
def test_wrong_options_are_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError, match="strict|on_malformed"):
        omni.audit_log.events(**options)
    assert simulator.calls == []


def test_a_line_that_is_no_event_does_not_cost_the_rest(damaged: Any) -> None:
    found: list[MalformedEvent] = []
    with damaged.audit_log.events(on_malformed=found.append) as events:
        assert [event.type for event in events] == ["create", "create"]
    assert [(one.position, one.id) for one in found] == [(2, 0)]
    assert found[0].raw == f'{{"resource_id":"{SECRET}"\n'.encode()
    assert events.chunks == 2
    assert events.bytes_received == 2 * len(GOOD + "\n")


def test_without_a_callback_the_log_says_where_and_not_what(
    damaged: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "omni_api"), damaged.audit_log.events() as events:
        assert len(list(events)) == 2
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage().partition(" (id")[0] for record in warnings] == [
        "line 2 of the audit log"
    ]
    assert SECRET not in caplog.text


def test_a_strict_reading_ends_at_the_first_line_that_is_no_event(damaged: Any) -> None:
    read: list[str] = []
    with (
        pytest.raises(MalformedEventError, match="line 2 of the audit log is no event") as caught,
        damaged.audit_log.events(strict=True) as events,
    ):
        read.extend(event.type for event in events)
    assert read == ["create"]
    assert (caught.value.position, caught.value.id) == (2, 0)
    assert " broken: 1 chunks" in repr(events)


def test_each_stream_counts_its_own_lines(damaged: Any) -> None:
    found: list[MalformedEvent] = []
    for _ in range(2):
        with damaged.audit_log.events(on_malformed=found.append) as events:
            assert len(list(events)) == 2
    assert [one.position for one in found] == [2, 2]


def test_an_error_of_the_callback_reaches_the_reader(damaged: Any) -> None:
    def refuse(one: MalformedEvent) -> None:
        raise ValueError(f"line {one.position}")

    with (
        pytest.raises(ValueError, match="^line 2$"),
        damaged.audit_log.events(on_malformed=refuse) as events,
    ):
        list(events)


def test_the_role_that_may_read_may_read_events(as_role: Callable[..., Any]) -> None:
    with as_role("Auditor").audit_log.events() as events:
        assert next(events).type == "create"
    with pytest.raises(PermissionDeniedError), as_role("Operator").audit_log.events() as events:
        next(events)


def test_a_function_that_fails_on_a_malformed_line_breaks_the_stream(damaged: Any) -> None:
    def fail(_line: MalformedEvent) -> None:
        raise OSError("the disk is full")

    with damaged.audit_log.events(on_malformed=fail) as events:
        next(events)
        with pytest.raises(OSError, match="disk is full"):
            next(events)
        assert next(events, None) is None
        assert "broken" in repr(events)

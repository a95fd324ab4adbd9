"""The audit log by days: the convenience includes the last day, the plain rpc asks the server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from omni_api import (
    AuditLogEventType,
    AuditLogOrderByDir,
    AuditLogOrderByField,
    InvalidInputError,
    UnknownError,
)
from omni_api.simulator import Simulator


def events_of(stream: Any) -> list[dict[str, Any]]:
    """Return the events of a stream, each read from its line."""
    with stream as lines:
        return [json.loads(line.audit_log) for line in lines]


def day(number: int) -> date:
    """One of the three days before today."""
    return datetime.now(UTC).date() - timedelta(days=3 - number)


def noon(number: int) -> int:
    """Milliseconds of its noon in UTC, which is the local time of the simulator."""
    return int(datetime.combine(day(number), time(12), UTC).timestamp() * 1000)


@pytest.fixture
def three_days(omni: Any, simulator: Simulator) -> Any:
    """An Omni on which a user was made at noon of each of the three days before today."""
    for number in range(3):
        simulator.state.audit.record(
            None,
            "create",
            resource_type="Identities.omni.sidero.dev",
            resource_id=f"day{number}@example.org",
            at_ms=noon(number),
        )
    return omni


def days_in(stream: Any) -> list[int]:
    """Return which of the three days there are events of."""
    found = [event.get("resource_id", "") for event in events_of(stream)]
    return [int(one[3]) for one in found if one.startswith("day")]


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [(0, 0, [0]), (0, 1, [0, 1]), (1, 2, [1, 2]), (0, 2, [0, 1, 2]), (-1, -1, [])],
)
@pytest.mark.parametrize("form", [date.isoformat, lambda one: one], ids=["text", "date"])
def test_the_convenience_includes_the_last_day(
    three_days: Any, start: int, end: int, days: list[int], form: Callable[[date], Any]
) -> None:
    assert days_in(three_days.audit_log.read(form(day(start)), form(day(end)))) == days


def test_either_end_of_the_days_may_be_left_open(three_days: Any) -> None:
    assert days_in(three_days.audit_log.read(day(2))) == [2]
    assert days_in(three_days.audit_log.read(end=day(0))) == [0]
    assert days_in(three_days.audit_log.read()) == [0, 1, 2]


@pytest.mark.parametrize(("start", "end", "days"), [(0, 0, []), (0, 1, [0]), (0, 3, [0, 1, 2])])
def test_the_plain_rpc_passes_days_on_and_the_server_leaves_the_last_one_out(
    three_days: Any, simulator: Simulator, start: int, end: int, days: list[int]
) -> None:
    stream = three_days.management.read_audit_log(start_time=day(start), end_time=str(day(end)))
    assert days_in(stream) == days
    (call,) = simulator.calls
    assert call.request.start_time == str(day(start))
    assert call.request.end_time == str(day(end))


def test_both_ask_for_the_same_when_the_day_after_is_named(omni: Any, simulator: Simulator) -> None:
    events_of(omni.audit_log.read("2026-11-20", "2026-11-30", actor="admin@example.org"))
    events_of(
        omni.management.read_audit_log(
            start_time="2026-11-20", end_time="2026-12-01", actor="admin@example.org"
        )
    )
    convenient, plain = (call.request for call in simulator.calls)
    assert convenient == plain


def test_a_line_is_one_json_object_with_a_line_break(omni: Any) -> None:
    for line in omni.audit_log.read():
        assert line.audit_log.endswith(b"}\n")
        assert line.audit_log.count(b"\n") == 1
        assert line.id == 0
        assert {"event_type", "event_ts", "event_data"} <= json.loads(line.audit_log).keys()


def test_what_this_client_does_stands_in_the_log(omni: Any) -> None:
    omni.management.create_user(email="ana@example.org", role="Reader")
    *_, identity, user, reading = events_of(omni.audit_log.read())
    assert identity["resource_id"] == "ana@example.org"
    assert user["event_data"]["new_user"]["role"] == "Reader"
    assert reading["event_type"] == "audit_log_access"
    session = user["event_data"]["session"]
    assert session["email"] == "automation@serviceaccount.omni.sidero.dev"
    assert session["user_agent"].startswith("sidero-omni-api/")


@pytest.mark.parametrize(
    "filters",
    [
        {"event_type": AuditLogEventType.CREATE},
        {"resource_type": "Clusters.omni.sidero.dev"},
        {"cluster_id": "talos-default"},
        {"actor": "operator@example.org"},
        {"search": "KUBERNETES_version"},
        {"event_type": AuditLogEventType.TALOS_ACCESS, "cluster_id": "talos-default"},
    ],
)
def test_a_filter_leaves_only_what_fits(omni: Any, filters: dict[str, Any]) -> None:
    # Only what the simulator began with, since each reading adds an event.
    everything = [
        e for e in events_of(omni.audit_log.read()) if e["event_type"] != "audit_log_access"
    ]
    found = [
        event
        for event in events_of(omni.audit_log.read(**filters))
        if event["event_type"] != "audit_log_access"
    ]
    assert 0 < len(found) < len(everything)
    assert all(event in everything for event in found)
    for event in found:
        text = json.dumps(event).lower()
        for name, value in filters.items():
            wanted = value.name if isinstance(value, AuditLogEventType) else value
            if name != "cluster_id":
                assert wanted.lower() in text


def test_a_resource_is_found_by_its_id(omni: Any) -> None:
    omni.management.create_user(email="ana@example.org", role="Reader")
    (event,) = events_of(omni.audit_log.read(resource_id="ana@example.org"))
    assert event["resource_id"] == "ana@example.org"


def test_events_come_by_time_unless_told_otherwise(omni: Any) -> None:
    def times(**options: Any) -> list[int]:
        events = events_of(omni.audit_log.read(event_type=AuditLogEventType.CREATE, **options))
        return [event["event_ts"] for event in events]

    upwards = times()
    assert upwards == sorted(upwards)
    assert len(set(upwards)) > 1
    assert times(order_by_dir=AuditLogOrderByDir.DESC) == sorted(upwards, reverse=True)
    assert times(order_by_field=AuditLogOrderByField.DATE) == upwards


@pytest.mark.parametrize(
    ("field", "member"),
    [
        (AuditLogOrderByField.EVENT_TYPE, "event_type"),
        (AuditLogOrderByField.RESOURCE_TYPE, "resource_type"),
        (AuditLogOrderByField.RESOURCE_ID, "resource_id"),
    ],
)
def test_events_can_be_sorted_by_another_field(omni: Any, field: Any, member: str) -> None:
    stream = omni.audit_log.read(order_by_field=field, order_by_dir=AuditLogOrderByDir.DESC)
    values = [event.get(member, "") for event in events_of(stream)]
    assert values == sorted(values, reverse=True)
    assert len(Counter(values)) > 2


@pytest.mark.parametrize(
    "refused",
    [
        lambda omni: omni.audit_log.read("2026-11-21", "2026-11-20"),
        lambda omni: omni.audit_log.read("21.11.2026"),
        lambda omni: omni.audit_log.read("2026-11-31"),
        lambda omni: omni.audit_log.read(datetime(2026, 11, 20, tzinfo=UTC)),
        lambda omni: omni.audit_log.read(20261120),
        lambda omni: omni.audit_log.read(end=date.max),
        lambda omni: omni.management.read_audit_log(start_time="2026-12-01", end_time="2026-11-01"),
        lambda omni: omni.management.read_audit_log(end_time="yesterday"),
        lambda omni: omni.management.read_audit_log(start_ts_ms=-1),
        lambda omni: omni.audit_log.read(event_type="create"),
        lambda omni: omni.audit_log.read(event_type=AuditLogOrderByDir.ASC),
    ],
)
def test_a_mistake_in_the_days_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, refused: Callable[[Any], Any]
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        refused(omni)
    assert isinstance(caught.value, ValueError)
    assert simulator.calls == []


def test_a_moment_in_milliseconds_wins_over_a_day(three_days: Any) -> None:
    stream = three_days.management.read_audit_log(start_time=day(0), start_ts_ms=noon(1))
    assert days_in(stream) == [1, 2]


def test_a_server_without_audit_log_says_so(omni: Any, simulator: Simulator) -> None:
    simulator.state.audit_log_enabled = False
    with pytest.raises(UnknownError, match="audit logs are disabled"):
        list(omni.audit_log.read())

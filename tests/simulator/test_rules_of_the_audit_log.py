"""ReadAuditLog: its window, its filters, its orders, and following."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator

SERVICE = "management.ManagementService"


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


def read(client: RawClient, **request: Any) -> list[dict[str, Any]]:
    code, message, responses = client.call(SERVICE, "ReadAuditLog", request)
    assert (code, message) == ("OK", "")
    lines = [base64.b64decode(response["audit_log"]) for response in responses]
    assert all(line.endswith(b"}\n") and b'": ' not in line for line in lines)
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"start_ts_ms": -1}, "start_ts_ms cannot be negative"),
        ({"from_id": -1, "follow": True}, "from_id cannot be negative"),
        ({"from_id": 1}, "from_id requires follow"),
        ({"follow": True, "actor": "a"}, "actor cannot be combined with follow"),
        (
            {"start_time": "yesterday"},
            'invalid start time: parsing time "yesterday" as "2006-01-02": '
            'cannot parse "yesterday" as "2006"',
        ),
        (
            {"end_time": "2026-1-01"},
            'invalid end time: parsing time "2026-1-01" as "2006-01-02": '
            'cannot parse "1-01" as "01"',
        ),
        (
            {"end_time": "2026-02-30"},
            'invalid end time: parsing time "2026-02-30": day out of range',
        ),
        (
            {"end_time": "2026-13-01"},
            'invalid end time: parsing time "2026-13-01": month out of range',
        ),
        (
            {"end_time": "2026-01-01T00:00"},
            'invalid end time: parsing time "2026-01-01T00:00": extra text: "T00:00"',
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_in_gos_words(
    client: RawClient, request_: dict[str, Any], message: str
) -> None:
    answer = client.call(SERVICE, "ReadAuditLog", request_)
    assert answer[:2] == ("INVALID_ARGUMENT", message)


def test_reading_is_the_last_event_of_its_own_answer(client: RawClient) -> None:
    last = read(client)[-1]
    assert last["event_type"] == "audit_log_access"
    assert list(last["event_data"]) == ["audit_log_access", "session"]


def test_the_named_end_day_is_not_part_of_the_answer(client: RawClient) -> None:
    today = datetime.now(UTC).date()
    day, next_day = today.isoformat(), (today + timedelta(days=1)).isoformat()
    assert read(client, start_time=day, end_time=day) == []
    assert read(client, start_time=day, end_time=next_day)


def test_filters_and_search_agree_with_the_whole_log(client: RawClient) -> None:
    everything = read(client)
    actor = "automation@serviceaccount.omni.sidero.dev"
    by_actor = [
        event for event in everything if event["event_data"]["session"].get("email") == actor
    ]
    assert read(client, actor=actor)[: len(by_actor)] == by_actor
    assert all(e["event_type"] == "destroy" for e in read(client, event_type=4)[:-1])
    found = read(client, search="MACHINESETS.o_ni%DEV")
    assert {e.get("resource_type") for e in found[:-1]} <= {"MachineSets.omni.sidero.dev"}
    assert len(found) > 2


def test_events_come_in_the_order_asked_for(client: RawClient) -> None:
    times = [event["event_ts"] for event in read(client, order_by_dir=2)]
    assert times == sorted(times, reverse=True)
    kinds = [event["event_type"] for event in read(client, order_by_field=2)]
    assert kinds == sorted(kinds)


def test_a_million_events_are_there_without_being_kept() -> None:
    with Simulator(audit_events=1_000_000) as simulator:
        client = RawClient(simulator)
        start = (datetime.now(UTC) - timedelta(days=31)).date().isoformat()
        assert len(read(client, start_time=start, resource_id="scratch-000100")) == 3
        client.close()


def test_creating_and_destroying_a_user_is_recorded_in_the_servers_sequence(
    client: RawClient,
) -> None:
    before = len(read(client))
    client.call(SERVICE, "CreateUser", {"email": "New@example.org", "role": "Reader"})
    client.call(SERVICE, "DestroyUser", {"email": "new@example.org"})
    events = read(client)[before:-1]
    assert [(e["event_type"], e["resource_type"].partition(".")[0]) for e in events] == [
        ("create", "Identities"),
        ("create", "Users"),
        ("teardown", "Identities"),
        ("destroy", "Identities"),
        ("teardown", "Users"),
        ("destroy", "Users"),
    ]
    assert list(events[1]["event_data"]["new_user"]) == ["role", "id", "email"]


def test_a_follow_stream_acknowledges_delivers_and_ends_with_its_lease(
    simulator: Simulator, client: RawClient
) -> None:
    answers: list[Any] = []
    follower = threading.Thread(
        target=lambda: answers.append(client.call(SERVICE, "ReadAuditLog", {"follow": True}))
    )
    follower.start()
    assert simulator.wait_for(lambda: simulator.active_streams("ReadAuditLog") == 1)
    other = RawClient(simulator)
    newest = simulator.state.audit.newest_id
    other.call(SERVICE, "CreateUser", {"email": "new@example.org", "role": "Reader"})
    assert simulator.state.audit.newest_id == newest + 2
    simulator.expire_follow_leases()
    follower.join(5)
    other.close()
    code, _, (acknowledgment, *events) = answers[0]
    assert code == "OK"
    assert "audit_log" not in acknowledgment
    ids = [int(event["id"]) for event in events]
    first = int(acknowledgment["id"]) + 1
    assert ids == list(range(first, first + len(ids)))


def test_a_follow_position_beyond_the_newest_event_is_lost(client: RawClient) -> None:
    code, message, responses = client.call(
        SERVICE, "ReadAuditLog", {"follow": True, "from_id": "1000000"}
    )
    assert (code, message) == ("FAILED_PRECONDITION", "the follow position no longer exists")
    assert len(responses) == 1


def test_an_old_server_ignores_follow() -> None:
    with Simulator(legacy=True) as simulator:
        client = RawClient(simulator)
        code, _, responses = client.call(SERVICE, "ReadAuditLog", {"follow": True})
        client.close()
    assert code == "OK"
    assert all("id" not in response for response in responses)

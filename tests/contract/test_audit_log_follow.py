"""Following the audit log: the acknowledgment, new events, ids to go on from, and the end."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from facades import Facade

from omni_api import FailedPreconditionError, InvalidInputError
from omni_api.simulator import Simulator


def follow(omni: Any, **options: Any) -> Any:
    return omni.management.read_audit_log(follow=True, **options)


def event(line: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(line.audit_log)
    return read


def test_the_first_message_is_an_acknowledgment_with_the_position(
    omni: Any, simulator: Simulator
) -> None:
    with follow(omni) as lines:
        acknowledgment = next(lines)
    assert acknowledgment.audit_log == b""
    assert acknowledgment.id == simulator.state.audit.newest_id


def test_new_events_come_as_they_happen_with_rising_ids(omni: Any) -> None:
    with follow(omni) as lines:
        position = next(lines).id
        omni.management.create_user(email="ana@example.org", role="Reader")
        identity, user = next(lines), next(lines)
        omni.management.destroy_user(email="ana@example.org")
        torn_down = next(lines)
    assert [identity.id, user.id, torn_down.id] == [position + 1, position + 2, position + 3]
    assert event(identity)["resource_id"] == "ana@example.org"
    assert event(user)["event_type"] == "create"
    assert event(torn_down)["event_type"] == "teardown"


def test_a_stream_goes_on_from_an_id_without_loss_or_repetition(omni: Any) -> None:
    with follow(omni) as lines:
        next(lines)
        omni.management.create_user(email="ana@example.org", role="Reader")
        last = next(lines)
    with follow(omni, from_id=last.id + 1) as lines:
        assert next(lines).id == last.id
        again = next(lines)
    assert again.id == last.id + 1
    assert event(again)["resource_type"] == "Users.omni.sidero.dev"


def test_everything_retained_comes_from_the_first_millisecond_on(
    omni: Any, simulator: Simulator
) -> None:
    newest = simulator.state.audit.newest_id
    with follow(omni, start_ts_ms=1) as lines:
        assert next(lines).id == 0
        ids = [next(lines).id for _ in range(newest)]
    assert ids == list(range(1, newest + 1))


def test_the_first_id_comes_after_an_acknowledgment_of_zero(omni: Any) -> None:
    with follow(omni, from_id=1) as lines:
        assert (next(lines).id, next(lines).id) == (0, 1)


def test_a_position_beyond_the_newest_event_is_a_failed_precondition(
    omni: Any, simulator: Simulator
) -> None:
    stream = follow(omni, from_id=10**9)
    assert next(stream).id == 10**9 - 1
    with pytest.raises(FailedPreconditionError, match="the follow position no longer exists"):
        next(stream)
    assert simulator.count("ReadAuditLog") == 1


def test_the_end_of_the_lease_is_a_clean_end(omni: Any, simulator: Simulator) -> None:
    with follow(omni) as lines:
        next(lines)
        simulator.expire_follow_leases()
        assert list(lines) == []
    assert "ended" in repr(lines)


def test_a_lease_ends_by_the_clock_of_the_server(
    omni: Any, simulator: Simulator, facade: Facade
) -> None:
    simulator.follow_lease = timedelta(minutes=10)
    with follow(omni) as lines:
        next(lines)
        simulator.advance(timedelta(minutes=9))
        omni_of_now = simulator.active_streams("ReadAuditLog")
        simulator.advance(timedelta(minutes=2))
        assert list(lines) == []
    assert omni_of_now == 1
    assert facade.meanwhile(lambda: simulator.wait_for(lambda: simulator.active_streams() == 0))


def test_a_server_that_cannot_follow_ignores_the_wish_and_can_be_told(
    omni: Any, simulator: Simulator
) -> None:
    simulator.state.legacy = True
    with follow(omni) as lines:
        first = next(lines)
    assert first.audit_log
    assert first.id == 0


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"start_time": "2026-11-20"}, "start_time"),
        ({"end_time": "2026-11-20"}, "end_time"),
        ({"search": "x"}, "search"),
        ({"event_type": 1}, "event_type"),
        ({"resource_type": "x"}, "resource_type"),
        ({"resource_id": "x"}, "resource_id"),
        ({"cluster_id": "x"}, "cluster_id"),
        ({"actor": "x"}, "actor"),
        ({"order_by_field": 1}, "order_by_field"),
        ({"order_by_dir": 2}, "order_by_dir"),
        ({"from_id": -1}, "from_id"),
    ],
)
def test_what_does_not_go_with_following_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, options: dict[str, Any], name: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} cannot be"):
        follow(omni, **options)
    assert simulator.calls == []


def test_an_id_without_following_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator
) -> None:
    with pytest.raises(InvalidInputError, match="from_id needs follow=True"):
        omni.management.read_audit_log(from_id=3)
    assert simulator.calls == []

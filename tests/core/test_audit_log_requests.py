"""What a request for the audit log may not combine, refused as the server would, but at once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from laws import given, st

from omni_api import AuditLogEventType, AuditLogOrderByDir, AuditLogOrderByField, InvalidInputError
from omni_api._composed import audit_log as composed
from omni_api._gen import calls, management_pb2

NOT_WITH_FOLLOW: dict[str, Any] = {
    "start_time": "2026-11-01",
    "end_time": date(2026, 11, 24),
    "order_by_field": AuditLogOrderByField.ACTOR,
    "order_by_dir": AuditLogOrderByDir.DESC,
    "search": "text",
    "event_type": AuditLogEventType.CREATE,
    "resource_type": "Clusters.omni.sidero.dev",
    "resource_id": "prod",
    "cluster_id": "prod",
    "actor": "a@example.org",
}
POSITIONS = st.integers(0, 2**63 - 1)


def sent(**options: Any) -> management_pb2.ReadAuditLogRequest:
    request = calls.read_audit_log(**options).request
    return management_pb2.ReadAuditLogRequest.FromString(request)


@pytest.mark.parametrize("name", list(NOT_WITH_FOLLOW))
def test_a_followed_log_takes_no_filter_order_or_day_and_the_error_names_it(name: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} cannot be combined with follow=True"):
        calls.read_audit_log(follow=True, **{name: NOT_WITH_FOLLOW[name]})
    assert getattr(sent(**{name: NOT_WITH_FOLLOW[name]}), name)


def test_these_are_all_options_but_the_places_to_start_from() -> None:
    fields = {field.name for field in management_pb2.ReadAuditLogRequest.DESCRIPTOR.fields}
    assert fields - set(NOT_WITH_FOLLOW) == {"follow", "start_ts_ms", "from_id"}


def test_options_that_say_nothing_may_stand_beside_follow() -> None:
    request = sent(follow=True, search="", order_by_dir=AuditLogOrderByDir.UNSPECIFIED, from_id=0)
    assert request == management_pb2.ReadAuditLogRequest(follow=True)


@given(POSITIONS, POSITIONS)
def test_a_followed_log_starts_from_any_time_or_id(start_ts_ms: int, from_id: int) -> None:
    request = sent(follow=True, start_ts_ms=start_ts_ms, from_id=from_id)
    assert (request.start_ts_ms, request.from_id) == (start_ts_ms, from_id)


@given(st.integers(1, 2**63 - 1))
def test_an_id_to_start_from_needs_follow(from_id: int) -> None:
    with pytest.raises(InvalidInputError, match="from_id needs follow=True"):
        calls.read_audit_log(from_id=from_id)


@pytest.mark.parametrize("name", ["start_ts_ms", "from_id"])
@given(value=st.integers(-(2**63), -1))
def test_a_negative_position_is_refused_and_named(name: str, value: int) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} cannot be negative, but is {value}"):
        sent(follow=True, **{name: value})


def test_a_backwards_range_is_refused_by_the_plain_rpc_and_by_the_convenience() -> None:
    with pytest.raises(
        InvalidInputError, match="start_time 2026-11-24 is after end_time 2026-11-01"
    ):
        calls.read_audit_log(start_time="2026-11-24", end_time="2026-11-01")
    with pytest.raises(InvalidInputError, match="start 2026-11-24 is after end 2026-11-01"):
        composed.read("2026-11-24", "2026-11-01")


def test_the_convenience_hands_every_filter_on() -> None:
    filters = {k: v for k, v in NOT_WITH_FOLLOW.items() if k not in {"start_time", "end_time"}}
    call = composed.read("2026-11-01", "2026-11-23", timeout=9, **filters)
    request = management_pb2.ReadAuditLogRequest.FromString(call.request)
    assert request == sent(**NOT_WITH_FOLLOW)
    assert call.timeout == 9
    assert call.changes is False

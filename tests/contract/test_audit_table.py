"""The audit log as a table: the events that `read` gives, in columns."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from omni_api import (
    AuditLogEventType,
    InvalidInputError,
    MissingLibraryError,
    PermissionDeniedError,
    UnavailableError,
)
from omni_api.audit import EventTable
from omni_api.audit._tables.columns import NAMES
from omni_api.simulator import Simulator

ACCESSES = AuditLogEventType.AUDIT_LOG_ACCESS


def test_a_table_has_a_row_for_each_event_that_is_read(omni: Any) -> None:
    with omni.audit_log.read(resource_type="Users.omni.sidero.dev") as stream:
        lines = [line.audit_log for line in stream]
    table = omni.audit_log.table(resource_type="Users.omni.sidero.dev")

    assert isinstance(table, EventTable)
    assert table.columns == NAMES
    assert [row["raw"] for row in table] == [line.decode().rstrip("\n") for line in lines]
    for row, line in zip(table, lines, strict=True):
        event = json.loads(line)
        assert row["event_type"] == event["event_type"]
        assert row["time"] == datetime.fromtimestamp(event["event_ts"] / 1000, UTC)
        assert row["actor"] == event["event_data"]["session"].get("email")


def test_more_events_than_fit_into_a_batch_are_one_table_in_order(
    omni: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omni_api.audit._tables.gather._BATCH", 10)
    table = omni.audit_log.table()
    times = [row["time"] for row in table]
    assert len(times) > 100
    assert times == sorted(times)


def test_days_and_filters_choose_the_rows(omni: Any, simulator: Simulator) -> None:
    today = datetime.now(UTC).date()
    simulator.state.audit.record(None, "create", resource_type="Seen", resource_id="x")
    assert len(omni.audit_log.table("2001-01-01", "2001-01-02")) == 0
    assert len(omni.audit_log.table(today, today, resource_type="Seen")) == 1
    kinds = {row["event_type"] for row in omni.audit_log.table(event_type=ACCESSES)}
    assert kinds == {"audit_log_access"}


def test_a_table_becomes_frames_of_pandas_and_polars(omni: Any) -> None:
    table = omni.audit_log.table()
    assert list(table.to_dataframe("pandas").columns) == list(NAMES)
    assert table.to_dataframe("polars").height == len(table)


def test_bad_days_and_a_missing_library_send_nothing(
    omni: Any, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInputError, match="start"):
        omni.audit_log.table("yesterday")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingLibraryError, match=r"\[parquet\]"):
        omni.audit_log.table()
    assert simulator.count("ReadAuditLog") == 0


def test_a_role_below_is_refused(as_role: Callable[..., Any]) -> None:
    with pytest.raises(PermissionDeniedError):
        as_role("Operator").audit_log.table()


def test_a_stream_that_breaks_gives_no_table_and_says_how_far_it_came(
    omni: Any, simulator: Simulator
) -> None:
    simulator.break_stream("ReadAuditLog", after=5)
    with pytest.raises(UnavailableError) as caught:
        omni.audit_log.table()
    assert caught.value.chunks == 5

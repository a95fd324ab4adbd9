"""Days of the audit log: the one validator that both facades share."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from laws import given, st

from omni_api import InvalidInputError
from omni_api._composed import audit_log as composed
from omni_api._core.dates import day_after, day_range, to_date
from omni_api._gen import calls, management_pb2

DAYS = st.dates()
PAIRS = st.tuples(DAYS, DAYS)


@given(DAYS)
def test_a_day_as_text_and_as_date_means_the_same(day: date) -> None:
    assert to_date("start", day.isoformat()) == to_date("start", day) == day


@given(PAIRS, st.booleans(), st.booleans())
def test_every_range_that_runs_forwards_is_accepted(
    pair: tuple[date, date], first_as_text: bool, last_as_text: bool
) -> None:
    first, last = min(pair), max(pair)
    assert day_range(
        first.isoformat() if first_as_text else first, last.isoformat() if last_as_text else last
    ) == (first, last)


@given(st.tuples(DAYS, DAYS).filter(lambda pair: pair[0] != pair[1]))
def test_every_range_that_runs_backwards_is_refused_and_both_days_are_named(
    pair: tuple[date, date],
) -> None:
    first, last = min(pair), max(pair)
    with pytest.raises(InvalidInputError) as caught:
        day_range(last, first.isoformat())
    assert last.isoformat() in str(caught.value)
    assert first.isoformat() in str(caught.value)
    assert "earlier day as start" in str(caught.value)


@given(DAYS)
def test_a_range_may_be_open_at_either_end(day: date) -> None:
    assert day_range(day, None) == (day, None)
    assert day_range(None, day) == (None, day)
    assert day_range(None, None) == (None, None)


def test_a_range_of_one_day_is_no_backwards_range() -> None:
    assert day_range("2026-11-24", date(2026, 11, 24)) == (date(2026, 11, 24),) * 2


@given(st.datetimes() | st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_refused_with_the_reason_and_the_way_out(moment: datetime) -> None:
    with pytest.raises(InvalidInputError) as caught:
        to_date("start", moment)
    assert moment.isoformat() in str(caught.value)
    assert "local midnight" in str(caught.value)
    assert "value.date()" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2025-02-29",
        "2026-13-01",
        "2026-00-10",
        "2026-11-00",
        "0000-01-01",
        "2026-2-3",
        "20260203",
        "2026-W05-2",
        "2026-034",
        "26-02-03",
        "12026-02-03",
        "2026/02/03",
        "03.02.2026",
        "\u0662\u0660\u0662\u0666-\u0660\u0662-\u0660\u0663",
        "\uff12\uff10\uff12\uff16-02-03",
        "2026\u201302\u201303",
        " 2026-02-03",
        "2026-02-03 ",
        "2026-02-03\n",
        "2026-02-03T00:00:00",
        "today",
        "-1",
        "",
    ],
)
def test_a_text_that_is_no_day_is_refused_with_the_value_and_the_form(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        to_date("end_time", text)
    message = str(caught.value)
    assert message.startswith("end_time must be a")
    assert repr(text) in message
    assert "YYYY-MM-DD" in message


@pytest.mark.parametrize("value", [None, 20260203, 1.5, b"2026-02-03", ("2026-02-03",), True])
def test_a_value_of_another_type_is_refused_with_its_type_and_the_form(value: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        to_date("start", value)  # type: ignore[arg-type]
    assert type(value).__name__ in str(caught.value)
    assert "YYYY-MM-DD" in str(caught.value)


@pytest.mark.parametrize("text", ["2024-02-29", "2000-02-29", "0004-02-29"])
def test_a_leap_day_is_a_day(text: str) -> None:
    assert to_date("start", text).isoformat() == text


@given(DAYS.filter(lambda day: day < date.max))
def test_the_day_after_is_one_day_later(day: date) -> None:
    assert day_after(day) - day == timedelta(days=1)


def test_there_is_no_day_after_the_last_day_of_the_calendar() -> None:
    with pytest.raises(InvalidInputError, match="9999-12-31 is the last day of the calendar"):
        day_after(date(9999, 12, 31))


def _sent(request: bytes) -> tuple[str, str]:
    message = management_pb2.ReadAuditLogRequest.FromString(request)
    return message.start_time, message.end_time


@given(DAYS.filter(lambda day: day < date.max))
def test_the_last_day_is_included_because_the_day_after_it_is_sent(day: date) -> None:
    assert _sent(composed.read(day, day).request) == (
        day.isoformat(),
        (day + timedelta(days=1)).isoformat(),
    )


@given(DAYS)
def test_the_plain_rpc_passes_days_on_unchanged(day: date) -> None:
    call = calls.read_audit_log(start_time=day, end_time=day.isoformat())
    assert _sent(call.request) == (day.isoformat(), day.isoformat())

"""Which days are exported, when one is complete, and that every event is in one file only."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import logging
import os
import tempfile
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import grpc
import pytest
from fake_omni import FakeOmni, line_at
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_api import CallError, DeadlineExceededError, OmniError, Progress, StorageError
from omni_api.audit import AuditExport
from omni_api.audit._export import day as _day
from omni_api.audit._export import manifest as _manifest
from omni_api.audit._export.clock import is_over
from omni_api.audit._export.manifest import DayFile
from omni_api.audit._export.store import Store, write

NOON = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
TODAY = date(2026, 11, 24)
DAY = timedelta(days=1)
MS = 1000


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * MS)


def at(day: date, hour: int, minute: int = 0) -> int:
    return ms(datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC))


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def lines(directory: Path, day: date) -> bytes:
    return (directory / f"audit-log-{day}.jsonl").read_bytes()


def days(directory: Path) -> tuple[DayFile, ...]:
    return _manifest.from_manifest((directory / "manifest.json").read_bytes())


@pytest.fixture
def omni() -> FakeOmni:
    """Three days with some events each, the last of them today."""
    made = FakeOmni(NOON)
    for back in (2, 1, 0):
        for hour in (1, 5, 9):
            made.add(at(TODAY - back * DAY, hour))
    return made


zones = st.builds(
    lambda quarters: timezone(timedelta(minutes=15 * quarters)), st.integers(-12 * 4, 14 * 4)
)


@settings(max_examples=60, deadline=None)
@given(
    zone=zones,
    hours=st.lists(st.integers(0, 72), min_size=1, max_size=5),
    minutes=st.lists(st.integers(0, 3 * 1440), max_size=8),
    midnights=st.lists(st.integers(0, 3), max_size=6),
)
def test_every_event_is_in_the_file_of_its_local_day_and_in_no_other(
    zone: timezone, hours: list[int], minutes: list[int], midnights: list[int]
) -> None:
    begin = datetime(2026, 11, 20, tzinfo=zone)
    omni = FakeOmni(begin, zone)
    ahead = sorted(
        [ms(begin) + minute * 60_000 + 1 for minute in minutes]
        + [ms(begin + midnight * DAY) for midnight in midnights]
    )
    omni.add(ms(begin))
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # which takes as long as all the rest
        directory = Path(place)
        for hour in [*sorted(hours), 24 * 4, 24 * 4 + 1]:
            omni.utc = (begin + timedelta(hours=hour)).astimezone(UTC)
            while ahead and ahead[0] <= ms(omni.utc):
                omni.add(ahead.pop(0))
            omni.export(directory, date(2026, 11, 20))
            today = omni.utc.astimezone(zone).date()
            for one in days(directory):
                assert not one.complete or one.day < today
                if one.complete:
                    assert lines(directory, one.day) == omni.lines_of(one.day)
        complete = [one.day for one in days(directory) if one.complete]
        assert complete == [date(2026, 11, 20) + number * DAY for number in range(4)]
        found = b"".join(lines(directory, day) for day in complete).splitlines(keepends=True)
        assert sorted(found) == sorted(line for at, line in omni.rows if omni.day_of(at) < today)


@pytest.mark.parametrize(
    ("hours", "over"), [(11, None), (12, None), (13, True), (-13, None), (-14, None), (-15, False)]
)
def test_the_clock_alone_tells_only_what_holds_everywhere_on_earth(
    hours: int, over: bool | None
) -> None:
    midnight = datetime(2026, 11, 25, tzinfo=UTC)
    assert is_over(TODAY, midnight + timedelta(hours=hours)) is over


def test_an_event_that_is_stored_after_midnight_is_read_with_its_day(
    omni: FakeOmni, tmp_path: Path
) -> None:
    midnight = omni.midnight(TODAY + DAY)
    omni.utc = datetime(2026, 11, 25, 0, 0, 0, 5000, tzinfo=UTC)
    first = omni.export(tmp_path)
    assert [one.complete for one in first.days[-3:]] == [True, False, False]
    assert first.days[-1].day == TODAY + DAY
    late = omni.add(midnight - 1)
    omni.utc += timedelta(minutes=9)
    assert omni.export(tmp_path).written == (TODAY, TODAY + DAY)
    assert late in lines(tmp_path, TODAY)
    omni.utc += timedelta(minutes=1)
    assert omni.export(tmp_path).written == (TODAY, TODAY + DAY)
    assert omni.export(tmp_path).written == (TODAY + DAY,)
    assert lines(tmp_path, TODAY) == omni.lines_of(TODAY)


def test_a_day_that_goes_on_is_not_complete_and_is_replaced(omni: FakeOmni, tmp_path: Path) -> None:
    first = omni.export(tmp_path)
    assert [one.complete for one in first.days] == [True, True, False]
    new = omni.add(ms(NOON) + 1)
    omni.utc += timedelta(minutes=1)
    second = omni.export(tmp_path)
    assert second.written == (TODAY,)
    assert second.skipped == (TODAY - 2 * DAY, TODAY - DAY)
    assert new in lines(tmp_path, TODAY)
    omni.utc += DAY
    third = omni.export(tmp_path)
    assert third.written == (TODAY, TODAY + DAY)
    assert lines(tmp_path, TODAY) == omni.lines_of(TODAY)


def test_a_manifest_says_what_a_file_holds(omni: FakeOmni, tmp_path: Path) -> None:
    result = omni.export(tmp_path, TODAY - DAY, TODAY - DAY)
    (one,) = result.days
    data = lines(tmp_path, one.day)
    assert one == DayFile(
        day=TODAY - DAY,
        file="audit-log-2026-11-23.jsonl",
        format="jsonl",
        compression="",
        events=3,
        malformed=0,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        first=datetime(2026, 11, 23, 1, tzinfo=UTC),
        last=datetime(2026, 11, 23, 9, tzinfo=UTC),
        complete=True,
    )
    assert days(tmp_path) == (one,)
    assert (result.events, result.bytes) == (3, len(data))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_the_second_export_reads_nothing_of_what_is_complete(
    omni: FakeOmni, tmp_path: Path
) -> None:
    omni.export(tmp_path, end=TODAY - DAY)
    before = content(tmp_path)
    omni.reads.clear()
    again = omni.export(tmp_path, end=TODAY - DAY)
    assert again.written == ()
    assert len(again.days) == 2
    assert content(tmp_path) == before
    # The oldest event is asked for, and the day before, which west of Greenwich could have it.
    assert [start for start, _ in omni.reads] == ["1970-01-01", str(TODAY - 3 * DAY)]


def test_a_day_without_events_has_an_empty_file_and_one_before_the_log_began_has_none(
    tmp_path: Path,
) -> None:
    omni = FakeOmni(NOON)
    omni.add(at(TODAY - 3 * DAY, 5))
    omni.add(at(TODAY - DAY, 5))
    result = omni.export(tmp_path, TODAY - 10 * DAY, TODAY - DAY)
    assert [one.events for one in result.days] == [1, 0, 1]
    assert lines(tmp_path, TODAY - 2 * DAY) == b""
    assert result.days[1].complete


def test_days_that_have_not_begun_are_left_alone(omni: FakeOmni, tmp_path: Path) -> None:
    result = omni.export(tmp_path, TODAY, TODAY + 100 * DAY)
    assert result.written == (TODAY,)
    omni.reads.clear()
    assert omni.export(tmp_path / "later", date(9999, 12, 1)).days == ()
    assert omni.reads == []


def test_an_event_of_midnight_is_in_the_day_that_it_begins(tmp_path: Path) -> None:
    omni = FakeOmni(NOON)
    before = omni.add(at(TODAY - 2 * DAY, 23, 59))
    one, two = omni.add(at(TODAY - DAY, 0)), omni.add(at(TODAY - DAY, 0))
    result = omni.export(tmp_path, end=TODAY - DAY)
    assert lines(tmp_path, TODAY - 2 * DAY) == before
    assert lines(tmp_path, TODAY - DAY) == one + two
    assert [one.events for one in result.days] == [1, 2]
    assert result.days[0].last == datetime(2026, 11, 22, 23, 59, tzinfo=UTC)


def test_what_the_server_has_removed_meanwhile_stays(omni: FakeOmni, tmp_path: Path) -> None:
    omni.export(tmp_path)
    old = lines(tmp_path, TODAY)
    omni.forget(at(TODAY, 6))
    late = omni.add(at(TODAY, 23))
    omni.utc += DAY
    result = omni.export(tmp_path)
    assert result.written == (TODAY, TODAY + DAY)
    assert lines(tmp_path, TODAY) == old[: old.index(line_at(at(TODAY, 9), 8))] + omni.lines_of(
        TODAY
    )
    assert late in lines(tmp_path, TODAY)
    omni.forget(at(TODAY + DAY, 1))
    before = lines(tmp_path, TODAY)
    result = omni.export(tmp_path, TODAY - 2 * DAY, TODAY)
    assert lines(tmp_path, TODAY) == before
    assert [one.day for one in result.days] == [TODAY - 2 * DAY, TODAY - DAY, TODAY]


def test_what_a_restored_server_no_longer_has_stays(omni: FakeOmni, tmp_path: Path) -> None:
    omni.audited = False
    same = [omni.add(at(TODAY, 5), line_at(at(TODAY, 5), number)) for number in (90, 91)]
    omni.add(at(TODAY, 6))
    omni.export(tmp_path)
    had = lines(tmp_path, TODAY).splitlines(keepends=True)
    # A backup of five o'clock, with one of three events of that moment.
    omni.rows = [row for row in omni.rows if row[0] <= at(TODAY, 5) and row[1] not in same[1:]]
    late = [omni.add(at(TODAY, hour), line_at(at(TODAY, hour), 92)) for hour in (5, 8, 23)]
    omni.utc += DAY
    omni.add(ms(omni.utc))
    omni.export(tmp_path)
    now = lines(tmp_path, TODAY).splitlines(keepends=True)
    assert sorted(now) == sorted([*had, *late])
    assert [line for line in now if line in had] == had
    (day,) = omni.export(tmp_path, TODAY, TODAY).days
    assert (day.events, day.complete) == (len(now), True)


@pytest.mark.parametrize("broken", [b"no JSON\n", b"no line break"])
def test_lines_without_a_time_come_once(tmp_path: Path, broken: bytes) -> None:
    omni = FakeOmni(NOON)
    for hour in (0, 1):
        omni.add(at(TODAY, hour), broken)
        omni.add(at(TODAY, hour))
    omni.export(tmp_path)
    omni.export(tmp_path)
    assert lines(tmp_path, TODAY).count(broken) == 2


def test_an_empty_answer_never_replaces_a_day_that_has_events(
    omni: FakeOmni, tmp_path: Path
) -> None:
    omni.export(tmp_path)
    before = lines(tmp_path, TODAY)
    omni.rows.clear()
    omni.add(at(TODAY - 5 * DAY, 1))  # so that the day is asked for
    omni.audited = False
    omni.utc += 2 * DAY
    omni.add(ms(omni.utc))
    result = omni.export(tmp_path, TODAY, TODAY)
    assert lines(tmp_path, TODAY) == before
    assert result.days[0].events == before.count(b"\n")


def test_one_line_that_is_no_text_does_not_make_an_export_unreadable(tmp_path: Path) -> None:
    omni = FakeOmni(NOON)
    yesterday = at(TODAY - DAY, 1)
    omni.add(yesterday)
    omni.add(yesterday + 1, b'{"resource_id":"\xff","event_ts":%d}\n' % (yesterday + 1))
    omni.add(yesterday + 2, '{"resource_id":"é","event_ts":%d}\n'.encode() % (yesterday + 2))
    (one,) = omni.export(tmp_path, end=TODAY - DAY).days
    assert one.malformed == 1
    (row,) = AuditExport(tmp_path).query("SELECT count(resource_id) AS n FROM events")
    assert row == {"n": 2}


@pytest.mark.parametrize("damage", ["manifest", "no manifest", "size", "no file"])
def test_a_damaged_day_is_exported_again(omni: FakeOmni, tmp_path: Path, damage: str) -> None:
    omni.export(tmp_path, end=TODAY - DAY)
    before = content(tmp_path)
    manifest = tmp_path / _manifest.manifest_name(TODAY - DAY)
    data = tmp_path / f"audit-log-{TODAY - DAY}.jsonl"
    match damage:
        case "manifest":
            manifest.write_bytes(b"{")
        case "no manifest":
            manifest.unlink()
        case "size":
            data.write_bytes(data.read_bytes()[:-5])
        case "no file":
            data.unlink()
    result = omni.export(tmp_path, end=TODAY - DAY)
    assert result.written == (TODAY - DAY,)
    assert content(tmp_path) == before


def test_days_that_were_lost_between_two_exports_are_named(
    omni: FakeOmni, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert omni.export(tmp_path).missing == ()
    assert not caplog.records
    before = content(tmp_path)
    omni.utc += 6 * DAY
    omni.forget(at(TODAY + 4 * DAY, 0))
    omni.add(at(TODAY + 4 * DAY, 0, 7))
    with caplog.at_level(logging.WARNING, "omni_api"):
        result = omni.export(tmp_path)
    # Today's file was written before today was over.
    assert result.missing == tuple(TODAY + number * DAY for number in range(4))
    assert [one.getMessage() for one in caplog.records] == [
        f"{tmp_path} lacks events that the server no longer has: 2026-11-24 to 2026-11-27"
    ]
    assert lines(tmp_path, TODAY) == before[f"audit-log-{TODAY}.jsonl"]
    again = omni.export(tmp_path, TODAY - 3 * DAY, TODAY)
    assert again.missing == (TODAY - 3 * DAY, TODAY)
    assert omni.export(tmp_path / "new").missing == ()


def test_a_day_that_is_lost_to_the_hour_is_not_complete(omni: FakeOmni, tmp_path: Path) -> None:
    omni.export(tmp_path)
    omni.utc += 2 * DAY
    omni.forget(at(TODAY + DAY, 0))
    omni.add(at(TODAY + DAY, 0, 7))
    for _ in range(2):
        result = omni.export(tmp_path)
        assert result.missing == (TODAY,)
        assert [one.complete for one in result.days] == [False, True, False]


def test_a_file_that_cannot_be_read_is_not_replaced_if_it_may_hold_more(
    omni: FakeOmni, tmp_path: Path
) -> None:
    omni.export(tmp_path, end=TODAY - DAY, compression="gzip")
    file = tmp_path / f"audit-log-{TODAY - DAY}.jsonl.gz"
    file.write_bytes(b"no gzip")
    (tmp_path / _manifest.manifest_name(TODAY - DAY)).unlink()
    with pytest.raises(StorageError, match="Move it away") as caught:
        omni.export(tmp_path, end=TODAY - DAY, compression="gzip")
    assert caught.value.path == file.name
    assert file.read_bytes() == b"no gzip"
    file.unlink()
    assert omni.export(tmp_path, end=TODAY - DAY).written == (TODAY - DAY,)


def test_a_day_changes_its_format_only_when_it_is_written_anew(
    omni: FakeOmni, tmp_path: Path
) -> None:
    omni.export(tmp_path)
    result = omni.export(tmp_path, compression="gzip")
    assert [one.compression for one in result.days] == ["", "", "gzip"]
    assert not (tmp_path / f"audit-log-{TODAY}.jsonl").exists()
    (tmp_path / f"audit-log-{TODAY - DAY}.jsonl.gz").write_bytes(b"left by a killed export")
    omni.export(tmp_path)
    assert {name for name in content(tmp_path) if str(TODAY - DAY) in name} == {
        f"audit-log-{TODAY - DAY}.jsonl",
        f"audit-log-{TODAY - DAY}.manifest.json",
    }


def test_two_exports_of_a_day_into_two_formats_leave_one_of_them(
    omni: FakeOmni, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    omni.export(tmp_path, TODAY, TODAY)
    had = lines(tmp_path, TODAY)

    def interrupted(place: Store, name: str, data: bytes) -> None:
        monkeypatch.setattr(_day, "write", write)
        omni.export(tmp_path, TODAY, TODAY)
        write(place, name, data)

    monkeypatch.setattr(_day, "write", interrupted)
    with pytest.raises(StorageError, match="another process exports the same day"):
        omni.export(tmp_path, TODAY, TODAY, format="parquet")
    assert lines(tmp_path, TODAY).startswith(had)
    omni.export(tmp_path, TODAY, TODAY)
    assert AuditExport(tmp_path).verify() == ()


def test_a_stream_that_breaks_is_read_again_from_its_start(omni: FakeOmni, tmp_path: Path) -> None:
    omni.breaks[TODAY - DAY] = [2, 1]
    result = omni.export(tmp_path, end=TODAY - DAY)
    assert lines(tmp_path, TODAY - DAY) == omni.lines_of(TODAY - DAY)
    assert omni.pauses == [1.0, 2.0]
    assert result.days[-1].events == 3


def test_a_stream_that_breaks_for_ever_leaves_the_days_before(
    omni: FakeOmni, tmp_path: Path
) -> None:
    omni.breaks[TODAY - DAY] = [1, 1, 1]
    with pytest.raises(CallError, match="connection lost"):
        omni.export(tmp_path)
    assert [one.day for one in days(tmp_path)] == [TODAY - 2 * DAY]
    assert not list(tmp_path.glob(".*"))
    assert omni.export(tmp_path).written == (TODAY - DAY, TODAY)


def test_a_stream_that_never_began_is_not_read_again(omni: FakeOmni, tmp_path: Path) -> None:
    omni.breaks[TODAY - DAY] = [0]
    with pytest.raises(CallError):
        omni.export(tmp_path)
    assert omni.pauses == []


def test_malformed_lines_are_kept_and_told_by_their_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    omni = FakeOmni(NOON)
    yesterday = at(TODAY - DAY, 1)
    omni.add(yesterday)
    bad = omni.add(yesterday + 1, b"secret but no JSON\n")
    cut = omni.add(yesterday + 2, b'{"event_ts":%d,"secret":' % (yesterday + 2))
    odd = omni.add(yesterday + 3, b' {"event_ts": %d } \n' % (yesterday + 3))
    split = omni.add(yesterday + 4, b'{"a":\n1,"event_ts":%d}\n' % (yesterday + 4))
    with caplog.at_level(logging.WARNING, "omni_api"):
        (one,) = omni.export(tmp_path, end=TODAY - DAY).days
    assert lines(tmp_path, TODAY - DAY) == line_at(yesterday) + bad + cut + b"\n" + odd + split
    assert (one.events, one.malformed) == (5, 3)
    assert one.last == datetime(2026, 11, 23, 1, 0, 0, 4000, tzinfo=UTC)
    (record,) = caplog.records
    assert "3 of 5" in record.getMessage()
    assert "lines 2, 3, 5" in record.getMessage()
    assert "secret" not in record.getMessage()


def test_reports_come_at_most_ten_times_a_second_and_at_the_end_of_each_day(
    omni: FakeOmni, tmp_path: Path
) -> None:
    for number in range(20_000):
        omni.add(at(TODAY - DAY, 10) + number)
    reports: list[Progress] = []
    omni.pace = 0.01
    omni.export(tmp_path, end=TODAY - DAY, on_progress=reports.append)
    assert [report.finished for report in reports][-1:] == [True]
    assert not any(report.finished for report in reports[:-1])
    ends = [report for report in reports if report.latest.endswith("done")]
    assert len(ends) == 2
    between = [report for report in reports if report not in (*ends, reports[-1])]
    assert 2 <= len(between) < 10
    assert all(one.elapsed <= two.elapsed for one, two in itertools.pairwise(reports))
    by_days, events = reports[-1].parts
    assert (by_days.done, by_days.total, by_days.unit) == (2, 2, "days")
    assert {report.parts[0].total for report in ends} == {2}
    assert (events.done, events.unit) == (20_006, "events")


def test_a_day_without_a_file_is_no_day_of_the_progress(tmp_path: Path) -> None:
    omni = FakeOmni(NOON)
    omni.add(at(TODAY, 1))
    reports: list[Progress] = []
    result = omni.export(tmp_path, on_progress=reports.append)
    assert len(result.days) == reports[-1].parts[0].done == reports[-1].parts[0].total == 1
    assert reports[-1].latest == f"1 day, {result.events} events"


def test_a_callback_that_raises_ends_the_export_and_leaves_no_half_file(
    omni: FakeOmni, tmp_path: Path
) -> None:
    def refuse(report: Progress) -> None:
        if report.latest.startswith(str(TODAY)):
            raise KeyError("no more")

    omni.pace = 1.0
    with pytest.raises(KeyError):
        omni.export(tmp_path, on_progress=refuse)
    assert not list(tmp_path.glob(".*"))
    assert not list(tmp_path.glob(f"*{TODAY}.jsonl"))


def test_several_exports_of_different_days_end_with_one_manifest_of_all(
    omni: FakeOmni, tmp_path: Path
) -> None:
    """The manifest that one worker is about to write is older than the days of the other."""
    omni.export(tmp_path, TODAY - 2 * DAY, TODAY - 2 * DAY)
    stale = (tmp_path / "manifest.json").read_bytes()
    omni.export(tmp_path, TODAY - DAY, TODAY - DAY)
    (tmp_path / "manifest.json").write_bytes(stale)
    omni.export(tmp_path, TODAY - 2 * DAY, TODAY - 2 * DAY)
    assert [one.day for one in days(tmp_path)] == [TODAY - 2 * DAY, TODAY - DAY]


def test_a_limit_of_the_caller_is_no_reason_to_read_again(omni: FakeOmni, tmp_path: Path) -> None:
    omni.breaks_with = grpc.StatusCode.DEADLINE_EXCEEDED
    omni.breaks[TODAY - DAY] = [1]
    with pytest.raises(DeadlineExceededError):
        omni.export(tmp_path, timeout=5.0)
    assert omni.pauses == []


def test_an_export_that_is_closed_on_its_way_leaves_no_half_file(
    omni: FakeOmni, tmp_path: Path
) -> None:
    class Stopped(BaseException):
        pass

    def stop(_: Progress) -> None:
        raise Stopped

    with contextlib.suppress(Stopped):
        omni.export(tmp_path, on_progress=stop)
    assert not list(tmp_path.glob(".*"))


def test_two_runs_of_one_log_give_the_same_bytes(omni: FakeOmni, tmp_path: Path) -> None:
    for kind, compression in [("jsonl", "gzip"), ("jsonl", "zstd"), ("parquet", "zstd")]:
        made = []
        for run in ("one", "two"):
            directory = tmp_path / kind / compression / run
            omni.export(
                directory, end=TODAY - DAY, format=kind, compression=compression, timeout=None
            )
            made.append(content(directory))
        assert made[0] == made[1]
        assert json.loads(made[0]["manifest.json"])["days"][0]["events"] == 3
        assert issubclass(StorageError, OmniError)

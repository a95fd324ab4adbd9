"""What a daemon outlives and what ends it: outages, gaps, a replaced log, odd lines."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import grpc
import pytest
from daemons import ENDPOINT, NOON, Log, Stream, away, copy_to_files, line, written

from omni_api.audit import MalformedEvent
from omni_api.audit._daemon import reading
from omni_api.audit._daemon.checkpoint import load
from omni_api.audit._daemon.metrics import Status, readings
from omni_api.audit._daemon.reading import Arrival, Ended, Reader
from omni_api.audit._daemon.sinks import Line
from omni_api.audit._daemon.start import Start, start_from
from omni_api.errors import (
    ConfigurationError,
    InvalidInputError,
    MissingEventsError,
    PermissionDeniedError,
    UnimplementedError,
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "waits", lambda: iter([0.001] * 100))


def gap(first: int, last: int | None, checkpoint: int | None) -> MissingEventsError:
    return MissingEventsError("gone", first_id=first, last_id=last, checkpoint=checkpoint)


def checkpoint_of(directory: Path) -> int:
    found = load(directory / "checkpoint.json", ENDPOINT)
    assert found is not None
    return found.id


def test_an_outage_is_outlived_and_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log([line(1), away("connection lost"), line(2)])
    log.lines[1:1] = [away("connection lost")] * 3
    with caplog.at_level(logging.INFO, "omni_api"):
        status = copy_to_files(log, tmp_path)
    assert len(written(tmp_path)) == 2
    assert [follow[1] for follow in log.follows] == [None, 1, 1, 1, 1]
    assert status.reconnects() == 4
    assert status.outage == ""
    assert "next try in" in caplog.text
    assert "following behind event 1" in caplog.text


def test_the_count_of_reconnects_never_falls() -> None:
    seen: list[int] = []

    class Watched(Reader):
        """Looks at the count whenever anything changes, as a scrape might."""

        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if hasattr(self, "_thread"):
                seen.append(self._count())

    class Busy(Log):
        def follow(self, *args: Any, **options: Any) -> Stream:
            stream = super().follow(*args, **options)
            stream.reconnects = 3
            return stream

    omni: Any = Busy([line(1), away("connection lost"), line(2)])
    ended: SimpleQueue[Arrival] = SimpleQueue()
    reader = Watched(
        omni, Start(since="oldest"), stop_at_gaps=False, status=Status(), hand=ended.put
    )
    reader.start()
    while not isinstance(ended.get(timeout=5), Ended):
        pass
    reader.stop()
    assert seen == sorted(seen)
    assert seen[-1] == 7


def test_the_age_of_the_last_event_is_known_before_the_next_one_comes(tmp_path: Path) -> None:
    copy_to_files(Log([line(1)]), tmp_path)
    again = copy_to_files(Log([]), tmp_path)
    assert again.last_time == line(1).time
    lag = {name: value for _, name, _, value in readings(again, NOON + timedelta(minutes=3), 0.0)}
    assert lag["lag_seconds"] == 120


def test_what_is_read_ahead_is_limited_in_bytes() -> None:
    wide = [Line(id_, b"x" * (1 << 20) + b"\n", NOON) for id_ in range(1, 40)]
    omni: Any = Log([*wide])
    inbox: SimpleQueue[Arrival] = SimpleQueue()
    ahead: list[int] = []

    def hand(arrival: Arrival) -> None:
        inbox.put(arrival)
        ahead.append(reader._ahead)

    reader = Reader(omni, Start(since="oldest"), stop_at_gaps=False, status=Status(), hand=hand)
    reader.start()
    taken = []
    while not isinstance(arrival := inbox.get(timeout=5), Ended):
        if isinstance(arrival, Line):
            taken.append(arrival)
            reader.done(arrival)
    reader.stop()
    assert taken == wide
    assert max(ahead) < reading.AHEAD + len(wide[0].raw)


def test_a_server_that_is_away_at_the_start_is_waited_for(tmp_path: Path) -> None:
    log = Log([ConnectionError("refused"), ConnectionError("refused"), line(1)])
    status = copy_to_files(log, tmp_path)
    assert len(written(tmp_path)) == 1
    assert [follow[0] for follow in log.follows] == ["oldest"] * 3
    assert status.reconnects() == 0


@pytest.mark.parametrize("kind", [PermissionDeniedError, UnimplementedError])
def test_a_refusal_ends_it_with_what_came_before_in_the_output(tmp_path: Path, kind: Any) -> None:
    refusal = kind("no", code=grpc.StatusCode.PERMISSION_DENIED, method="/m.S/ReadAuditLog")
    with pytest.raises(kind):
        copy_to_files(Log([line(1), refusal, line(2)]), tmp_path)
    assert len(written(tmp_path)) == 1
    assert checkpoint_of(tmp_path) == 1


def test_events_that_are_gone_are_counted_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log([line(1), gap(2, 8, 8), line(9)])
    status = copy_to_files(log, tmp_path)
    assert [one[-3:] for one in written(tmp_path)] == [":1}", ":9}"]
    assert status.missing == 7
    assert log.follows[-1] == (None, 8)
    assert "gone" in caplog.text


def test_events_that_are_gone_end_it_where_that_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(MissingEventsError):
        copy_to_files(Log([line(1), gap(2, 8, 8), line(9)]), tmp_path, stop_at_gaps=True)
    assert checkpoint_of(tmp_path) == 1


def test_a_log_that_was_replaced_is_gone_on_with_from_the_time_of_the_last_event(
    tmp_path: Path,
) -> None:
    copy_to_files(Log([line(40)]), tmp_path)
    new = Log([gap(41, None, None), line(3, after=timedelta(days=1))])
    copy_to_files(new, tmp_path)
    assert new.follows == [(None, 40), (line(40).time, None)]
    assert len(written(tmp_path)) == 2
    assert checkpoint_of(tmp_path) == 3


def test_a_log_that_was_replaced_before_any_event_came_is_read_whole(tmp_path: Path) -> None:
    log = Log([gap(41, None, None), line(3)])
    copy_to_files(log, tmp_path, start=Start(checkpoint=40))
    assert log.follows[-1] == ("oldest", None)


@pytest.mark.parametrize(
    ("missing", "words"),
    [(gap(41, None, None), "the log ends before it"), (gap(41, 49, 49), "that it has is 50")],
)
@pytest.mark.parametrize("stop_at_gaps", [False, True])
def test_an_id_to_start_with_that_is_not_there_is_a_mistake(
    tmp_path: Path, missing: MissingEventsError, words: str, *, stop_at_gaps: bool
) -> None:
    log = Log([missing, line(50)])
    with pytest.raises(ConfigurationError, match=rf"--start 41: .* {words}"):
        copy_to_files(log, tmp_path, start=Start(wanted=41), stop_at_gaps=stop_at_gaps)
    assert list(tmp_path.iterdir()) == []


def test_after_the_event_that_it_started_with_a_gap_is_a_gap(tmp_path: Path) -> None:
    log = Log([line(41), gap(42, 49, 49), line(50)])
    status = copy_to_files(log, tmp_path, start=Start(wanted=41))
    assert log.follows == [(None, 40), (None, 49)]
    assert (status.missing, checkpoint_of(tmp_path)) == (8, 50)


def test_lines_that_are_no_event_are_copied_counted_and_never_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = MalformedEvent(position=2, id=2, raw=b"join-token-w7Yx", reason="it is not JSON")
    status = copy_to_files(Log([line(1), bad, line(3)]), tmp_path)
    assert written(tmp_path)[1] == "join-token-w7Yx"
    assert (status.malformed, status.events) == (1, 3)
    assert "line 2 is no event: it is not JSON" in caplog.text
    assert "w7Yx" not in caplog.text


def test_the_position_is_kept_before_any_event_comes(tmp_path: Path) -> None:
    copy_to_files(Log([]), tmp_path)
    assert checkpoint_of(tmp_path) == 0
    assert list(tmp_path.glob("*.jsonl")) == []


MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("now", Start()),
        ("oldest", Start(since="oldest")),
        ("1", Start(wanted=1)),
        ("815", Start(wanted=815)),
        ("2026-11-24", Start(since=MIDNIGHT)),
        ("2026-11-24T12:00:00Z", Start(since=NOON)),
        (
            "2026-11-24T12:00:00.5+01:00",
            Start(
                since=MIDNIGHT.replace(tzinfo=timezone(timedelta(hours=1)))
                + timedelta(hours=12, seconds=0.5)
            ),
        ),
    ],
)
def test_a_start_has_many_forms(text: str, start: Start) -> None:
    assert start_from(text) == start


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "yesterday", "2026-11-31", "2026-11-24T12:00:00", str(2**63), "٣"]
)
def test_other_forms_of_a_start_are_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInputError, match="--start must be now, oldest"):
        start_from(text)

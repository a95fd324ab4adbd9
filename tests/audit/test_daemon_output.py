"""Where a daemon puts its lines: files that are rotated and kept, pipes, and the checkpoint."""

from __future__ import annotations

import errno
import os
import select
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from daemons import ENDPOINT, NOON, Log, copy, copy_to_files, line, written

from omni_api.audit._daemon.checkpoint import (
    Checkpoint,
    CheckpointError,
    from_json,
    load,
    save,
    to_json,
)
from omni_api.audit._daemon.names import outdated
from omni_api.audit._daemon.rotation import Files
from omni_api.audit._daemon.sinks import Line, StandardOutput
from omni_api.errors import ConfigurationError, StorageError

# ---- Files --------------------------------------------------------------------------------------


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.jsonl"))


def test_lines_are_written_byte_for_byte(tmp_path: Path) -> None:
    raw = '{"event_ts":1,"odd": "\\u00e9 é\\r" }\n'.encode()
    copy_to_files(Log([Line(7, raw, NOON)]), tmp_path)
    assert (tmp_path / "audit-log-20261124T120000Z-7.jsonl").read_bytes() == raw


def test_a_new_file_begins_with_each_day_of_events(tmp_path: Path) -> None:
    days = [line(id_, after=timedelta(days=id_ // 2)) for id_ in range(1, 5)]
    late = line(5)  # of the first day: a file never goes back
    copy_to_files(Log([*days, late]), tmp_path)
    assert names(tmp_path) == [
        "audit-log-20261124T120100Z-1.jsonl",
        "audit-log-20261125T120200Z-2.jsonl",
        "audit-log-20261126T120400Z-4.jsonl",
    ]
    assert [path.read_bytes().count(b"\n") for path in sorted(tmp_path.glob("*.jsonl"))] == [
        1,
        2,
        2,
    ]


def test_an_event_of_a_clock_that_was_never_set_does_not_stop_the_copy(tmp_path: Path) -> None:
    early = Line(1, b"{}\n", datetime(7, 1, 2, 3, 4, 5, tzinfo=UTC))
    for _ in range(2):
        copy_to_files(Log([early, line(2)]), tmp_path)
    assert names(tmp_path) == [
        "audit-log-00070102T030405Z-1.jsonl",
        "audit-log-20261124T120200Z-2.jsonl",
    ]
    assert len(written(tmp_path)) == 2


def test_a_new_file_begins_before_a_line_that_would_be_too_much(tmp_path: Path) -> None:
    size = len(line(1).raw)
    long_one = Line(3, b"x" * 5 * size + b"\n", NOON)
    copy_to_files(Log([line(1), line(2), long_one, line(4)]), tmp_path, most=2 * size)
    sizes = [(tmp_path / name).stat().st_size for name in names(tmp_path)]
    assert sorted(sizes) == sorted([2 * size, 5 * size + 1, size])


def test_a_restart_goes_on_in_the_same_file(tmp_path: Path) -> None:
    copy_to_files(Log([line(1)]), tmp_path)
    copy_to_files(Log([line(1), line(2)]), tmp_path)
    assert names(tmp_path) == ["audit-log-20261124T120100Z-1.jsonl"]
    assert len(written(tmp_path)) == 2


def test_a_file_that_was_taken_away_or_cut_is_not_gone_on_with(tmp_path: Path) -> None:
    copy_to_files(Log([line(1)]), tmp_path)
    (tmp_path / names(tmp_path)[0]).write_bytes(b"")
    copy_to_files(Log([line(1), line(2)]), tmp_path)
    (tmp_path / names(tmp_path)[1]).unlink()
    copy_to_files(Log([line(1), line(2), line(3)]), tmp_path)
    assert names(tmp_path) == [
        "audit-log-20261124T120100Z-1.jsonl",
        "audit-log-20261124T120300Z-3.jsonl",
    ]


def test_only_the_owner_can_read_what_is_written(tmp_path: Path) -> None:
    directory = tmp_path / "logs" / "omni"
    copy_to_files(Log([line(1)]), directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_two_daemons_do_not_share_a_directory(tmp_path: Path) -> None:
    first = Files(tmp_path, most=100)
    with pytest.raises(ConfigurationError, match="another daemon writes to"):
        Files(tmp_path, most=100)
    first.close()
    Files(tmp_path, most=100).close()


def test_files_without_their_checkpoint_are_not_written_over(tmp_path: Path) -> None:
    copy_to_files(Log([line(1)]), tmp_path)
    (tmp_path / "checkpoint.json").unlink()
    with pytest.raises(ConfigurationError, match="no checkpoint of it"):
        copy_to_files(Log([line(1)]), tmp_path)
    assert len(written(tmp_path)) == 1


def test_an_old_copy_of_a_checkpoint_does_not_bring_events_twice(tmp_path: Path) -> None:
    size = len(line(1).raw)
    copy_to_files(Log([line(id_) for id_ in range(1, 3)]), tmp_path, most=2 * size)
    old = (tmp_path / "checkpoint.json").read_bytes()
    copy_to_files(Log([line(id_) for id_ in range(1, 7)]), tmp_path, most=2 * size)
    (tmp_path / "checkpoint.json").write_bytes(old)
    with pytest.raises(ConfigurationError, match=r"older than audit-log-\S+-3\.jsonl"):
        copy_to_files(Log([line(id_) for id_ in range(1, 7)]), tmp_path, most=2 * size)
    assert len(written(tmp_path)) == 6


OLD = [f"audit-log-202611{day:02}T000000Z-{day}.jsonl" for day in range(1, 21)]


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        ({}, []),
        ({"keep_files": 3}, OLD[:17]),
        ({"keep_files": 1}, OLD[:19]),
        ({"keep_days": 18}, OLD[:1]),
        ({"keep_days": 1}, OLD[:18]),
        ({"keep_days": 1, "keep_files": 1}, OLD[:19]),
        ({"keep_files": 100}, []),
    ],
)
def test_the_oldest_files_go(options: dict[str, int], gone: list[str]) -> None:
    kept = {"keep_files": None, "keep_days": None} | options
    assert outdated(reversed(OLD), OLD[-1], date(2026, 11, 20), **kept) == gone


def test_an_event_of_a_clock_that_ran_ahead_makes_no_file_old() -> None:
    ahead = "audit-log-20271224T000000Z-21.jsonl"
    old = outdated([*OLD, ahead], ahead, date(2026, 11, 20), keep_files=None, keep_days=18)
    assert old == OLD[:1]


def test_files_of_one_second_are_ordered_by_their_ids() -> None:
    files = [f"audit-log-20261124T000000Z-{id_}.jsonl" for id_ in (9, 10, 100)]
    assert outdated(files, files[-1], NOON.date(), keep_files=2, keep_days=None) == files[:1]


def test_old_files_are_removed_when_a_new_one_begins_and_others_are_left_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "audit-log-notes.jsonl").write_text("mine")
    sink = Files(tmp_path, most=1, keep_files=2)
    copy(Log([line(id_) for id_ in range(1, 6)]), sink)
    assert names(tmp_path) == [
        "audit-log-20261124T120400Z-4.jsonl",
        "audit-log-20261124T120500Z-5.jsonl",
        "audit-log-notes.jsonl",
    ]


# ---- Standard output ----------------------------------------------------------------------------


def test_a_slow_reader_of_a_pipe_gets_everything(tmp_path: Path) -> None:
    out, into = os.pipe()
    received = bytearray()

    def read() -> None:
        while data := os.read(out, 1000):
            received.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    wide = [Line(id_, b"x" * 5_000 + b"\n", NOON) for id_ in range(1, 400)]
    copy(Log([*wide]), StandardOutput(into), checkpoint=tmp_path / "c")
    os.close(into)
    reader.join(5)
    os.close(out)
    assert received == b"".join(one.raw for one in wide)
    assert from_json((tmp_path / "c").read_bytes()).id == 399


def test_standard_output_that_is_a_file_is_synced_before_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(descriptor))
    into = os.open(tmp_path / "out.jsonl", os.O_WRONLY | os.O_CREAT)
    copy(Log([line(1)]), StandardOutput(into), checkpoint=tmp_path / "c")
    os.close(into)
    assert (tmp_path / "out.jsonl").read_bytes() == line(1).raw
    assert synced[-3] == into  # then the checkpoint, and its directory


def test_a_reader_that_has_gone_ends_the_daemon_behind_its_checkpoint(tmp_path: Path) -> None:
    out, into = os.pipe()
    copy(Log([line(1)]), StandardOutput(into), checkpoint=tmp_path / "c")
    os.close(out)
    with pytest.raises(StorageError, match="cannot write to standard output: Broken pipe"):
        copy(Log([line(1), line(2)]), StandardOutput(into), checkpoint=tmp_path / "c")
    os.close(into)
    assert from_json((tmp_path / "c").read_bytes()).id <= 1


def test_a_reader_that_reads_no_more_does_not_keep_the_daemon_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(select, "select", lambda *_: ([], [], []))
    sink = StandardOutput(1)
    sink.write(line(1))
    sink.hurry()
    with pytest.raises(TimeoutError) as caught:
        sink.sync()
    assert caught.value.errno == errno.ETIMEDOUT


# ---- The checkpoint -----------------------------------------------------------------------------

FULL = Checkpoint(
    endpoint=ENDPOINT,
    id=17,
    time=datetime(2026, 11, 24, 8, 1, 2, 345_000, UTC),
    file="audit-log-20261124T080102Z-17.jsonl",
    length=1234,
)


@pytest.mark.parametrize("checkpoint", [FULL, Checkpoint(endpoint=ENDPOINT, id=0)])
def test_a_checkpoint_comes_back_as_it_was(checkpoint: Checkpoint, tmp_path: Path) -> None:
    assert from_json(to_json(checkpoint)) == checkpoint
    save(tmp_path / "c", FULL)
    save(tmp_path / "c", checkpoint)
    assert load(tmp_path / "c", ENDPOINT) == checkpoint
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_without_a_file_there_is_no_checkpoint(tmp_path: Path) -> None:
    assert load(tmp_path / "c", ENDPOINT) is None


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\x00" * 100,
        b"[]",
        b"{}",
        to_json(FULL)[:-20],
        to_json(FULL).replace(b"17,", b'"17",'),
        to_json(FULL).replace(b"17,", b"-1,"),
        to_json(FULL).replace(b"17,", b"true,"),
        to_json(FULL).replace(b"1234", b"9223372036854775808"),
        to_json(FULL).replace(b"audit-log", b"../audit-log"),
        to_json(FULL).replace(b"2026-11-24", b"2026-13-24"),
        to_json(FULL).replace(b'"grpc://127.0.0.1:1"', b"null"),
    ],
)
def test_a_damaged_checkpoint_is_an_error_and_no_new_start(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(damage)
    with pytest.raises(CheckpointError, match="is damaged"):
        load(tmp_path / "c", ENDPOINT)


def test_a_checkpoint_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot read the checkpoint"):
        load(tmp_path, ENDPOINT)


def test_the_checkpoint_of_another_server_is_taken_only_when_forced(tmp_path: Path) -> None:
    save(tmp_path / "c", FULL)
    with pytest.raises(CheckpointError, match=r"belongs to grpc://127\.0\.0\.1:1, not to https"):
        load(tmp_path / "c", "https://omni.example.com")
    found = load(tmp_path / "c", "https://omni.example.com", any_endpoint=True)
    assert found is not None
    assert (found.id, found.endpoint) == (17, "https://omni.example.com")

"""The audit log on disk, through both clients and a server that speaks gRPC."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import attrs
import fsspec
import pytest
import zstandard

import omni_api_async
from omni_api import (
    CallError,
    InvalidInputError,
    MissingLibraryError,
    PermissionDeniedError,
    Progress,
    StorageError,
    UnsentError,
)
from omni_api.audit._export import manifest as _manifest
from omni_api.audit._export import steps
from omni_api.simulator import Simulator

DAY = timedelta(days=1)


def day(back: int) -> date:
    """A day before the server's today."""
    return datetime.now(UTC).date() - back * DAY


def ms(one: date, hour: int = 0, minute: int = 0) -> int:
    return int(datetime.combine(one, time(hour, minute), UTC).timestamp() * 1000)


@pytest.fixture
def omni(omni: Any, simulator: Simulator) -> Any:
    """An Omni that was busy in the three days before today; it is past noon."""
    noon = datetime.combine(day(0), time(13), UTC)
    simulator.set_time(noon)
    driver = omni._driver
    driver.session = attrs.evolve(driver.session, now=lambda: simulator.now)
    for back in (4, 3, 2):
        for hour in range(24):
            simulator.state.audit.record(
                None,
                "create",
                resource_type="Identities.omni.sidero.dev",
                resource_id=f"{back}-{hour}@example.org",
                at_ms=ms(day(back), hour, 7) + 1,
            )
    return omni


def read(omni: Any, one: date) -> bytes:
    with omni.audit_log.read(one, one) as found:
        return b"".join(line.audit_log for line in found)


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": gzip.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


@pytest.mark.parametrize("compression", UNPACK)
def test_a_file_holds_what_the_server_sends_of_its_day(
    omni: Any, tmp_path: Path, compression: str
) -> None:
    result = omni.audit_log.export(tmp_path, day(4), day(2), compression=compression)
    assert [one.day for one in result.days] == [day(4), day(3), day(2)]
    assert result.written == (day(4), day(3), day(2))
    for one in result.days:
        data = (tmp_path / one.file).read_bytes()
        assert UNPACK[compression](data) == read(omni, one.day)
        assert (one.bytes, one.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert (one.events, one.malformed, one.complete) == (24, 0, True)


def test_a_table_holds_the_same_lines(omni: Any, tmp_path: Path) -> None:
    import pyarrow.parquet

    omni.audit_log.export(tmp_path, day(3), day(3), format="parquet", compression="zstd")
    table = pyarrow.parquet.read_table(tmp_path / f"audit-log-{day(3)}.parquet")
    lines = "".join(f"{line}\n" for line in table["raw"].to_pylist())
    assert lines.encode() == read(omni, day(3))


def test_what_is_complete_is_not_read_again(
    omni: Any, simulator: Simulator, tmp_path: Path
) -> None:
    first = omni.audit_log.export(tmp_path)
    before = content(tmp_path)
    assert [one.complete for one in first.days] == [True] * 4 + [False]
    simulator.forget_calls()
    second = omni.audit_log.export(tmp_path)
    assert second.written == (day(0),)
    assert second.skipped == tuple(one.day for one in first.days[:-1])
    asked = {(call.request.start_time, call.request.end_time) for call in simulator.calls}
    assert (str(day(0)), str(day(-1))) in asked
    assert not {str(day(back)) for back in range(1, 5)} & {start for start, _ in asked}
    changed = {name for name, data in content(tmp_path).items() if before[name] != data}
    assert changed == {
        f"audit-log-{day(0)}.jsonl",
        f"audit-log-{day(0)}.manifest.json",
        "manifest.json",
    }


def test_the_manifest_of_all_lists_every_day_in_order(omni: Any, tmp_path: Path) -> None:
    omni.audit_log.export(tmp_path, day(2), day(2))
    omni.audit_log.export(tmp_path, day(4), day(3))
    manifest = _manifest.from_manifest((tmp_path / "manifest.json").read_bytes())
    assert [one.day for one in manifest] == [day(4), day(3), day(2)]


def test_an_event_of_midnight_is_in_one_file(
    omni: Any, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.state.audit.record(
        None, "destroy", resource_id="midnight@example.org", at_ms=ms(day(2))
    )
    omni.audit_log.export(tmp_path, day(4), day(2))
    with_it = [path.name for path in tmp_path.iterdir() if b"midnight@" in path.read_bytes()]
    assert with_it == [f"audit-log-{day(2)}.jsonl"]


def test_what_the_server_removes_later_stays(
    omni: Any, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.state.audit.record(None, "create", resource_id="early", at_ms=ms(day(0), 2))
    before = omni.audit_log.export(tmp_path).days[-1]
    assert (before.day, before.complete) == (day(0), False)
    kept = (tmp_path / before.file).read_bytes()
    simulator.state.audit.record(None, "create", resource_id="late", at_ms=ms(day(0), 20))
    today = day(0)
    simulator.set_time(datetime.combine(today, time(15), UTC) + 30 * DAY)
    after = omni.audit_log.export(tmp_path, today, today).days[-1]
    assert after.complete
    data = (tmp_path / after.file).read_bytes()
    assert data.startswith(kept)
    assert data.count(b"early") == data.count(b"late") == 1
    assert b"early" not in read(omni, today)


@pytest.mark.parametrize("times", [1, 2])
def test_a_stream_that_breaks_is_read_again(
    omni: Any,
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    times: int,
) -> None:
    monkeypatch.setattr(steps, "_PAUSES", (0.001, 0.001))
    simulator.break_stream("ReadAuditLog", after=5, times=times)
    result = omni.audit_log.export(tmp_path, day(3), day(3))
    assert (tmp_path / result.days[0].file).read_bytes() == read(omni, day(3))
    assert not list(tmp_path.glob(".*"))


def test_a_stream_that_goes_on_breaking_leaves_the_days_before(
    omni: Any, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_PAUSES", (0.001, 0.001))
    omni.audit_log.export(tmp_path, day(4), day(4))
    simulator.break_stream("ReadAuditLog", after=5, times=None)
    with pytest.raises(CallError) as caught:
        omni.audit_log.export(tmp_path, day(4), day(2))
    assert caught.value.chunks == 5
    simulator.clear_faults()
    manifest = _manifest.from_manifest((tmp_path / "manifest.json").read_bytes())
    assert [one.day for one in manifest] == [day(4)]
    assert omni.audit_log.export(tmp_path, day(4), day(2)).written == (day(3), day(2))


def test_a_url_is_exported_to_as_a_directory_is(omni: Any, tmp_path: Path) -> None:
    url = "memory://exports/audit"
    local = omni.audit_log.export(tmp_path, day(4), day(2), compression="gzip")
    try:
        remote = omni.audit_log.export(url, day(4), day(2), compression="gzip", storage_options={})
        again = omni.audit_log.export(url, day(4), day(2), compression="gzip")
        found = fsspec.filesystem("memory").cat("/exports/audit/*")
    finally:
        fsspec.filesystem("memory").rm("/exports", recursive=True)
    assert remote == local
    assert again.written == ()
    assert {name.rpartition("/")[2]: data for name, data in found.items()} == content(tmp_path)


def test_progress_is_told_day_by_day(omni: Any, tmp_path: Path) -> None:
    told: list[Progress] = []
    omni.audit_log.export(tmp_path, day(4), day(2), on_progress=told.append)
    assert told[-1].finished
    days, events = told[-1].parts
    assert (days.name, days.done, days.total) == ("days", 3, 3)
    assert (events.name, events.done, events.errors) == ("events", 72, 0)
    assert f"{day(3)}: 24 events, done" in [one.latest for one in told]


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("2026-11-1",), {}, "YYYY-MM-DD"),
        (("2026-11-02", "2026-11-01"), {}, "is after"),
        (("2026-11-02", date.max), {}, "last day of the calendar"),
        ((), {"format": "csv"}, '"jsonl" or "parquet"'),
        ((), {"compression": "zip"}, '"gzip"'),
        ((), {"compression": None}, '"gzip"'),
        ((), {"timeout": -1.0}, "timeout"),
        ((), {"storage_options": {"key": "x"}}, "URLs"),
    ],
)
def test_what_is_malformed_is_refused_before_anything_is_sent(  # noqa: PLR0917
    omni: Any,
    simulator: Simulator,
    tmp_path: Path,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    words: str,
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        omni.audit_log.export(tmp_path / "audit", *arguments, **options)
    assert simulator.calls == []
    assert not (tmp_path / "audit").exists()


def test_a_place_that_cannot_be_written_to_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnsentError, match="file/audit is no directory"):
        omni.audit_log.export(tmp_path / "file" / "audit")
    assert simulator.calls == []


@pytest.mark.parametrize(
    ("module", "options", "extra"),
    [
        ("zstandard", {"compression": "zstd"}, "zstd"),
        ("pyarrow", {"format": "parquet"}, "parquet"),
    ],
)
def test_a_missing_library_is_named_before_anything_is_sent(  # noqa: PLR0917
    omni: Any,
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    options: dict[str, Any],
    extra: str,
) -> None:
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingLibraryError, match=rf"\[{extra}\]"):
        omni.audit_log.export(tmp_path, **options)
    assert simulator.calls == []


def test_a_cancelled_task_leaves_no_half_file(simulator: Simulator, tmp_path: Path) -> None:
    for number in range(3_000):
        simulator.state.audit.record(None, "create", resource_id="r", at_ms=ms(day(3), 1) + number)

    async def body() -> None:
        async with omni_api_async.OmniClient.from_env(environ=simulator.environment()) as omni:
            task = asyncio.current_task()
            assert task is not None

            def cancel(progress: Progress) -> None:
                if f"{day(3)}" in progress.latest:
                    task.cancel()

            await omni.audit_log.export(tmp_path, on_progress=cancel)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(body())
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
    assert not (tmp_path / "manifest.json").exists()


def test_a_role_that_may_not_read_the_log_exports_nothing(
    as_role: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(PermissionDeniedError):
        as_role("Operator").audit_log.export(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_says_how_far_it_came_and_keeps_the_days_before(
    omni: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    omni.audit_log.export(tmp_path, day(4), day(4))
    before = content(tmp_path)

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("os.fsync", no_space)
        with pytest.raises(StorageError) as caught:
            omni.audit_log.export(tmp_path, day(4), day(2))
    assert f"audit-log-{day(3)}.jsonl: No space left on device" in str(caught.value)
    assert f"{day(3)}, after 24 events" in str(caught.value)
    assert content(tmp_path) == before

"""An export answers questions: in SQL, and those that are asked every week."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import fsspec
import pytest
from audit_exports import BROKEN, FIRST, a_day, event, several_clusters, write_day
from hypothesis import HealthCheck, settings
from laws import given, st

from omni_api import (
    ExportError,
    InvalidInputError,
    MalformedEventError,
    MissingLibraryError,
    StorageError,
)
from omni_api.audit import AuditExport, EventTable, MalformedEvent
from omni_api.audit._tables.arrow import schema, to_table
from omni_api.audit._tables.columns import NAMES

FORMATS: list[tuple[Literal["jsonl", "parquet"], Literal["", "gzip", "zstd"]]] = [
    ("jsonl", ""),
    ("jsonl", "gzip"),
    ("jsonl", "zstd"),
    ("parquet", ""),
]
EVERYTHING = "SELECT * FROM events"


def kinds(table: EventTable) -> list[object]:
    """The kinds of the events of a table, in its order."""
    return [row["event_type"] for row in table]


@pytest.fixture
def mixed(tmp_path: Path) -> AuditExport:
    """An export of five days, each in another format, the last one with nothing."""
    for number, (kind, compression) in enumerate(FORMATS):
        write_day(tmp_path, number, a_day(number), kind=kind, compression=compression)
    write_day(tmp_path, 4, [], compression="gzip")
    return AuditExport(tmp_path)


def test_all_formats_make_one_view_in_the_order_of_time(mixed: AuditExport) -> None:
    expected = to_table([line for number in range(4) for line in a_day(number)])
    found = mixed.query(EVERYTHING)
    assert found.columns == NAMES
    assert found.arrow.cast(schema()).equals(expected)


def test_the_view_can_be_asked_more_than_once_in_a_query(mixed: AuditExport) -> None:
    sql = "SELECT count(*) AS n FROM events a JOIN events b ON a.raw = b.raw"
    assert list(mixed.query(sql)) == [{"n": 24}]


@pytest.mark.parametrize(("kind", "compression"), FORMATS)
def test_broken_lines_are_rows_with_their_text_alone(
    tmp_path: Path,
    kind: Literal["jsonl", "parquet"],
    compression: Literal["", "gzip", "zstd"],
) -> None:
    lines = [*a_day(0), *BROKEN, *a_day(0)]
    write_day(tmp_path, 0, lines, kind=kind, compression=compression, malformed=len(BROKEN))
    assert AuditExport(tmp_path).query(EVERYTHING).arrow.cast(schema()).equals(to_table(lines))


@pytest.mark.parametrize(
    "line",
    [
        b'{"event_ts":1.0}\n',
        b'{"event_ts":1e3}\n',
        b'{"event_ts":"1"}\n',
        b'{"event_ts":true}\n',
        b'{"event_ts":99999999999999999999}\n',
        b'{"event_ts":253402300800000}\n',
        b'{"event_ts":-62135596800000}\n',
        b'{"event_ts":1,"resource_id":5}\n',
        b'{"event_ts":1,"resource_id":""}\n',
        b'{"event_ts":1,"resource_id":"say \\"\\u00e4\\u0000\\", \\\\"}\n',
        b'{"event_ts":1,"event_data":[]}\n',
        b'{"event_ts":1,"event_data":{"cluster":{"id":""},"k8s_access":{"cluster_name":"c"}}}\n',
        several_clusters("update", "MachineSets.omni.sidero.dev"),
        several_clusters("k8s_access", ""),
        several_clusters("create", "Machines.omni.sidero.dev"),
        b'{"event_ts":1}{"event_ts":2}\n',
        b'[{"event_ts":1}]\n',
        b"plain, text; with\tseparators|\n",
        b'"quoted"\n',
    ],
)
def test_sql_and_tables_read_a_line_alike(tmp_path: Path, line: bytes) -> None:
    write_day(tmp_path, 0, [line, *a_day(0)])
    found = AuditExport(tmp_path).query(EVERYTHING)
    assert found.arrow.cast(schema()).equals(to_table([line, *a_day(0)]))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(), min_size=1, max_size=20))
def test_every_text_comes_back_as_it_was(tmp_path: Path, texts: list[str]) -> None:
    lines = [event("update", 1, resource=(text, text)) for text in texts]
    write_day(tmp_path, 0, lines)
    found = AuditExport(tmp_path).query("SELECT resource_id FROM events")
    assert [row["resource_id"] for row in found] == [text or None for text in texts]


def test_a_large_event_is_read_whole(tmp_path: Path) -> None:
    patch = "x" * 5_000_000
    write_day(tmp_path, 0, [event("update", 1, {"config_patch": {"data": patch}}), *a_day(0)])
    found = AuditExport(tmp_path).query("SELECT max(length(raw)) > 5000000 AS whole FROM events")
    assert list(found) == [{"whole": True}]


def test_an_export_of_quiet_days_has_no_rows(tmp_path: Path) -> None:
    write_day(tmp_path, 0, [])
    found = AuditExport(tmp_path).query(EVERYTHING)
    assert (len(found), found.columns) == (0, NAMES)


@pytest.mark.parametrize("name", ["with [brackets]", "what?", "st*r", "o'clock"])
def test_a_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    directory = tmp_path / name
    directory.mkdir()
    write_day(directory, 0, a_day(0), compression="gzip")
    assert len(AuditExport(str(directory)).query(EVERYTHING)) == 6


def test_an_export_in_a_bucket_is_asked_alike(mixed: AuditExport, tmp_path: Path) -> None:
    bucket = fsspec.filesystem("memory")
    bucket.put(f"{tmp_path}/", "/audit-questions/", recursive=True)
    try:
        remote = AuditExport("memory://audit-questions")
        assert remote.days == mixed.days
        assert remote.verify() == ()
        assert list(remote.lines()) == list(mixed.lines())
        assert list(remote.query(EVERYTHING)) == list(mixed.query(EVERYTHING))
    finally:
        bucket.rm("/audit-questions", recursive=True)


# ---- The questions -----------------------------------------------------------------------------


def test_who_touched_a_cluster_leaves_out_who_read_its_log(mixed: AuditExport) -> None:
    assert kinds(mixed.who_touched("prod")) == ["update", "k8s_access"] * 4
    assert kinds(mixed.who_touched("lab", FIRST + timedelta(days=3))) == ["talos_access", "destroy"]


def test_what_an_account_did_is_all_that_it_caused(mixed: AuditExport) -> None:
    assert [row["resource_id"] for row in mixed.what_did("bo@example.org")] == [
        f"t{number}" for number in range(4)
    ]


@pytest.mark.parametrize(
    ("logged", "asked"),
    [
        ("ci@serviceaccount.omni.sidero.dev", "ci"),
        ("aws@infra-provider.serviceaccount.omni.sidero.dev", "infra-provider:aws"),
        ("ana@example.org", "Ana@Example.org"),
    ],
)
def test_an_account_is_found_by_the_name_that_people_give_it(
    tmp_path: Path, logged: str, asked: str
) -> None:
    start = int(FIRST.timestamp() * 1000)
    write_day(tmp_path, 0, [event("create", start, actor=logged), event("create", start, actor="")])
    assert [row["actor"] for row in AuditExport(tmp_path).what_did(asked)] == [logged]


def test_an_account_without_name_is_refused(mixed: AuditExport) -> None:
    with pytest.raises(InvalidInputError, match="actor must be"):
        mixed.what_did("")


def test_changes_are_what_is_no_access_and_end_before_until(mixed: AuditExport) -> None:
    night = FIRST + timedelta(days=1)
    assert kinds(mixed.changes(night, night + timedelta(days=1))) == ["update", "create", "destroy"]
    begin = night + timedelta(hours=1)
    assert kinds(mixed.changes(begin, begin + timedelta(milliseconds=3))) == ["update"]
    assert len(mixed.changes(night)) == 9


def test_days_that_were_over_are_not_opened(mixed: AuditExport, tmp_path: Path) -> None:
    (tmp_path / mixed.days[0].file).unlink()
    assert len(mixed.changes(FIRST + timedelta(days=1))) == 9


def test_an_answer_without_rows_has_its_columns(mixed: AuditExport) -> None:
    found = mixed.who_touched("prod", datetime(2100, 1, 1, tzinfo=UTC))
    assert (len(found), found.columns) == (0, NAMES)


@pytest.mark.parametrize(
    "ask",
    [
        lambda export, moment: export.who_touched("prod", moment),
        lambda export, moment: export.what_did("ana@example.org", moment),
        lambda export, moment: export.changes(moment),
        lambda export, moment: export.changes(FIRST, moment),
    ],
)
@pytest.mark.parametrize("moment", [datetime(2026, 11, 20), date(2026, 11, 20)])  # noqa: DTZ001
def test_a_moment_without_time_zone_is_refused(
    mixed: AuditExport, ask: Callable[[AuditExport, object], object], moment: object
) -> None:
    with pytest.raises(InvalidInputError, match=r"must be a datetime with a time zone"):
        ask(mixed, moment)


def test_what_is_asked_for_is_bound_and_not_run(mixed: AuditExport) -> None:
    assert len(mixed.who_touched("' OR true --")) == 0
    sql = "SELECT count(*) AS n FROM events WHERE actor = ?"
    assert list(mixed.query(sql, ["ana@example.org"])) == [{"n": 16}]
    assert list(mixed.query(sql.replace("?", "$who"), {"who": "bo@example.org"})) == [{"n": 4}]


# ---- Data frames -------------------------------------------------------------------------------


def test_an_answer_becomes_a_frame_of_pandas(mixed: AuditExport) -> None:
    frame = mixed.query(EVERYTHING).to_dataframe()
    assert frame["actor"].value_counts()["ana@example.org"] == 16
    assert {str(kind) for kind in frame.dtypes[1:]} == {"string[pyarrow]"}


def test_an_answer_becomes_a_frame_of_polars(mixed: AuditExport) -> None:
    frame = mixed.query(EVERYTHING).to_dataframe("polars")
    assert frame.filter(frame["actor"] == "bo@example.org").height == 4


def test_another_kind_of_frame_is_refused(mixed: AuditExport) -> None:
    with pytest.raises(InvalidInputError, match="pandas"):
        mixed.query(EVERYTHING).to_dataframe("spark")  # type: ignore[call-overload]


def test_an_answer_shows_no_events_and_can_be_pickled(mixed: AuditExport) -> None:
    found = mixed.what_did("bo@example.org")
    assert repr(found) == f"EventTable(4 rows: {', '.join(NAMES)})"
    assert list(pickle.loads(pickle.dumps(found))) == list(found)


# ---- What is there, and whether it is whole ----------------------------------------------------


def test_lines_come_as_they_are_in_the_files(tmp_path: Path) -> None:
    for number, (kind, compression) in enumerate(FORMATS):
        write_day(tmp_path, number, a_day(number), kind=kind, compression=compression)
    export = AuditExport(tmp_path)
    assert list(export.lines()) == [line for number in range(4) for line in a_day(number)]
    assert list(export.lines("2026-11-21", date(2026, 11, 22))) == [*a_day(1), *a_day(2)]
    with pytest.raises(InvalidInputError, match="is after"):
        export.lines("2026-11-22", "2026-11-21")


def test_events_are_what_the_columns_say(mixed: AuditExport) -> None:
    events = list(mixed.events())
    for event_, row in zip(events, mixed.query(EVERYTHING), strict=True):
        assert (event_.time, event_.type) == (row["time"], row["event_type"])
        assert (event_.cluster or None, event_.actor.email or None) == (
            row["cluster"],
            row["actor"],
        )


def test_lines_that_are_no_events_are_reported(tmp_path: Path) -> None:
    write_day(tmp_path, 0, [*a_day(0), *BROKEN], malformed=len(BROKEN))
    found: list[MalformedEvent] = []
    export = AuditExport(tmp_path)
    assert len(list(export.events(on_malformed=found.append))) == 6
    assert [one.raw for one in found] == list(BROKEN)
    with pytest.raises(MalformedEventError):
        list(export.events(strict=True))


def test_an_intact_export_has_no_damaged_days(mixed: AuditExport) -> None:
    assert len(mixed.days) == 5
    assert mixed.verify() == ()


def test_damaged_and_missing_days_are_named(mixed: AuditExport, tmp_path: Path) -> None:
    flipped, missing, longer = mixed.days[:3]
    data = bytearray((tmp_path / flipped.file).read_bytes())
    data[10] ^= 1
    (tmp_path / flipped.file).write_bytes(data)
    (tmp_path / missing.file).unlink()
    with (tmp_path / longer.file).open("ab") as file:
        file.write(b"\n")
    assert mixed.verify() == (flipped, missing, longer)


@pytest.mark.parametrize("number", range(4))
def test_a_question_to_a_damaged_file_says_so(
    mixed: AuditExport, tmp_path: Path, number: int
) -> None:
    path = tmp_path / mixed.days[number].file
    path.write_bytes(b"\xff" + path.read_bytes()[:-40])
    with pytest.raises(ExportError):
        mixed.query(EVERYTHING)


def test_a_file_cut_off_between_two_lines_does_not_answer_with_less(
    mixed: AuditExport, tmp_path: Path
) -> None:
    path = tmp_path / mixed.days[0].file
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    for ask in (
        lambda: mixed.query(EVERYTHING),
        lambda: mixed.who_touched("prod"),
        lambda: list(mixed.events()),
    ):
        with pytest.raises(ExportError, match=f"{path.name} is damaged: it has .* bytes"):
            ask()
    second = mixed.days[1].day
    assert len(list(mixed.events(second))) == 18, "the other days can be read"


@pytest.mark.parametrize("number", range(4))
def test_a_question_to_a_missing_file_names_it(
    mixed: AuditExport, tmp_path: Path, number: int
) -> None:
    missing = mixed.days[number].file
    (tmp_path / missing).unlink()
    for ask in (lambda: mixed.query(EVERYTHING), lambda: list(mixed.lines())):
        with pytest.raises((ExportError, StorageError), match=missing):
            ask()


def test_a_damaged_manifest_is_named(mixed: AuditExport, tmp_path: Path) -> None:
    (tmp_path / "audit-log-2026-11-21.manifest.json").write_bytes(b"{")
    with pytest.raises(ExportError, match="audit-log-2026-11-21.manifest.json is damaged"):
        mixed.verify()


def test_a_directory_that_is_no_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="is no export of the audit log"):
        AuditExport(tmp_path).query(EVERYTHING)
    with pytest.raises(StorageError, match="missing"):
        AuditExport(tmp_path / "missing").query(EVERYTHING)


def test_options_of_storage_need_a_url(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="storage_options"):
        AuditExport(tmp_path, storage_options={"anon": True})


# ---- Errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql", ["SELEC", "SELECT nothing FROM events", "FROM export", "SELECT $who", ""]
)
def test_sql_that_is_wrong_is_refused_in_the_words_of_duckdb(mixed: AuditExport, sql: str) -> None:
    export = mixed  # a table is never looked for among the variables of a program
    with pytest.raises(InvalidInputError, match=r"query"):
        export.query(sql)


def test_a_query_that_fails_on_an_event_does_not_quote_it(mixed: AuditExport) -> None:
    with pytest.raises(ExportError, match="ConversionException") as caught:
        mixed.query("SELECT actor::INT FROM events")
    assert "ana@" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("library", "extra"),
    [("duckdb", "duckdb"), ("pyarrow", "duckdb"), ("zstandard", "zstd"), ("fsspec", "fsspec")],
)
def test_a_missing_library_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, extra: str
) -> None:
    write_day(tmp_path, 0, a_day(0), compression="zstd")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibraryError, match=rf"\[{extra}\]"):
        if library == "fsspec":
            AuditExport("memory://audit")
        elif library == "zstandard":
            list(AuditExport(tmp_path).lines())
        else:
            AuditExport(tmp_path).query(EVERYTHING)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_missing_library_of_frames_is_named(
    mixed: AuditExport, monkeypatch: pytest.MonkeyPatch, library: Literal["pandas", "polars"]
) -> None:
    found = mixed.query(EVERYTHING)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibraryError, match=f"pip install {library}"):
        found.to_dataframe(library)

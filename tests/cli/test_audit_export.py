"""`omni-api audit-log export` and `query`: files of days, the daemon, questions to the files."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli_program import Open, Run

from omni_api.simulator import Simulator

TODAY = datetime.now(UTC).date()


def test_days_become_files_and_a_second_time_only_what_is_new(run: Run, tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    ended = run("audit-log", "export", str(audit))
    assert ended.status == 0
    assert ended.lines[0].split() == ["DAY", "EVENTS", "BYTES", "FILE", "STATE"]
    name = ended.lines[-1].split()[3]
    assert (audit / name).is_file()
    assert ended.lines[-1].endswith("written, goes on")
    assert f"{audit}: days {len(ended.lines) - 1}, written now" in ended.err
    again = run("audit-log", "export", str(audit), "-o", "json")
    assert again.json["written"][-1] == TODAY.isoformat()
    assert [day["file"] for day in again.json["days"]][-1] == name
    assert run("audit-log", "export", str(audit), "-o", "name").lines[-1] == name


def test_days_and_formats_can_be_chosen(run: Run, tmp_path: Path) -> None:
    day = TODAY.isoformat()
    ended = run(
        "audit-log", "export", str(tmp_path / "a"), day, day, "--format", "jsonl",
        "--compression", "gzip", "-o", "name",
    )  # fmt: skip
    assert ended.lines == [f"audit-log-{day}.jsonl.gz"]


def test_days_that_came_too_late_are_told_and_have_a_status(run: Run, tmp_path: Path) -> None:
    start = (TODAY - timedelta(days=90)).isoformat()
    ended = run("audit-log", "export", str(tmp_path / "a"), start)
    assert ended.status == 4
    assert "warning: missing days: " in ended.err
    assert start in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--keep-days", "3"], "--keep-days cannot be used without --follow"),
        (["--start", "oldest"], "--start cannot be used without --follow"),
        (["-f", "2026-11-01"], "START cannot be used with --follow"),
        (["-f", "--format", "parquet"], "--format cannot be used with --follow"),
        (["-f", "--no-checkpoint"], "--no-checkpoint is for standard output"),
        (["-f", "--metrics", "host"], "'host' is no address; write it as 9100"),
        (["-f", "--keep-files", "0"], "0 is not in the range"),
        (["-f", "--start", "soon"], "--start must be now, oldest"),
    ],
)
def test_what_does_not_go_together_is_refused(
    run: Run, simulator: Simulator, tmp_path: Path, arguments: list[str], said: str
) -> None:
    ended = run("audit-log", "export", str(tmp_path / "a"), *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert said in " ".join(ended.err.split())
    assert simulator.count("ReadAuditLog") == 0


def test_bars_show_the_days_in_a_terminal(terminal: Open, tmp_path: Path) -> None:
    child = terminal("audit-log", "export", str(tmp_path / "a"))
    child.expect_exact("\N{BOX DRAWINGS HEAVY HORIZONTAL}" * 10)
    child.expect_exact("written, goes on")
    child.wait()
    assert child.exitstatus == 0


def test_with_follow_it_is_the_daemon_which_ends_well_at_sigterm(
    environment: dict[str, str], simulator: Simulator, tmp_path: Path
) -> None:
    audit = tmp_path / "audit"
    command = [sys.executable, "-m", "omni_api", "audit-log", "export", str(audit), "--follow"]
    with subprocess.Popen(
        [*command, "--endpoint", simulator.endpoint, "--start", "oldest", "--rotate-mib", "1"],
        env={**environment, "OMNI_ENDPOINT": "grpc://127.0.0.1:1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as daemon:  # fmt: skip
        assert simulator.wait_for(lambda: any(audit.glob("audit-log-*.jsonl")), timeout=10)
        daemon.send_signal(signal.SIGTERM)
        out, err = daemon.communicate()
    assert (daemon.returncode, out) == (0, b"")
    assert err == b""
    assert json.loads((audit / "checkpoint.json").read_bytes())["id"] > 0


def test_questions_are_answered_as_tables_and_for_programs(run: Run, tmp_path: Path) -> None:
    audit = str(tmp_path / "audit")
    run("audit-log", "export", audit)
    sql = "FROM events SELECT event_type, count(*) AS n, sum(2) AS twice GROUP BY ALL ORDER BY ALL"
    table = run("audit-log", "query", audit, sql)
    assert table.lines[0].split() == ["event_type", "n", "twice"]
    rows = run("audit-log", "query", audit, sql, "-o", "json").json
    assert [row["event_type"] for row in rows] == [line.split()[0] for line in table.lines[1:]]
    assert all(row["twice"] == 2 * row["n"] for row in rows)
    assert run("audit-log", "query", audit, "-", "-o", "name", input=sql).lines == [
        row["event_type"] for row in rows
    ]


def test_a_question_that_cannot_be_answered_is_one_paragraph(run: Run, tmp_path: Path) -> None:
    audit = str(tmp_path / "audit")
    nothing = run("audit-log", "query", audit, "FROM events")
    assert nothing.status == 3
    run("audit-log", "export", audit)
    ended = run("audit-log", "query", audit, "SELECT FROM wrong")
    assert (ended.status, ended.out) == (2, "")
    assert "DuckDB does not take the query" in ended.err
    assert "Traceback" not in ended.err


def test_a_missing_library_names_its_extra(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = str(tmp_path / "audit")
    run("audit-log", "export", audit)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    ended = run("audit-log", "query", audit, "FROM events")
    assert ended.status == 2
    assert "sidero-omni-api[duckdb]" in ended.err

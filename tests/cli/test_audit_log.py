"""`omni-api audit-log`: printed, narrowed, followed, as the official tool does; and as tables."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cli_program import Open, Run, interrupted
from stub_server import StubServer

from omni_api import OmniClient
from omni_api._core import following
from omni_api._gen import management_pb2
from omni_api.simulator import Simulator

TOKEN = "not-to-be-shown-0123456789"


def happen(simulator: Simulator, kind: str, resource_type: str, resource_id: str) -> None:
    simulator.state.audit.record(
        None, kind, resource_type=f"{resource_type}.omni.sidero.dev", resource_id=resource_id
    )


def test_lines_are_printed_as_the_server_has_them(run: Run, simulator: Simulator) -> None:
    with OmniClient.from_env(environ=simulator.environment()) as omni:
        sent = b"".join(line.audit_log for line in omni.audit_log.read()).decode()
    ended = run("audit-log")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith(sent)
    assert len(ended.lines) == len(sent.splitlines()) + 1  # that somebody read it
    assert run("audit-log", "-o", "json").out.startswith(ended.out)


def test_the_last_day_is_included_as_everywhere_in_the_library(
    run: Run, simulator: Simulator
) -> None:
    today = datetime.now(UTC).date().isoformat()
    lines = run("audit-log", today, today).lines
    assert lines
    begin = datetime.fromisoformat(f"{today}T00:00Z").timestamp() * 1000
    assert all(json.loads(line)["event_ts"] >= begin for line in lines)


def test_every_filter_of_the_official_tool_narrows_the_log(run: Run, simulator: Simulator) -> None:
    happen(simulator, "destroy", "Clusters", "gone")
    happen(simulator, "create", "Clusters", "gone")
    one = ("--resource-type", "Clusters.omni.sidero.dev", "--resource-id", "gone")
    assert [json.loads(line)["event_type"] for line in run("audit-log", *one).lines] == [
        "destroy",
        "create",
    ]
    assert len(run("audit-log", *one, "--event-type", "destroy").lines) == 1
    ordered = run("audit-log", *one, "--order-by-field", "event_type", "--order-by-dir", "asc")
    assert json.loads(ordered.lines[0])["event_type"] == "create"
    assert len(run("audit-log", *one, "--search", "GON").lines) == 2
    by = run("audit-log", "--actor", "operator@example.org").lines
    assert by
    assert {json.loads(line)["event_data"]["session"]["email"] for line in by} == {
        "operator@example.org"
    }
    at = run("audit-log", "--cluster-id", "talos-default").lines
    assert at
    assert all("talos-default" in line for line in at)


def test_since_begins_so_long_ago(run: Run) -> None:
    begin = (datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000
    times = [json.loads(line)["event_ts"] for line in run("audit-log", "--since", "1h").lines]
    assert times
    assert min(times) >= begin
    assert len(run("audit-log").lines) > len(times)


def test_since_longer_ago_than_any_calendar_begins_with_the_oldest(run: Run) -> None:
    ended = run("audit-log", "--since", "9999999d")
    assert ended.status == 0
    assert len(ended.lines) >= len(run("audit-log", "--since", "30d").lines) - 1


def test_since_is_kept_to_by_servers_that_know_days_only(run: Run) -> None:
    with Simulator(legacy=True) as old:
        env: dict[str, str | None] = {**old.environment()}
        lines = run("audit-log", "--since", "1h", env=env).lines
        assert 0 < len(lines) < len(run("audit-log", env=env).lines)


def test_a_table_is_for_reading_and_never_shows_a_join_token(
    run: Run, simulator: Simulator
) -> None:
    happen(simulator, "create", "JoinTokens", TOKEN)
    happen(simulator, "create", "Clusters", "new\x1b[2J")
    lines = run("audit-log", "-o", "table", "--since", "1m").lines
    assert lines[0].split() == ["TIME", "EVENT", "RESOURCE", "CLUSTER", "ACTOR"]
    assert "JoinTokens (hidden)" in lines[-3]
    assert "Clusters new\N{REPLACEMENT CHARACTER}[2J" in lines[-2]
    assert "automation@serviceaccount" in lines[-1]
    assert TOKEN not in "".join(lines)


def test_yaml_makes_each_event_a_document(run: Run) -> None:
    out = run("audit-log", "-o", "yaml", "--since", "1m").out
    assert out.startswith("---\nevent_type: ")
    assert out.count("---\n") == out.count("\nevent_ts: ") > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-f", "--actor", "a@example.org"], "--actor cannot be combined with --follow"),
        (["-f", "2026-11-01"], "START cannot be combined with --follow"),
        (["-f", "--order-by-dir", "asc"], "--order-by-dir cannot be combined with --follow"),
        (["2026-11-01", "--since", "2h"], "pass one of them"),
        (["2026-11-31"], "'2026-11-31' is no day; write it as 2026-11-24"),
        (["2026-11-03", "2026-11-01"], "start 2026-11-03 is after end 2026-11-01"),
        (["--event-type", "delete"], "'delete' is not one of 'create'"),
        (["-o", "name"], "Events have no names"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_sent(
    run: Run, simulator: Simulator, arguments: list[str], said: str
) -> None:
    ended = run("audit-log", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert said in " ".join(ended.err.split())
    assert simulator.count("ReadAuditLog") == 0


def test_the_help_of_the_group_shows_how_to_print_and_the_other_commands(run: Run) -> None:
    out = run("audit-log", "--help").out
    assert "Usage: omni-api audit-log [OPTIONS] [START] [END]" in out
    for text in ("--since DURATION", "--follow", "[END]", "export ", "query "):
        assert text in out


def test_shells_complete_options_of_printing_beside_the_commands(run: Run) -> None:
    env = {"_OMNI_API_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
    assert run(env={**env, "COMP_WORDS": "omni-api audit-log --fo"}).lines == ["plain,--follow"]
    assert run(env={**env, "COMP_WORDS": "omni-api audit-log e"}).lines == ["plain,export"]


def test_events_are_followed_as_they_happen_until_ctrl_c(
    terminal: Open, simulator: Simulator
) -> None:
    child = terminal("audit-log", "-f", "--since", "1m", columns=500)
    assert simulator.wait_for(lambda: simulator.count("ReadAuditLog") == 1)
    child.expect_exact("audit_log_access")
    happen(simulator, "create", "Clusters", "fresh")
    child.expect_exact('"resource_id":"fresh"')
    took = interrupted(child)
    assert "Traceback" not in (child.before or "")
    assert took < 0.3


def test_a_follow_says_which_events_may_be_missing_and_goes_on(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "AFTER_CLEAN_END", 0.001)
    monkeypatch.setattr(following, "waits", lambda: iter([0.001] * 1000))
    event = '{"event_type":"create","event_ts":1795479369548}'
    streams = [[(4, ""), (5, event)], [(5, ""), (9, event)], [(8, ""), (9, event), (10, "torn")]]
    asked: list[int] = []

    def read_audit_log(data: bytes, context: Any) -> Iterator[bytes]:
        asked.append(management_pb2.ReadAuditLogRequest.FromString(data).from_id)
        if len(asked) > len(streams):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "enough")
        for id_, line in streams[len(asked) - 1]:
            text = f"{line}\n".encode() if line else b""
            yield management_pb2.ReadAuditLogResponse(id=id_, audit_log=text).SerializeToString()

    with StubServer({"ReadAuditLog": read_audit_log}) as server:
        ended = run("audit-log", "--follow", env={"OMNI_ENDPOINT": server.endpoint})
    assert asked == [0, 6, 9, 11]
    assert ended.lines == [event, event, "torn"]
    assert "warning: the server removed events 6 to 8" in ended.err
    assert ended.status == 5


def test_a_full_disk_behind_standard_output_is_told_as_such(environment: dict[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "omni_api", "audit-log"],
            env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    assert "defect" not in done.stderr


def test_a_reader_that_has_enough_ends_the_log_quietly(environment: dict[str, str]) -> None:
    script = '"$0" -m omni_api audit-log | head -n 1 | wc -l; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable],
        env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("1\n0\n", "")

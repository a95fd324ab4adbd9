"""`python -m omni_api.audit`: what it copies, how it ends, and what it says when it cannot."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from omni_api import OmniClient
from omni_api.audit.__main__ import main
from omni_api.audit._daemon.checkpoint import Checkpoint, save
from omni_api.audit._daemon.rotation import Files
from omni_api.simulator import Simulator


@contextmanager
def command(simulator: Simulator, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command; one that a test leaves running is killed."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "omni_api.audit", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ
        | simulator.environment()
        | {"OMNI_SERVICE_ACCOUNT_KEY": simulator.service_account_key("Auditor")},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def soon(simulator: Simulator, happened: Callable[[], bool]) -> bool:
    """Wait for what a new process does: on a busy machine its start alone takes seconds."""
    return simulator.wait_for(happened, timeout=15)


def happen(simulator: Simulator, count: int) -> None:
    for number in range(count):
        simulator.state.audit.record(
            None, "create", resource_type="Clusters.omni.sidero.dev", resource_id=str(number)
        )


def position(checkpoint: Path) -> int:
    """The id in a checkpoint; -1 without one."""
    try:
        id_: int = json.loads(checkpoint.read_bytes())["id"]
    except FileNotFoundError:
        return -1
    return id_


def whole_log(simulator: Simulator, newest: int) -> list[bytes]:
    """The lines up to an id, as the server has them."""
    with (
        OmniClient.from_env(environ=simulator.environment()) as omni,
        omni.management.read_audit_log(follow=True, from_id=1) as log,
    ):
        next(log)
        return [next(log).audit_log for _ in range(newest)]


def test_kills_and_stops_leave_each_event_in_the_files_once(
    simulator: Simulator, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint.json"
    # Killed before anything is safe, then between two syncs.
    for number, reached in ((signal.SIGKILL, -1), (signal.SIGKILL, 300), (signal.SIGTERM, 700)):
        with command(simulator, "--output", str(tmp_path), "--start", "oldest") as process:
            assert soon(simulator, lambda: simulator.active_streams() == 1)
            happen(simulator, 300)
            assert soon(simulator, lambda: position(checkpoint) >= reached)  # noqa: B023
            happen(simulator, 100)
            process.send_signal(number)
            process.wait(15)
        assert process.returncode == (0 if number == signal.SIGTERM else -number)
        assert soon(simulator, lambda: simulator.active_streams() == 0)
    written = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("*.jsonl")))
    newest = position(checkpoint)
    assert newest >= 700
    assert written.splitlines(keepends=True) == whole_log(simulator, newest)


def test_lines_come_on_standard_output_at_once_and_a_signal_ends_it_within_a_second(
    simulator: Simulator, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "position"
    with command(simulator, "--checkpoint", str(checkpoint)) as process:
        assert process.stdout is not None
        assert soon(simulator, lambda: position(checkpoint) > 0)
        happen(simulator, 1)
        assert select.select([process.stdout], [], [], 15)[0]
        line = process.stdout.readline()
        newest = simulator.state.audit.newest_id
        told = time.monotonic()
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=15)
        assert time.monotonic() - told < 3.0
    assert json.loads(line)["resource_type"] == "Clusters.omni.sidero.dev"
    assert (process.returncode, rest, errors) == (0, b"", b"")
    assert position(checkpoint) == newest


def test_a_reader_that_goes_away_ends_it_with_a_code_of_its_own(
    simulator: Simulator, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "position"
    with command(simulator, "--checkpoint", str(checkpoint)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert soon(simulator, lambda: position(checkpoint) > 0)
        before = position(checkpoint)
        process.stdout.close()
        happen(simulator, 1)
        assert process.wait(15) == 3
        errors = process.stderr.read().decode()
    assert errors == "python -m omni_api.audit: cannot write to standard output: Broken pipe\n"
    assert position(checkpoint) == before


def test_two_daemons_do_not_share_a_checkpoint(simulator: Simulator, tmp_path: Path) -> None:
    checkpoint = str(tmp_path / "position")
    with command(simulator, "--checkpoint", checkpoint) as process:
        assert soon(simulator, lambda: position(tmp_path / "position") > 0)
        with command(simulator, "--checkpoint", checkpoint) as second:
            assert second.stderr is not None
            assert second.wait(15) == 2
            assert b"another daemon uses the checkpoint" in second.stderr.read()
        process.kill()
        process.wait(15)
    with command(simulator, "--checkpoint", checkpoint) as third:
        happen(simulator, 1)
        assert third.stdout is not None
        assert select.select([third.stdout], [], [], 15)[0]


# ---- In this process: nothing that has to be stopped --------------------------------------------


@pytest.fixture
def _as_auditor(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of an auditor, and a process that is afterwards as it was."""
    for name, value in simulator.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SIDERO_SERVICE_ACCOUNT_KEY", raising=False)
    monkeypatch.setenv("OMNI_SERVICE_ACCOUNT_KEY", simulator.service_account_key("Auditor"))
    logger = logging.getLogger("omni_api")
    handlers, level = list(logger.handlers), logger.level
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
    for number, handler in signals.items():
        signal.signal(number, handler)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run the command; returns its exit code and what it says, which is one paragraph."""
    try:
        code = main(arguments)
    except SystemExit as ended:
        assert isinstance(ended.code, int)
        code = ended.code
    out, errors = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in errors
    return code, errors


@pytest.mark.usefixtures("_as_auditor")
def test_a_role_that_is_not_enough_is_a_refusal(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMNI_SERVICE_ACCOUNT_KEY", simulator.service_account_key("Operator"))
    code, errors = refused(capsys, "--no-checkpoint")
    assert code == 1
    assert "PERMISSION_DENIED" in errors
    assert errors.count("\n") == 1


@pytest.mark.usefixtures("_as_auditor")
def test_a_server_that_is_too_old_is_a_refusal(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMNI_SERVICE_ACCOUNT_KEY", simulator.service_account_key())
    simulator.state.legacy = True
    code, errors = refused(capsys, "--no-checkpoint")
    assert code == 1
    assert "Following exists from Omni 1.10" in errors


@pytest.mark.usefixtures("_as_auditor")
def test_events_that_are_gone_end_it_if_asked_to(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "checkpoint.json", Checkpoint(endpoint=simulator.endpoint, id=10**9))
    code, errors = refused(capsys, "--output", str(tmp_path), "--on-gap", "stop")
    assert code == 4
    assert "events may be missing" in errors


@pytest.mark.usefixtures("_as_auditor")
@pytest.mark.parametrize("on_gap", ["stop", "continue"])
def test_an_id_to_start_with_that_the_log_does_not_have_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], on_gap: str
) -> None:
    for _ in range(2):
        code, errors = refused(
            capsys, "--output", str(tmp_path), "--start", "100000000", "--on-gap", on_gap
        )
        assert code == 2
        assert "--start 100000000: the audit log has no event with this id" in errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_as_auditor")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--checkpoint FILE or --no-checkpoint"),
        (("--checkpoint", "c", "--no-checkpoint"), "--checkpoint FILE or --no-checkpoint"),
        (("--output", "d", "--no-checkpoint"), "--no-checkpoint is for standard output"),
        (("--no-checkpoint", "--start", "yesterday"), "not 'yesterday'"),
        (("--no-checkpoint", "--keep-days", "0"), "not a number from 1"),
        (("--no-checkpoint", "--metrics", "127.0.0.1:99999"), "not [HOST:]PORT"),
        (("--no-checkpoint", "--metrics", "192.0.2.1:9464"), "cannot listen on 192.0.2.1:9464"),
    ],
)
def test_a_mistake_is_named_and_has_a_code_of_its_own(
    simulator: Simulator,
    arguments: tuple[str, ...],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, errors = refused(capsys, *arguments)
    assert code == 2
    assert words in errors
    assert simulator.calls == []


@pytest.mark.usefixtures("_as_auditor")
def test_a_checkpoint_of_another_server_or_a_damaged_one_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "checkpoint.json"
    file.write_text('{"endpoint":"https://a","id":1,"time":null,"file":null,"length":0}')
    code, errors = refused(capsys, "--output", str(tmp_path))
    assert code == 2
    assert "belongs to https://a" in errors
    file.write_text('{"endpoint":')
    assert refused(capsys, "--output", str(tmp_path))[0] == 2


@pytest.mark.usefixtures("_as_auditor")
def test_an_environment_without_an_endpoint_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OMNI_ENDPOINT")
    code, errors = refused(capsys, "--no-checkpoint")
    assert code == 2
    assert "set OMNI_ENDPOINT" in errors


@pytest.mark.usefixtures("_as_auditor")
def test_a_directory_that_cannot_be_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    code, errors = refused(capsys, "--output", str(tmp_path / "file" / "logs"))
    assert code == 2
    assert "Not a directory" in errors


@pytest.mark.usefixtures("_as_auditor")
def test_the_checkpoint_is_read_when_no_other_daemon_can_change_it_any_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoint.json").write_bytes(b"being replaced")
    another = Files(tmp_path, most=1)
    code, errors = refused(capsys, "--output", str(tmp_path))
    assert (code, "another daemon writes to" in errors) == (2, True)
    another.close()
    code, errors = refused(capsys, "--output", str(tmp_path))
    assert (code, "is damaged" in errors) == (2, True)


@pytest.mark.usefixtures("_as_auditor")
@pytest.mark.parametrize("option", ["-v", "-vv"])
def test_what_it_logs_holds_no_key_and_no_event(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    simulator.state.audit.record(
        None, "create", resource_type="JoinTokens.omni.sidero.dev", resource_id="w7Yx"
    )
    # Ends once it has copied everything: the next stream is refused.
    simulator.break_stream("ReadAuditLog", after=5)
    simulator.fail("ReadAuditLog", code=grpc.StatusCode.PERMISSION_DENIED, after=1)
    arguments = ("--output", str(tmp_path), "--start", str(simulator.state.audit.newest_id - 3))
    code, errors = refused(capsys, option, "--metrics", "0", *arguments)
    assert code == 1
    assert "w7Yx" in next(tmp_path.glob("*.jsonl")).read_text()
    assert "metrics at http://127.0.0.1:" in errors
    assert "following behind event" in errors
    for secret in ("w7Yx", os.environ["OMNI_SERVICE_ACCOUNT_KEY"][:40], "resource_id"):
        assert secret not in errors

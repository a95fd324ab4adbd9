"""The daemon as a process of its own, with real faults: each event is in its files once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from broken_relay import BrokenRelay, Cut
from disks import full_disk, make_room, read_only_disk
from leftovers import until

from omni_api import OmniClient
from omni_api.simulator import Simulator

Daemon = Callable[..., contextlib.AbstractContextManager["subprocess.Popen[bytes]"]]


@pytest.fixture
def daemon(simulator: Simulator) -> Daemon:
    """Run the daemon: `daemon("--output", "directory", endpoint=relay.endpoint)`."""

    @contextlib.contextmanager
    def run(
        *arguments: str, endpoint: str = simulator.endpoint, stdout: int = subprocess.DEVNULL
    ) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "omni_api.audit", *arguments],
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=os.environ | simulator.environment() | {"OMNI_ENDPOINT": endpoint},
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    return run


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Wait for the end of a daemon; return its exit code and what it says, without the log."""
    _, errors = process.communicate(timeout=15)
    said = [line for line in errors.decode().splitlines() if line.startswith("python -m")]
    assert b"Traceback" not in errors
    return process.returncode, " ".join(said)


def happen(simulator: Simulator, count: int) -> int:
    for number in range(count):
        last = simulator.state.audit.record(
            None, "create", resource_type="Clusters", resource_id=str(number)
        )
    return last


def position(directory: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return int(json.loads((directory / "checkpoint.json").read_bytes())["id"])
    return -1


def written(directory: Path) -> list[bytes]:
    files = sorted(directory.glob("*.jsonl"))
    return b"".join(path.read_bytes() for path in files).splitlines(keepends=True)


def whole_log(simulator: Simulator, newest: int) -> list[bytes]:
    """The lines up to an id, as the server has them."""
    with (
        OmniClient.from_env(environ=simulator.environment()) as omni,
        omni.management.read_audit_log(follow=True, from_id=1) as log,
    ):
        next(log)
        return [next(log).audit_log for _ in range(newest)]


def stopped(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 0


def test_cut_connections_leave_each_event_in_the_files_once(
    daemon: Daemon, simulator: Simulator, tmp_path: Path
) -> None:
    directory = tmp_path / "out"
    cuts = [Cut(40), Cut(1, 5), Cut(0, 60), Cut(30, 60), Cut(12, 1)]
    with BrokenRelay(simulator.port, cuts) as relay:
        with daemon(
            "--output", str(directory), "--start", "oldest", endpoint=relay.endpoint
        ) as process:
            last = happen(simulator, 50)
            assert until(lambda: position(directory) >= last, seconds=20)
            stopped(process)
        assert relay.connections > len(cuts)
    newest = position(directory)
    assert written(directory) == whole_log(simulator, newest)


def test_a_full_disk_ends_it_and_with_room_it_goes_on(
    daemon: Daemon, simulator: Simulator, tmp_path: Path
) -> None:
    directory = tmp_path / "out"
    directory.mkdir()
    with full_disk(directory):
        start = ("--output", str(directory), "--start", "oldest")
        with daemon(*start) as process:
            assert ended(process) == (
                3,
                f"python -m omni_api.audit: cannot write to {directory}: No space left on device",
            )
        make_room(directory)
        last = happen(simulator, 20)
        with daemon(*start) as process:
            assert until(lambda: position(directory) >= last, seconds=20)
            stopped(process)
        assert written(directory) == whole_log(simulator, position(directory))


def test_a_directory_that_must_not_be_written_to_ends_it(daemon: Daemon, tmp_path: Path) -> None:
    directory = tmp_path / "out"
    directory.mkdir()
    with read_only_disk(directory), daemon("--output", str(directory)) as process:
        code, said = ended(process)
    assert code == 3
    assert f"cannot write to {directory}" in said
    assert "Read-only file system" in said


def test_a_device_that_is_full_ends_it_and_the_checkpoint_stays(
    daemon: Daemon, simulator: Simulator, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint.json"
    with Path("/dev/full").open("wb") as full:
        start = ("--checkpoint", str(checkpoint))
        with daemon(*start, stdout=full.fileno()) as process:
            assert until(lambda: position(tmp_path) > 0, seconds=20)
            before = position(tmp_path)
            happen(simulator, 1)
            assert ended(process) == (
                3,
                "python -m omni_api.audit: cannot write to standard output: "
                "No space left on device",
            )
    assert position(tmp_path) == before


def test_a_clock_that_is_off_by_ten_minutes_is_named(
    daemon: Daemon, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.clock_offset = timedelta(minutes=10)
    with daemon("--output", str(tmp_path / "out")) as process:
        code, said = ended(process)
    assert code == 1
    assert "clock is right to within five minutes" in said

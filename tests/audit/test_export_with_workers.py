"""Several processes export into one directory; the program of the documentation does it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from omni_api import OmniClient
from omni_api.audit._export.manifest import DayFile, from_manifest
from omni_api.simulator import Simulator

ROOT = Path(__file__).parents[2]
DAYS = [datetime.now(UTC).date() - timedelta(days=back) for back in range(5)][::-1]


@pytest.fixture
def busy(simulator: Simulator) -> Simulator:
    for day in DAYS:
        noon = int(datetime.combine(day, time(0, 1), UTC).timestamp() * 1000)
        for number in range(20):
            simulator.state.audit.record(None, "create", resource_id="r", at_ms=noon + number)
    return simulator


def manifest(directory: Path) -> list[DayFile]:
    return list(from_manifest((directory / "manifest.json").read_bytes()))


def test_threads_that_export_different_days_at_once_end_with_one_manifest_of_all(
    busy: Simulator, tmp_path: Path
) -> None:
    together = threading.Barrier(len(DAYS) - 1)
    with OmniClient.from_env(environ=busy.environment()) as omni:

        def export(number: int) -> None:
            together.wait(5.0)
            omni.audit_log.export(tmp_path, DAYS[number], DAYS[number])

        threads = [threading.Thread(target=export, args=(n,)) for n in range(len(DAYS) - 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10.0)
    assert [(one.day, one.events) for one in manifest(tmp_path)] == [(d, 20) for d in DAYS[:-1]]


def test_the_program_with_workers_exports_every_day(busy: Simulator, tmp_path: Path) -> None:
    # Not imported here: it changes how every exception of the process is pickled.
    if importlib.util.find_spec("distributed") is None:
        pytest.skip("distributed is not installed")
    program = ROOT / "docs" / "examples" / "export_with_workers.py"
    done = subprocess.run(
        [sys.executable, program, tmp_path, f"--days={len(DAYS)}"],
        env={"PYTHONPATH": str(ROOT), **busy.environment()},
        capture_output=True,
        text=True,
        check=False,
        timeout=25,
    )
    assert done.returncode == 0, done.stderr
    assert [one.day for one in manifest(tmp_path)] == DAYS
    assert all(f"{day}: " in done.stdout for day in DAYS)

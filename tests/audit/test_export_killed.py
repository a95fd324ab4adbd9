"""An export that is killed at any moment and run again ends with the same files."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from omni_api import OmniClient, ServiceAccountKey
from omni_api.audit._export import formats
from omni_api.audit._export import part as _part
from omni_api.simulator import Simulator

TODAY = datetime.now(UTC).date()
DAYS = [TODAY - timedelta(days=back) for back in (5, 4, 3)]
EVENTS_A_DAY = 100
RUNS = 50
SEED = 20261124


def export(endpoint: str, key: str, directory: Path, moments: int | None) -> int:
    """Export, killed by its own hand before the given moment; return how many there were.

    A moment is whenever something is about to change on the disk.
    """
    passed = 0

    def before(function: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal passed
            if passed == moments:
                os.kill(os.getpid(), signal.SIGKILL)
            passed += 1
            return function(*args, **kwargs)

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "_BLOCK", 2_000)  # so that a small file is written in steps too
        for owner, name in [
            (os, "fsync"),
            (os, "fdopen"),
            (Path, "replace"),
            (Path, "unlink"),
            (Path, "mkdir"),
            (_part.Part, "write"),
            (_part.Part, "publish"),
            (_part.Part, "discard"),
        ]:
            patch.setattr(owner, name, before(getattr(owner, name)))
        with OmniClient(endpoint, auth=ServiceAccountKey.decode(key)) as omni:
            omni.audit_log.export(directory, DAYS[0], DAYS[-1], compression="gzip")
    return passed


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture
def busy(simulator: Simulator) -> Simulator:
    for day in DAYS:
        noon = int(datetime.combine(day, time(12), UTC).timestamp() * 1000)
        for number in range(EVENTS_A_DAY):
            simulator.state.audit.record(
                None, "create", resource_id=f"{day}-{number}", at_ms=noon + number
            )
    return simulator


@pytest.fixture(scope="module")
def workers() -> Any:
    """Processes are forked from one that has imported everything and opened nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["omni_api.client", "omni_api.audit._export.steps", __name__])
    return context


@pytest.mark.parametrize("part", range(5))
def test_it_ends_as_an_export_that_nobody_killed(
    busy: Simulator, workers: Any, tmp_path: Path, part: int
) -> None:
    given = (busy.endpoint, busy.service_account_key())
    moments = export(*given, tmp_path / "whole", None)
    assert moments > 40
    undisturbed = content(tmp_path / "whole")
    chance = random.Random(SEED + part)
    for run in range(RUNS // 5):
        directory = tmp_path / str(run)
        moment = chance.randrange(moments)
        killed = workers.Process(target=export, args=(*given, directory, moment))
        killed.start()
        killed.join(10)
        assert killed.exitcode == -signal.SIGKILL
        export(*given, directory, None)
        assert content(directory) == undisturbed, f"killed before moment {moment} of {moments}"

"""Ten thousand events a second, for a second; `python -m benchmarks.flood` keeps it up a minute."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", ["blocking", "asyncio", "daemon"])
def test_ten_thousand_events_a_second_come_once_and_in_order(kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.flood", kind, "--seconds", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.stderr == ""
    assert done.stdout.startswith(f"{kind}: 10,000 events")
    assert "; 0 lost, doubled or out of order; " in done.stdout

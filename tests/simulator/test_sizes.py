"""A large simulator starts soon and stays small: what it holds is computed when it is read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import json, time
from pathlib import Path

def most_memory():
    # Not getrusage: there a child begins with what its parent had.
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in one]
    return int(line.split()[1]) / 1024

started = time.monotonic()
from omni_api import OmniClient, ServiceAccountKey
from omni_api.simulator import Simulator

with Simulator(machines=10_000, audit_events=1_000_000) as simulator:
    ready = time.monotonic() - started
    at_start = most_memory()
    key = ServiceAccountKey.decode(simulator.service_account_key())
    machines = simulator.state.fleet.machines()
    with OmniClient(simulator.endpoint, auth=key) as omni:
        with omni.management.read_audit_log() as events:
            for event in events:
                if events.chunks >= 10_000:
                    break
        with omni.management.machine_logs(machine_id=machines[-1].id) as lines:
            logged = sum(1 for _ in lines)
print(json.dumps({
    "ready_s": ready,
    "start_mib": at_start,
    "end_mib": most_memory(),
    "machines": len(machines),
    "events": simulator.state.audit.newest_id,
    "read": events.chunks,
    "logged": logged,
}))
"""


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is measured as Linux tells it"
)


@pytest.fixture(scope="module")
def measured() -> Any:
    """What a process of its own measured."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout)


def test_it_is_ready_within_five_seconds(measured: dict[str, float]) -> None:
    assert measured["ready_s"] < 5.0


def test_it_takes_less_than_half_a_gibibyte(measured: dict[str, float]) -> None:
    assert measured["start_mib"] < 500
    assert measured["end_mib"] < 500


def test_it_has_what_was_asked_for(measured: dict[str, float]) -> None:
    assert measured["machines"] == 10_000
    assert 1_000_000 <= measured["events"] <= 1_000_002
    assert measured["read"] == 10_000
    assert measured["logged"] == 1000

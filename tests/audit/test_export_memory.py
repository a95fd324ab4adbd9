"""Memory does not grow with the number of events."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

# A process of its own: what it takes at most counts over its whole life.
PROGRAM = """
import re, sys, tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from fake_omni import FakeOmni
from omni_api._gen.models import AuditLogLine

LINE = (
    b'{"event_type":"create","resource_type":"PublicKeys.omni.sidero.dev","resource_id":"%040d",'
    b'"event_data":{"session":{"user_agent":"Omni-Internal-Agent","role":"Admin","email":'
    b'"automation@serviceaccount.omni.sidero.dev","fingerprint":"%040d"}},"event_ts":%d}\\n'
)
NOON = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp() * 1000)

class Busy(FakeOmni):
    def _lines(self, rows, breaks):
        return (AuditLogLine(audit_log=LINE % (n, n, NOON + n), id=0) for n in range(count))

def most_mib():
    # Not getrusage: there a process inherits the figure of the one that started it.
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

omni = Busy(datetime(2026, 11, 24, tzinfo=UTC))
for count in (30_000, 150_000):
    with tempfile.TemporaryDirectory() as directory:
        result = omni.export(
            directory, date(2026, 11, 20), date(2026, 11, 20),
            format=sys.argv[1], compression=sys.argv[2],
        )
    assert result.events == count
    print(most_mib())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("kind", "compression"),
    [("jsonl", "none"), ("jsonl", "gzip"), ("jsonl", "zstd"), ("parquet", "zstd")],
)
def test_five_times_as_many_events_take_no_more_memory(kind: str, compression: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, kind, compression],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": f"{TESTS}:{TESTS.parent}"},
    )
    assert done.returncode == 0, done.stderr
    few, many = map(float, done.stdout.split())
    assert many < few + 15.0
    assert many < 200.0

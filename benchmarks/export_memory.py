"""Export a log of many events and say how much memory it took.

    python -m benchmarks.export_memory [--events N] [--format F] [--compression C]

The server is the simulator in a process of its own. What counts is the most that the exporting
process, this one, ever had resident; it must not depend on N.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time

from benchmarks.server import simulator
from omni_api import OmniClient


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--format", choices=["jsonl", "parquet"], default="jsonl")
    parser.add_argument("--compression", choices=["none", "gzip", "zstd"], default="gzip")
    chosen = parser.parse_args()
    with (
        simulator(chosen.events) as server,
        OmniClient(server.url, auth=server.key) as omni,
        tempfile.TemporaryDirectory() as directory,
    ):
        began, cpu = time.perf_counter(), time.process_time()
        result = omni.audit_log.export(
            directory, format=chosen.format, compression=chosen.compression
        )
        seconds, busy = time.perf_counter() - began, time.process_time() - cpu
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{result.events:,} events in {len(result.days)} files, {result.bytes / 1e6:,.0f} MB: "
        f"{seconds:.0f} s, {busy / result.events * 1e6:.1f} us of CPU each, "
        f"at most {most:.0f} MiB resident"
    )


if __name__ == "__main__":
    main()

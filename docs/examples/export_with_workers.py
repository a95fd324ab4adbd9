"""Export the audit log with several processes, each day by whichever is free.

    python docs/examples/export_with_workers.py DIRECTORY [--days N]

Dask starts the processes and hands out the days; a cluster of several machines works the same if
all of them see DIRECTORY. A client cannot be sent to another process, so each task makes its own,
from `OMNI_ENDPOINT` and `OMNI_SERVICE_ACCOUNT_KEY`. Each day is written as a whole by one task,
and `manifest.json` in the end lists the days of all.
"""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime, timedelta

import dask
from distributed import Client, LocalCluster, as_completed

from omni_api import OmniClient
from omni_api.audit import ExportResult


def export_day(directory: str, day: date) -> ExportResult:
    """Export one day; this runs in a worker."""
    with OmniClient.from_env() as omni:
        return omni.audit_log.export(directory, day, day, compression="gzip")


def main() -> None:
    """Hand out the days, and print each as it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("--days", type=int, default=30, help="how many, today included")
    chosen = parser.parse_args()
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=back) for back in range(chosen.days)]
    with (
        # A process that is spawned inherits no connections and no threads, as a forked one would.
        dask.config.set({"distributed.worker.multiprocessing-method": "spawn"}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,  # type: ignore[no-untyped-call]
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        tasks = client.map(export_day, [chosen.directory] * len(days), days, retries=2, pure=False)
        for task in as_completed(tasks):  # type: ignore[no-untyped-call]
            for done in task.result().days:
                print(f"{done.day}: {done.events:,} events in {done.file}")


if __name__ == "__main__":
    main()

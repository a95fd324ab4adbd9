"""The main job, twice: take a support bundle and read a week of audit log.

Once blocking, once with asyncio, against the simulator; or against the Omni that `OMNI_ENDPOINT`
and `OMNI_SERVICE_ACCOUNT_KEY` name. `OMNI_CLUSTER` names the cluster (default: talos-default).
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tempfile
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import omni_api
import omni_api_async
from omni_api import AuditLogLine, OmniError, SupportBundleProgress
from omni_api.simulator import Simulator

WEEK = timedelta(days=7)


class Report:
    """What the job has seen so far, shown while it happens and summed up in the end."""

    def __init__(self, title: str) -> None:
        self.bundle = b""
        self.errors: Counter[str] = Counter()
        self.sources: dict[str, int] = {}
        self.events: Counter[str] = Counter()
        self._live = sys.stderr.isatty()
        self._shown: dict[str, int] = {}
        print(f"\n== {title} ==")

    def step(self, progress: SupportBundleProgress) -> None:
        """Take one message of the support bundle."""
        if progress.has_bundle_data:
            self.bundle = progress.bundle_data
        if progress.source:
            known = self.sources.get(progress.source, 0)
            self.sources[progress.source] = max(known, progress.total)
            self.errors[progress.source] += progress.has_error
        self._show(progress.source, progress.progress_percentage, progress.progress_string())

    def line(self, line: AuditLogLine) -> None:
        """Take one line of the audit log."""
        self.events[json.loads(line.audit_log)["event_type"]] += 1

    def _show(self, source: str, percentage: float, text: str) -> None:
        if self._live:
            print(f"\r\x1b[K{text[:100]}", end="", file=sys.stderr, flush=True)
        elif percentage // 25 > self._shown.get(source, -1):
            # Not a terminal: a line for every quarter of a source.
            self._shown[source] = int(percentage // 25)
            print(text)

    def save(self, path: Path) -> None:
        """Write the bundle aside, sync it, and rename it: never half a file."""
        aside = path.with_suffix(".part")
        with aside.open("wb") as file:
            file.write(self.bundle)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
        if self._live:
            print(file=sys.stderr)
        with zipfile.ZipFile(io.BytesIO(self.bundle)) as archive:
            entries = len(archive.namelist())
        print(f"bundle: {path} ({path.stat().st_size:,} bytes, {entries} entries)")
        for source, total in self.sources.items():
            print(f"  {source}: {total} steps, {self.errors[source]} with errors")

    def audited(self, chunks: int, size: int) -> None:
        """Sum up the audit log."""
        print(f"audit log of seven days: {chunks:,} chunks, {size:,} bytes")
        for kind, count in self.events.most_common():
            print(f"  {kind}: {count:,}")


def blocking(settings: dict[str, str], cluster: str, directory: Path) -> None:
    """Do the job with blocking calls."""
    report = Report("blocking: omni_api")
    today = datetime.now(UTC).date()
    with omni_api.OmniClient.from_env(environ=settings) as omni:
        with omni.management.get_support_bundle(cluster=cluster) as bundle:
            for progress in bundle:
                report.step(progress)
        report.save(directory / f"{cluster}-blocking.zip")
        with omni.audit_log.read(today - WEEK, today) as log:
            for line in log:
                report.line(line)
        report.audited(log.chunks, log.bytes_received)


async def asynchronous(settings: dict[str, str], cluster: str, directory: Path) -> None:
    """Do the same job with asyncio."""
    report = Report("asyncio: omni_api_async")
    today = datetime.now(UTC).date()
    async with omni_api_async.OmniClient.from_env(environ=settings) as omni:
        async with omni.management.get_support_bundle(cluster=cluster) as bundle:
            async for progress in bundle:
                report.step(progress)
        report.save(directory / f"{cluster}-asyncio.zip")
        async with omni.audit_log.read(today - WEEK, today) as log:
            async for line in log:
                report.line(line)
        report.audited(log.chunks, log.bytes_received)


def run(settings: dict[str, str], directory: Path) -> None:
    """Run both and say where the bundles are."""
    cluster = settings.get("OMNI_CLUSTER", "talos-default")
    print(f"Omni: {settings.get('OMNI_ENDPOINT', 'as in omniconfig')}, cluster: {cluster}")
    blocking(settings, cluster, directory)
    asyncio.run(asynchronous(settings, cluster, directory))


def main() -> int:
    """Run against the Omni of the environment, else against a simulator of our own."""
    directory = Path(tempfile.mkdtemp(prefix="omni-demo-"))
    settings = dict(os.environ)
    try:
        if "OMNI_ENDPOINT" in settings:
            run(settings, directory)
        else:
            print("OMNI_ENDPOINT is not set: starting the simulator")
            with Simulator() as simulator:
                run({**settings, **simulator.environment()}, directory)
    except OmniError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

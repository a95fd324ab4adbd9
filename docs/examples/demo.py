"""The main job, twice: take a support bundle and read a week of audit log.

Once blocking, once with asyncio, against the simulator; or against the Omni that `OMNI_ENDPOINT`
and `OMNI_SERVICE_ACCOUNT_KEY` name. `OMNI_CLUSTER` names the cluster (default: talos-default).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import omni_api
import omni_api_async
from omni_api import BundleProgress, OmniError, SupportBundle
from omni_api.simulator import Simulator

WEEK = timedelta(days=7)


class Show:
    """Shows how a support bundle comes: one line that changes, or one for every quarter."""

    def __init__(self, title: str) -> None:
        self._live = sys.stderr.isatty()
        self._shown: dict[str, int] = {}
        print(f"\n== {title} ==")

    def __call__(self, progress: BundleProgress) -> None:
        """Take one report."""
        step = progress.step
        if self._live:
            end = "\n" if progress.finished else ""
            print(f"\r\x1b[K{progress.latest[:100]}", end=end, file=sys.stderr, flush=True)
        elif step.progress_percentage // 25 > self._shown.get(step.source, -1):
            self._shown[step.source] = int(step.progress_percentage // 25)
            print(progress.latest)


def saved(bundle: SupportBundle) -> None:
    """Sum up a support bundle."""
    with bundle.open() as archive:
        print(f"bundle: {bundle.path} ({bundle.size:,} bytes, {len(archive.names)} entries)")
    for source in bundle.sources:
        print(f"  {source.name}: {source.done} steps, {source.errors} with errors")


def audited(kinds: Counter[str], chunks: int, size: int) -> None:
    """Sum up the audit log."""
    print(f"audit log of seven days: {chunks:,} chunks, {size:,} bytes")
    for kind, count in kinds.most_common():
        print(f"  {kind}: {count:,}")


def blocking(settings: dict[str, str], cluster: str, directory: Path) -> None:
    """Do the job with blocking calls."""
    show = Show("blocking: omni_api")
    today = datetime.now(UTC).date()
    with omni_api.OmniClient.from_env(environ=settings) as omni:
        path = directory / f"{cluster}-blocking.zip"
        saved(omni.support.save(cluster, path, on_progress=show))
        with omni.audit_log.events(today - WEEK, today) as events:
            kinds = Counter(event.type for event in events)
        audited(kinds, events.chunks, events.bytes_received)


async def asynchronous(settings: dict[str, str], cluster: str, directory: Path) -> None:
    """Do the same job with asyncio."""
    show = Show("asyncio: omni_api_async")
    today = datetime.now(UTC).date()
    async with omni_api_async.OmniClient.from_env(environ=settings) as omni:
        path = directory / f"{cluster}-asyncio.zip"
        saved(await omni.support.save(cluster, path, on_progress=show))
        async with omni.audit_log.events(today - WEEK, today) as events:
            kinds = Counter([event.type async for event in events])
        audited(kinds, events.chunks, events.bytes_received)


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

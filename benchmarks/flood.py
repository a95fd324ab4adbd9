"""Follow an audit log that gets thousands of events a second, and count what arrives.

    python -m benchmarks.flood [--rate N] [--seconds N] [blocking | asyncio | daemon]...

The server is the simulator in a process of its own, which also makes the events. What is measured
is the client: whether each event came once and in order, how far it was behind (its time of
arrival less the time in the event, on one machine's clock), its CPU and its memory. The daemon is
measured by what it leaves on the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

import omni_api
import omni_api_async
from omni_api.audit import AuditEvent
from omni_api.simulator import Simulator

_TICK_S = 0.005
_MIB = 1024 * 1024


@attrs.define
class Flood:
    """The events of another process; `begin` lets them come.

    Attributes:
        environ: What a client needs to reach the server.
        before: Id of the last event before them.
        count: How many there will be.
    """

    environ: dict[str, str]
    before: int
    count: int
    _process: subprocess.Popen[str]

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("begin\n")
        self._process.stdin.flush()

    def seconds(self) -> float:
        """Wait until the last event was made; how long that took."""
        assert self._process.stdout is not None
        return float(self._process.stdout.readline())


@contextmanager
def flood(rate: int, seconds: float) -> Iterator[Flood]:
    """Start a server that will make so many events a second."""
    command = [sys.executable, "-m", "benchmarks.flood", "--serve", str(rate), str(seconds)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        try:
            yield Flood(told["environ"], told["newest"], int(rate * seconds), process)
        finally:
            process.terminate()


def serve(rate: int, seconds: float) -> None:
    """Be the server."""
    with Simulator() as simulator:
        audit = simulator.state.audit
        # Known beforehand: a follow that begins later is an event itself.
        environ = simulator.environment()
        print(json.dumps({"environ": environ, "newest": audit.newest_id}), flush=True)
        sys.stdin.readline()
        tick, started, made = threading.Event(), time.perf_counter(), 0
        while made < rate * seconds:
            due = min(int((time.perf_counter() - started) * rate), int(rate * seconds))
            for number in range(made, due):
                audit.record(
                    None,
                    "update",
                    resource_type="MachineSets.omni.sidero.dev",
                    resource_id=f"set-{number}",
                    data={"machine_set": {"id": f"set-{number}", "update_strategy": "Rolling"}},
                )
            made = due
            tick.wait(_TICK_S)
        print(time.perf_counter() - started, flush=True)
        sys.stdin.readline()


@attrs.define
class Arrivals:
    """What came, and when.

    Attributes:
        last: Id of the last event.
        count: How many events came.
        disorder: Events whose id was not one more than the last one's.
        lags: Milliseconds between the time in an event and its arrival, for every hundredth.
    """

    last: int
    count: int = 0
    disorder: int = 0
    lags: list[float] = attrs.field(factory=list)

    def take(self, event: AuditEvent) -> None:
        self.disorder += event.id != self.last + 1
        self.last = event.id
        self.count += 1
        if not self.count % 100:
            self.lags.append(time.time() * 1000 - event.time.timestamp() * 1000)

    def __str__(self) -> str:
        cuts = statistics.quantiles(self.lags, n=100)
        return (
            f"{self.disorder} lost, doubled or out of order; "
            f"behind by {cuts[49]:.0f} ms (median), {cuts[98]:.0f} ms (99 %), "
            f"{max(self.lags):.0f} ms (most)"
        )


def follow_blocking(source: Flood) -> Arrivals:
    with (
        omni_api.OmniClient.from_env(environ=source.environ) as omni,
        omni.audit_log.follow() as events,
    ):
        arrivals = Arrivals(events.checkpoint or 0)
        source.begin()
        for event in events:
            arrivals.take(event)
            if arrivals.count == source.count:
                break
    return arrivals


def follow_asyncio(source: Flood) -> Arrivals:
    async def follow() -> Arrivals:
        async with (
            omni_api_async.OmniClient.from_env(environ=source.environ) as omni,
            omni.audit_log.follow() as events,
        ):
            arrivals = Arrivals(events.checkpoint or 0)
            source.begin()
            async for event in events:
                arrivals.take(event)
                if arrivals.count == source.count:
                    break
        return arrivals

    with asyncio.Runner() as runner:
        return runner.run(follow())


FOLLOWS: dict[str, Callable[[Flood], Arrivals]] = {
    "blocking": follow_blocking,
    "asyncio": follow_asyncio,
}


def measure_follow(name: str, rate: int, seconds: float) -> None:
    before, cpu = _resident(), time.process_time()
    with flood(rate, seconds) as source:
        arrivals = FOLLOWS[name](source)
        made_in = source.seconds()
    cpu = time.process_time() - cpu
    print(
        f"{name}: {arrivals.count:,} events, made in {made_in:.1f} s; {arrivals}; "
        f"CPU {cpu / arrivals.count * 1e6:.0f} us an event, "
        f"memory +{(_resident() - before) / _MIB:.0f} MiB"
    )


def measure_daemon(rate: int, seconds: float) -> None:
    with flood(rate, seconds) as source, tempfile.TemporaryDirectory() as directory:
        output, tick = Path(directory), threading.Event()
        start = ["--output", directory, "--start", str(source.before + 1)]
        with subprocess.Popen(
            [sys.executable, "-m", "omni_api.audit", *start], env=source.environ
        ) as process:
            source.begin()
            made_in = source.seconds()
            # Its own follow is an event too.
            last = source.before + source.count + 1
            waited = time.perf_counter()
            while _checkpoint(output) < last and time.perf_counter() - waited < seconds + 30:
                tick.wait(_TICK_S)
            waited = time.perf_counter() - waited
            memory = _peak_mib(process.pid)
            process.send_signal(signal.SIGTERM)
        lines = b"".join(path.read_bytes() for path in sorted(output.glob("*.jsonl")))
        ids = [
            one.partition(b'"resource_id":"set-')[2].partition(b'"')[0]
            for one in lines.splitlines()
        ]
        found = [int(one) for one in ids if one]
    wrong = sum(1 for number, one in enumerate(found) if number != one)
    print(
        f"daemon: {len(found):,} events in its files, made in {made_in:.1f} s; "
        f"{wrong + source.count - len(found)} lost, doubled or out of order; "
        f"the last was on the disk {waited:.1f} s after it was made; "
        f"memory at most {memory:.0f} MiB"
    )


def _checkpoint(directory: Path) -> int:
    try:
        return int(json.loads((directory / "checkpoint.json").read_bytes())["id"])
    except FileNotFoundError:
        return 0


def _peak_mib(pid: int) -> float:
    """The most memory that a process ever had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flood", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="blocking, asyncio or daemon")
    parser.add_argument("--rate", type=int, default=10_000, help="events a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(int(chosen.serve[0]), float(chosen.serve[1]))
        return
    for kind in chosen.kinds or ["blocking", "asyncio", "daemon"]:
        if kind == "daemon":
            measure_daemon(chosen.rate, chosen.seconds)
        else:
            measure_follow(kind, chosen.rate, chosen.seconds)


if __name__ == "__main__":
    main()

"""Measure this library beside the plain grpcio stub, in one run.

    python -m benchmarks [--events N] [--calls N] [--target HOST:PORT]

The server is the simulator in a process of its own, or whatever answers at --target: a server
faster than any Python client shows the client's limit. Single figures depend on the machine and the
day; the ratios of one run are what to compare. CPU is this process's, user and system.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import grpc.aio

import omni_api
import omni_api_async
from omni_api._channel import SINGLE_THREADED
from omni_api._core.call import Metadata
from omni_api._core.signing import signed_metadata
from omni_api._gen.management_pb2 import (
    ListUsersResponse,
    ReadAuditLogRequest,
    ReadAuditLogResponse,
)
from omni_api.audit import AuditEvent

AUDIT = "/management.ManagementService/ReadAuditLog"
USERS = "/management.ManagementService/ListUsers"
UNLIMITED = (("grpc.max_receive_message_length", -1),)


@contextmanager
def server(events: int, target: str | None) -> Iterator[dict[str, str]]:
    """Yield the environment of the server: a simulator in another process, or one that runs."""
    if target is not None:
        key = omni_api.ServiceAccountKey.generate("benchmark")
        yield {"OMNI_ENDPOINT": f"grpc://{target}", "OMNI_SERVICE_ACCOUNT_KEY": key.encode()}
        return
    command = [sys.executable, "-m", "omni_api.simulator", "--audit-events", str(events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(2)]
        try:
            yield dict(line.split("=", 1) for line in lines)
        finally:
            process.terminate()


class Timing:
    """Wall and CPU seconds of a piece of work."""

    def __init__(self, work: Callable[[], int]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self.count = work()
        self.wall = time.perf_counter() - wall
        self.cpu = time.process_time() - cpu

    @property
    def each_us(self) -> float:
        """CPU microseconds per item."""
        return self.cpu / self.count * 1e6

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.count / self.wall


def best(work: Callable[[], int], runs: int = 3) -> Timing:
    """Return the run with the least CPU."""
    return min((Timing(work) for _ in range(runs)), key=lambda timing: timing.cpu)


def row(what: str, timing: Timing, base: Timing | None = None) -> None:
    """Print one line, with ratios to the plain stub."""
    ratio = ""
    if base is not None:
        ratio = f"{timing.each_us / base.each_us:8.2f} {timing.rate / base.rate:8.2f}"
    print(f"{what:54}{timing.rate:12,.0f} {timing.each_us:10.1f} {ratio}")


def signed(key: omni_api.ServiceAccountKey, path: str) -> Metadata:
    """Sign once; good for five minutes."""
    return signed_metadata(key, path, (), now=datetime.now(UTC))


def plain_stream(target: str, metadata: Metadata, options: Any) -> Callable[[], int]:
    """Read the audit log with a plain stub."""

    def work() -> int:
        with grpc.insecure_channel(target, options=(*UNLIMITED, *options)) as channel:
            stub: Any = channel.unary_stream(
                AUDIT,
                request_serializer=ReadAuditLogRequest.SerializeToString,
                response_deserializer=ReadAuditLogResponse.FromString,
            )
            return sum(1 for _ in stub(ReadAuditLogRequest(), metadata=metadata))

    return work


def plain_aio_stream(target: str, metadata: Metadata) -> Callable[[], int]:
    """Read the audit log with a plain grpc.aio stub."""

    async def main() -> int:
        async with grpc.aio.insecure_channel(target, options=UNLIMITED) as channel:
            stub: Any = channel.unary_stream(
                AUDIT,
                request_serializer=ReadAuditLogRequest.SerializeToString,
                response_deserializer=ReadAuditLogResponse.FromString,
            )
            count = 0
            async for _ in stub(ReadAuditLogRequest(), metadata=metadata):
                count += 1
            return count

    return lambda: asyncio.run(main())


def our_stream(settings: dict[str, str]) -> Callable[[], int]:
    """Read the audit log with omni_api."""

    def work() -> int:
        with omni_api.OmniClient.from_env(environ=settings) as omni:
            with omni.management.read_audit_log() as lines:
                for _ in lines:
                    pass
            return lines.chunks

    return work


def our_aio_stream(settings: dict[str, str]) -> Callable[[], int]:
    """Read the audit log with omni_api_async."""

    async def main() -> int:
        async with omni_api_async.OmniClient.from_env(environ=settings) as omni:
            async with omni.management.read_audit_log() as lines:
                async for _ in lines:
                    pass
            return lines.chunks

    return lambda: asyncio.run(main())


def typed_events(
    settings: dict[str, str], look: Callable[[AuditEvent], object]
) -> Callable[[], int]:
    """Read the audit log as typed events, and look at each."""

    def work() -> int:
        with omni_api.OmniClient.from_env(environ=settings) as omni:
            with omni.audit_log.events() as events:
                for event in events:
                    look(event)
            return events.chunks

    return work


def plain_calls(target: str, metadata: Callable[[], Metadata], calls: int) -> Callable[[], int]:
    """Call with a plain stub and whatever metadata is given for each call."""
    request = b""

    def work() -> int:
        with grpc.insecure_channel(target) as channel:
            stub: Any = channel.unary_unary(
                USERS, response_deserializer=ListUsersResponse.FromString
            )
            for _ in range(calls):
                stub(request, metadata=metadata())
        return calls

    return work


def our_calls(settings: dict[str, str], calls: int) -> Callable[[], int]:
    """Call with omni_api, which signs each call."""

    def work() -> int:
        with omni_api.OmniClient.from_env(environ=settings) as omni:
            for _ in range(calls):
                omni.management.list_users()
        return calls

    return work


def signatures(key: omni_api.ServiceAccountKey, count: int) -> Callable[[], int]:
    """Sign, and nothing else."""

    def work() -> int:
        for _ in range(count):
            signed(key, USERS)
        return count

    return work


def import_seconds(module: str) -> float:
    """Median wall time of a fresh interpreter that imports `module`, less a bare one's."""

    def once(code: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - started

    pairs = [once(f"import {module}") - once("pass") for _ in range(7)]
    return statistics.median(pairs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--target", help="HOST:PORT of a running plaintext server")
    options = parser.parse_args()
    print(
        f"{os.cpu_count()} processors, Python {sys.version.split()[0]}, grpcio {grpc.__version__}"
    )
    with server(options.events, options.target) as settings:
        target = settings["OMNI_ENDPOINT"].removeprefix("grpc://")
        key = omni_api.ServiceAccountKey.decode(settings["OMNI_SERVICE_ACCOUNT_KEY"])
        print(f"{'':54}{'a second':>12} {'CPU us':>10} {'x CPU':>8} {'x rate':>8}")
        sign = best(signatures(key, options.calls))
        row("signature", sign)
        once = signed(key, USERS)
        plain = best(plain_calls(target, lambda: once, options.calls))
        row("unary, plain stub, signed once", plain)
        # A signature differs in every call, so unlike one made once it is also sent in full.
        fair = best(plain_calls(target, lambda: signed(key, USERS), options.calls))
        row("unary, plain stub, each call signed", fair, plain)
        row(
            "unary, omni_api (to the stub that signs)",
            best(our_calls(settings, options.calls)),
            fair,
        )
        metadata = signed(key, AUDIT)
        default = best(plain_stream(target, metadata, ()))
        row("audit stream, plain stub", default)
        single = best(plain_stream(target, metadata, (SINGLE_THREADED,)))
        row("audit stream, plain stub, single-threaded", single, default)
        ours = best(our_stream(settings))
        row("audit stream, omni_api (ratios to single-threaded)", ours, single)
        typed = best(typed_events(settings, lambda _: None))
        row("typed events (ratios to omni_api's lines)", typed, ours)
        typed = best(typed_events(settings, lambda e: (e.time, e.type, e.actor, e.cluster)))
        row("typed events, four fields looked at", typed, ours)
        aio = best(plain_aio_stream(target, metadata))
        row("audit stream, plain grpc.aio stub", aio)
        row("audit stream, omni_api_async", best(our_aio_stream(settings)), aio)
    for module in ("grpc", "omni_api", "omni_api.client, omni_api._gen.management"):
        print(f"import {module:47}{import_seconds(module) * 1e3:12.0f} ms")


if __name__ == "__main__":
    main()

"""What a script waits for before it has its first answer: imports, and the first call."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

from benchmarks import plain
from benchmarks.measure import Row, Target, compared
from benchmarks.server import Server, fresh

# Signed before, so that the plain side pays for nothing but the call.
_PLAIN = """
import sys, grpc
from google.protobuf.empty_pb2 import Empty
from omni_api._gen.management_pb2 import ListUsersResponse
target, path, *pairs = sys.argv[1:]
with grpc.insecure_channel(target) as channel:
    stub = channel.unary_unary(
        path,
        request_serializer=Empty.SerializeToString,
        response_deserializer=ListUsersResponse.FromString,
    )
    stub(Empty(), metadata=list(zip(pairs[::2], pairs[1::2])))
"""
_OURS = """
from omni_api import OmniClient
with OmniClient.from_env() as omni:
    omni.management.list_users()
"""


def rows(server: Server, runs: int) -> Iterator[Row]:
    """Measure fresh interpreters, from their start to their end; the quickest run counts."""
    bare, grpc, omni = _quickest(
        runs,
        lambda: fresh("pass"),
        lambda: fresh("import grpc"),
        lambda: fresh("import omni_api"),
    )
    yield compared(
        "import omni_api, beside import grpc",
        "ms",
        [grpc - bare],
        [omni - bare],
        Target("ratio", "<=", 1.5),
    )
    headers = tuple(itertools.chain(*plain.signed(server, plain.USERS)))
    stub, ours = _quickest(
        runs,
        lambda: fresh(_PLAIN, server.target, plain.USERS, *headers),
        lambda: fresh(_OURS, environ=server.environ),
    )
    yield compared(
        "first call of a fresh interpreter", "ms", [stub], [ours], Target("difference", "<=", 100)
    )


def _quickest(runs: int, *sides: Callable[[], object]) -> tuple[float, ...]:
    """Run the sides in turn and return the least milliseconds that each took."""
    for side in sides:
        side()
    took = [[_milliseconds(side) for side in sides] for _ in range(runs)]
    return tuple(min(times) for times in zip(*took, strict=True))


def _milliseconds(side: Callable[[], object]) -> float:
    started = time.perf_counter()
    side()
    return (time.perf_counter() - started) * 1e3

"""The other side: the same calls with the stubs that grpcio makes, and nothing around them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import grpc.aio

from benchmarks.server import Server
from omni_api._core.call import Metadata
from omni_api._core.signing import signed_metadata
from omni_api._gen.management_pb2 import (
    ListUsersResponse,
    ReadAuditLogRequest,
    ReadAuditLogResponse,
)

AUDIT = "/management.ManagementService/ReadAuditLog"
USERS = "/management.ManagementService/ListUsers"
_UNLIMITED = (("grpc.max_receive_message_length", -1),)


def signed(server: Server, path: str) -> Metadata:
    """Return signed metadata, which a server takes for five minutes."""
    return signed_metadata(server.key, path, (), now=datetime.now(UTC))


def _audit_stub(channel: Any) -> Any:
    return channel.unary_stream(
        AUDIT,
        request_serializer=ReadAuditLogRequest.SerializeToString,
        response_deserializer=ReadAuditLogResponse.FromString,
    )


def _users_stub(channel: Any) -> Any:
    return channel.unary_unary(USERS, response_deserializer=ListUsersResponse.FromString)


def stream(server: Server, *options: tuple[str, int]) -> Callable[[], int]:
    """Return the work of reading the audit log."""

    def work() -> int:
        with grpc.insecure_channel(server.target, options=(*_UNLIMITED, *options)) as channel:
            rpc = _audit_stub(channel)(ReadAuditLogRequest(), metadata=signed(server, AUDIT))
            return sum(1 for _ in rpc)

    return work


async def stream_aio(server: Server) -> int:
    """Read the audit log with asyncio."""
    count = 0
    async with grpc.aio.insecure_channel(server.target, options=_UNLIMITED) as channel:
        rpc = _audit_stub(channel)(ReadAuditLogRequest(), metadata=signed(server, AUDIT))
        async for _ in rpc:
            count += 1
    return count


def calls(server: Server, count: int) -> Callable[[], int]:
    """Return the work of `count` calls, one after the other, each signed."""

    def work() -> int:
        with grpc.insecure_channel(server.target) as channel:
            stub = _users_stub(channel)
            for _ in range(count):
                stub(b"", metadata=signed(server, USERS))
        return count

    return work


def calls_of_threads(
    server: Server, workers: Callable[[Callable[[], None]], int]
) -> Callable[[], int]:
    """Return the work of calls from many threads, which `workers` starts."""

    def work() -> int:
        with grpc.insecure_channel(server.target) as channel:
            stub = _users_stub(channel)
            return workers(lambda: stub(b"", metadata=signed(server, USERS)))

    return work


async def calls_aio(server: Server, count: int, in_flight: int) -> int:
    """Make `count` calls with asyncio, `in_flight` at a time."""
    async with grpc.aio.insecure_channel(server.target) as channel:
        stub = _users_stub(channel)
        for _ in range(0, count, in_flight):
            await asyncio.gather(
                *(stub(b"", metadata=signed(server, USERS)) for _ in range(in_flight))
            )
    return count


@asynccontextmanager
async def follows(server: Server) -> AsyncIterator[Callable[[], Awaitable[AsyncIterator[str]]]]:
    """Yield what opens a follow stream, past its acknowledgment: the ids of what it is about."""
    async with grpc.aio.insecure_channel(server.target) as channel:
        stub = _audit_stub(channel)

        async def opened() -> AsyncIterator[str]:
            lines = aiter(stub(ReadAuditLogRequest(follow=True), metadata=signed(server, AUDIT)))
            await anext(lines)
            return (json.loads(line.audit_log).get("resource_id", "") async for line in lines)

        yield opened

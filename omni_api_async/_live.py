"""Live streams for asyncio: grpc.aio's own calls, read one message at a time."""

from __future__ import annotations

from typing import Any

import grpc.aio


class LiveCall:
    """A running stream of grpc.aio."""

    def __init__(self, rpc: grpc.aio.UnaryStreamCall[Any, bytes]) -> None:
        self._rpc = rpc

    def at_hand(self) -> bytes | None:
        """Return None: grpc.aio keeps no message ready."""
        return None

    async def read(self) -> bytes | None:
        """Return the next message, None at the end of the stream."""
        data = await self._rpc.read()
        return data if isinstance(data, bytes) else None  # else it is grpc.aio.EOF

    def cancel(self) -> None:
        """End the call."""
        self._rpc.cancel()

    async def joined(self) -> None:
        """Return at once: nothing outlives the call."""

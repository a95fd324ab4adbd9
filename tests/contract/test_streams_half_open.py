"""Streams that are closed at the most awkward moment: while they are being opened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sample_calls import one_machine

import omni_api
import omni_api_async
from omni_api import ServiceAccountKey
from omni_api.simulator import Simulator


def key_of(simulator: Simulator) -> ServiceAccountKey:
    return ServiceAccountKey.decode(simulator.service_account_key())


def all_streams_end(simulator: Simulator) -> bool:
    return simulator.wait_for(lambda: simulator.active_streams() == 0)


class MeddlingKey:
    """A key that does something while it signs: at a moment when a stream is half begun."""

    def __init__(self, key: ServiceAccountKey) -> None:
        self._key = key
        self.identity, self.fingerprint, self.expires = key.identity, key.fingerprint, key.expires
        self.meddle: Callable[[], object] = lambda: None

    def sign(self, data: bytes) -> bytes:
        self.meddle()
        return self._key.sign(data)


def test_a_stream_closed_while_it_is_being_opened_ends_quietly(simulator: Simulator) -> None:
    key = MeddlingKey(key_of(simulator))
    with omni_api.OmniClient(simulator.endpoint, auth=key) as omni:
        stream = omni.management.machine_logs(
            machine_id=one_machine(simulator), follow=True, tail_lines=1
        )
        key.meddle = stream.close
        assert list(stream) == []
        assert "closed" in repr(stream)
        assert all_streams_end(simulator)


def test_an_asyncio_stream_closed_while_it_is_being_opened_ends_quietly(
    simulator: Simulator,
) -> None:
    key = MeddlingKey(key_of(simulator))

    async def body() -> None:
        async with omni_api_async.OmniClient(simulator.endpoint, auth=key) as omni:
            stream = omni.management.machine_logs(
                machine_id=one_machine(simulator), follow=True, tail_lines=1
            )

            def close() -> None:
                # Closing waits for nothing, so one step does it, as a task's turn would.
                with pytest.raises(StopIteration):
                    stream.close().send(None)

            key.meddle = close
            assert [line async for line in stream] == []
            assert "closed" in repr(stream)
            assert await asyncio.to_thread(all_streams_end, simulator)

    asyncio.run(body())

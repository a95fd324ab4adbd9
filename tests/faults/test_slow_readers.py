"""A reader that stops reading: the server is slowed down, and memory stays flat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from facades import Facade
from leftovers import until

from omni_api.simulator import Simulator

EVENTS = 24_000
MIB = 1024 * 1024

STREAMS: dict[str, Callable[[Any], Any]] = {
    "bulk": lambda omni: omni.audit_log.events("2026-01-01"),
    "follow": lambda omni: omni.audit_log.follow("oldest"),
}


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def stands_still(relay: Any) -> bool:
    """Whether the server sends nothing for a fifth of a second."""
    before = relay.received
    return not until(lambda: relay.received != before, seconds=0.2)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_reader_that_stops_stops_the_server_until_it_reads_on(
    relayed: Any, facade: Facade, kind: str
) -> None:
    with Simulator(audit_events=EVENTS) as simulator:
        omni, relay = relayed(simulator=simulator)
        with STREAMS[kind](omni) as stream:
            for _ in range(10):
                next(stream)
            before = resident()
            assert facade.meanwhile(lambda: until(lambda: stands_still(relay)))
            ahead, grown = relay.received, resident() - before
            assert grown < 24 * MIB
            # Of 11 MiB. gRPC takes some 4 MiB ahead of its reader, and a bulk stream 4 more.
            assert ahead < 9 * MIB
            while relay.received < ahead + MIB // 2:
                next(stream)
            assert stream.chunks < EVENTS

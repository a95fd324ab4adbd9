"""A connection that is cut at any byte: what came before it is whole, and nothing comes twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from broken_relay import Cut
from sample_calls import one_machine

from omni_api import RetryPolicy, UnavailableError
from omni_api.simulator import Simulator

INTO = (0, 1, 5, 6, 60)
"""Bytes of a message: none, part of its prefix, all of it, and some of its content."""

STREAMS: dict[str, Callable[[Any, Simulator], Any]] = {
    "bulk": lambda omni, _: omni.management.read_audit_log(search="talos-default"),
    "live": lambda omni, simulator: omni.management.machine_logs(
        machine_id=one_machine(simulator), tail_lines=9, follow=True
    ),
}


def cuts(messages: int) -> Iterator[Cut]:
    """Every boundary of so many messages, and places inside each."""
    for count in range(messages + 1):
        for extra in INTO:
            yield Cut(count, extra, reset=(count + extra) % 2 == 0)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_cut_at_any_message_delivers_what_came_whole_and_says_how_far_that_was(
    relayed: Any, simulator: Simulator, kind: str
) -> None:
    omni, _ = relayed()
    make = STREAMS[kind]
    with make(omni, simulator) as stream:
        whole = [next(stream) for _ in range(9)]
    broken = 0
    for cut in cuts(4):
        omni, relay = relayed([cut])
        got: list[Any] = []
        with make(omni, simulator) as stream:
            try:
                got += (next(stream) for _ in range(9))
            except UnavailableError as error:
                broken += 1
                assert (error.chunks, relay.connections) == (len(got), 1)
                assert f"after {len(got)} messages" in str(error)
                # gRPC drops what it had not handed over yet when the connection went.
                assert 0 < len(got) <= cut.messages
                assert got == whole[: len(got)]
            else:
                # Nothing was delivered before the cut, so the read was sent again.
                assert (got, relay.connections) == (whole, 2)
    assert broken


def test_a_connection_that_is_cut_while_it_is_made_is_made_again(relayed: Any) -> None:
    for wire in (0, 9, 20, 60, 100):
        # gRPC itself waits 0.1 s before it tries to connect again.
        omni, relay = relayed([Cut(wire=wire)], retry=RetryPolicy(first_wait=0.2))
        assert omni.management.list_users().users
        assert relay.connections == 2


@pytest.mark.usefixtures("_watchful")
def test_a_connection_that_stays_silent_while_it_is_made_is_made_again(relayed: Any) -> None:
    omni, relay = relayed([Cut(wire=0, mute=True)], retry=RetryPolicy(first_wait=0.2))
    assert omni.management.list_users().users
    assert relay.connections == 2


@pytest.mark.usefixtures("_watchful")
@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_whose_connection_dies_silently_is_an_error(
    relayed: Any, simulator: Simulator, kind: str
) -> None:
    omni, _ = relayed([Cut(4, 60, mute=True)])
    with pytest.raises(UnavailableError, match="after 4 messages"):
        list(STREAMS[kind](omni, simulator))

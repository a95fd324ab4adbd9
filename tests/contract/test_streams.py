"""Streams: when they start, what ends them on the server, what they count, what stays closed."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from facades import Facade
from sample_calls import one_machine

from omni_api import CallError, ClosedError, NotFoundError
from omni_api.simulator import Simulator


def follow(omni: Any, simulator: Simulator, tail_lines: int = 2) -> Any:
    """Return a stream that goes on for ever."""
    return omni.management.machine_logs(
        machine_id=one_machine(simulator), follow=True, tail_lines=tail_lines
    )


@pytest.fixture
def ends(facade: Facade, simulator: Simulator) -> Any:
    """A function that says whether all streams of the simulator come to an end, waiting for it."""

    def all_streams_end() -> bool:
        return facade.meanwhile(lambda: simulator.wait_for(lambda: not simulator.active_streams()))

    return all_streams_end


def test_nothing_is_sent_before_a_stream_is_entered_or_iterated(
    omni: Any, simulator: Simulator
) -> None:
    stream = follow(omni, simulator)
    assert "machine_logs new" in repr(stream)
    stream.close()
    assert simulator.calls == []


def test_a_stream_that_is_entered_has_started_before_its_first_message_is_asked_for(
    omni: Any, simulator: Simulator, facade: Facade
) -> None:
    with follow(omni, simulator, tail_lines=0) as stream:
        started = facade.meanwhile(
            lambda: simulator.wait_for(lambda: simulator.active_streams("MachineLogs") == 1)
        )
        assert started
        assert stream.chunks == 0


def test_leaving_the_with_block_cancels_on_the_server(
    omni: Any, simulator: Simulator, ends: Any
) -> None:
    with follow(omni, simulator) as stream:
        next(stream)
        assert simulator.active_streams("MachineLogs") == 1
    assert ends()
    assert "closed" in repr(stream)


def test_an_exception_within_the_with_block_cancels_and_goes_on(
    omni: Any, simulator: Simulator, ends: Any
) -> None:
    with pytest.raises(ZeroDivisionError), follow(omni, simulator) as stream:
        raise ZeroDivisionError(next(stream))
    assert ends()


def test_break_cancels_on_the_server_while_the_stream_is_still_at_hand(
    omni: Any, simulator: Simulator, ends: Any
) -> None:
    stream = follow(omni, simulator)
    for _ in stream:
        break
    assert ends()
    assert stream.chunks == 1
    with pytest.raises(ClosedError, match="break"):
        iter_once(stream)


def test_close_cancels_on_the_server_and_may_come_twice(
    omni: Any, simulator: Simulator, ends: Any
) -> None:
    stream = follow(omni, simulator)
    next(stream)
    stream.close()
    assert ends()
    stream.close()
    assert "closed: 1 chunks" in repr(stream)


def test_a_stream_that_is_forgotten_is_cancelled_on_the_server(
    omni: Any, simulator: Simulator, ends: Any
) -> None:
    stream = follow(omni, simulator)
    next(stream)
    assert simulator.active_streams() == 1
    del stream
    gc.collect()
    assert ends()


def test_a_stream_that_was_entered_and_forgotten_unread_is_cancelled_on_the_server(
    omni: Any, simulator: Simulator, ends: Any, facade: Facade
) -> None:
    stream = follow(omni, simulator)
    stream.__enter__()
    assert facade.meanwhile(lambda: simulator.wait_for(lambda: simulator.active_streams() == 1))
    del stream
    gc.collect()
    assert ends()


def test_closing_the_client_ends_its_streams_on_the_server(
    omni: Any, simulator: Simulator, ends: Any
) -> None:
    stream = follow(omni, simulator)
    next(stream)
    omni.close()
    assert ends()
    with pytest.raises(ClosedError):
        list(stream)


def iter_once(stream: Any) -> Any:
    """Start a loop over the stream and take one message."""
    return next(iter(stream))


def test_iterating_a_closed_stream_raises_closed_error(omni: Any, simulator: Simulator) -> None:
    stream = follow(omni, simulator)
    with stream:
        next(stream)
    with pytest.raises(ClosedError, match="call the method again") as caught:
        iter_once(stream)
    assert "machine_logs is closed" in str(caught.value)


def test_a_step_of_a_closed_stream_brings_nothing_more(omni: Any, simulator: Simulator) -> None:
    stream = follow(omni, simulator)
    next(stream)
    stream.close()
    assert next(stream, None) is None
    assert stream.chunks == 1


def test_a_stream_closed_before_its_start_is_never_sent(omni: Any, simulator: Simulator) -> None:
    stream = follow(omni, simulator)
    stream.close()
    with pytest.raises(ClosedError):
        iter_once(stream)
    assert simulator.calls == []


def test_a_stream_counts_its_messages_and_their_bytes(omni: Any, simulator: Simulator) -> None:
    with omni.management.machine_logs(machine_id=one_machine(simulator), tail_lines=7) as stream:
        for number, line in enumerate(stream, start=1):
            assert stream.chunks == number
            assert line.bytes
    assert stream.chunks == 7
    assert "ended: 7 chunks" in repr(stream)
    again = omni.management.machine_logs(machine_id=one_machine(simulator), tail_lines=7)
    lines = list(again)
    assert again.bytes_received == stream.bytes_received == sum(len(line.bytes) for line in lines)


def test_bytes_of_an_audit_log_are_those_of_its_lines(omni: Any) -> None:
    with omni.management.read_audit_log() as stream:
        total = sum(len(line.audit_log) for line in stream)
    assert stream.bytes_received == total > 0


def test_bytes_of_a_support_bundle_are_those_of_the_bundle(omni: Any) -> None:
    with omni.management.get_support_bundle(cluster="nowhere") as stream:
        messages = list(stream)
    assert stream.chunks == len(messages) == 2
    assert stream.bytes_received == len(messages[-1].bundle_data) == 22


def test_a_stream_that_came_to_its_end_stays_at_its_end(
    omni: Any, simulator: Simulator, ends: Any
) -> None:
    stream = omni.management.machine_logs(machine_id=one_machine(simulator), tail_lines=1)
    assert len(list(stream)) == 1
    assert ends()
    assert list(stream) == []
    stream.close()
    assert "ended" in repr(stream)


def test_a_loop_may_go_on_where_single_steps_left_off(omni: Any, simulator: Simulator) -> None:
    with omni.management.machine_logs(machine_id=one_machine(simulator), tail_lines=5) as stream:
        first = next(stream)
        rest = list(stream)
    assert len([first, *rest]) == len({line.bytes for line in [first, *rest]}) == 5


def test_a_refused_stream_is_broken_and_says_so_when_it_is_read_again(omni: Any) -> None:
    stream = omni.management.machine_logs(machine_id="unknown")
    with pytest.raises(NotFoundError) as caught:
        next(stream)
    assert caught.value.chunks == 0
    assert "broken" in repr(stream)
    with pytest.raises(ClosedError, match="is broken"):
        iter_once(stream)
    stream.close()
    assert "broken" in repr(stream)


def test_a_stream_broken_in_the_middle_tells_how_far_it_came(
    omni: Any, simulator: Simulator
) -> None:
    simulator.break_stream("MachineLogs", after=3)
    stream = omni.management.machine_logs(machine_id=one_machine(simulator))
    with pytest.raises(CallError) as caught:
        list(stream)
    assert caught.value.chunks == stream.chunks == 3
    assert caught.value.bytes_received == stream.bytes_received > 0
    assert f"after 3 messages, {stream.bytes_received} bytes" in str(caught.value)

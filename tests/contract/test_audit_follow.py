"""Following for ever: each event once and in order through every interruption, or an error."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import grpc
import pytest
from facades import Facade
from stub_server import StubServer

from omni_api import (
    InternalError,
    InvalidInputError,
    MissingEventsError,
    OmniError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
)
from omni_api._core import following
from omni_api._core.resuming import passing, waits
from omni_api._gen import management_pb2
from omni_api.simulator import Simulator

Code = grpc.StatusCode


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the waits between two streams short."""
    monkeypatch.setattr(following, "AFTER_CLEAN_END", 0.001)
    monkeypatch.setattr(following, "waits", lambda: iter([0.001] * 1000))


def happen(simulator: Simulator, count: int) -> list[int]:
    """Let something happen on the server, and return the ids of the events."""
    return [
        simulator.state.audit.record(None, "create", resource_type="Clusters", resource_id=str(n))
        for n in range(count)
    ]


def take(events: Any, count: int) -> list[int]:
    return [next(events).id for _ in range(count)]


# ---- Where it starts ----------------------------------------------------------------------------


def test_what_happens_once_the_block_is_entered_is_delivered(
    omni: Any, simulator: Simulator
) -> None:
    with omni.audit_log.follow() as events:
        assert events.checkpoint == simulator.state.audit.newest_id
        ids = happen(simulator, 3)
        assert take(events, 3) == ids
    assert (events.chunks, events.reconnects) == (3, 0)
    assert events.bytes_received > 0


def test_events_are_typed(omni: Any) -> None:
    with omni.audit_log.follow() as events:
        omni.management.create_user(email="ana@example.org", role="Reader")
        event = next(events)
    assert (event.type, event.resource_id) == ("create", "ana@example.org")
    assert event.actor.email.startswith("automation@")
    assert event.raw.endswith(b"}\n")


def test_the_whole_log_can_be_followed_from_its_oldest_event(
    omni: Any, simulator: Simulator
) -> None:
    newest = simulator.state.audit.newest_id
    with omni.audit_log.follow("oldest") as events:
        assert take(events, newest) == list(range(1, newest + 1))


@pytest.mark.parametrize("form", ["datetime", "timedelta", "seconds"])
def test_a_start_can_be_a_moment_or_a_time_ago(omni: Any, simulator: Simulator, form: str) -> None:
    now = datetime.now(UTC)
    audit = simulator.state.audit
    for minutes in (90, 30):
        at = now - timedelta(minutes=minutes)
        audit.record(None, "create", resource_type="T", at_ms=int(at.timestamp() * 1000))
    since: Any = {
        "datetime": now - timedelta(hours=1),
        "timedelta": timedelta(hours=1),
        "seconds": 3600,
    }[form]
    with omni.audit_log.follow(since) as events:
        first = next(events)
    assert now - timedelta(hours=1, seconds=1) <= first.time


def test_a_checkpoint_goes_on_where_another_process_stopped(
    omni: Any, simulator: Simulator
) -> None:
    with omni.audit_log.follow() as events:
        ids = happen(simulator, 4)
        assert take(events, 2) == ids[:2]
    assert events.checkpoint == ids[1]
    with omni.audit_log.follow(checkpoint=events.checkpoint) as more:
        assert more.checkpoint == ids[1]
        assert take(more, 2) == ids[2:]


def test_the_checkpoint_of_an_event_is_there_while_it_is_worked_on(
    omni: Any, simulator: Simulator
) -> None:
    with omni.audit_log.follow() as events:
        ids = happen(simulator, 2)
        for event in events:
            assert events.checkpoint == event.id
            if event.id == ids[-1]:
                break


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"since": "yesterday"}, "'yesterday'"),
        ({"since": datetime(2026, 11, 1)}, "time zone"),  # noqa: DTZ001
        ({"since": -5}, "positive"),
        ({"since": [1]}, "seconds"),
        ({"checkpoint": -1}, "checkpoint is an id"),
        ({"checkpoint": "7"}, "checkpoint"),
        ({"checkpoint": 7, "since": 60}, "not both"),
        ({"patience": 0}, "patience"),
        ({"strict": "yes"}, "strict"),
        ({"allow_gaps": 1}, "allow_gaps"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        omni.audit_log.follow(**options)
    assert simulator.calls == []


def test_a_moment_in_the_future_is_refused_and_one_of_a_clock_ahead_is_not(
    omni: Any, simulator: Simulator
) -> None:
    later = datetime.now(UTC) + timedelta(minutes=6)
    with pytest.raises(InvalidInputError, match="must not be in the future"):
        next(omni.audit_log.follow(later))
    assert simulator.calls == []
    with omni.audit_log.follow(later - timedelta(minutes=2)) as events:
        ids = happen(simulator, 1)
        assert take(events, 1) == ids


# ---- Interruptions ------------------------------------------------------------------------------


def test_the_end_of_the_lease_is_outlived(omni: Any, simulator: Simulator) -> None:
    with omni.audit_log.follow() as events:
        ids = happen(simulator, 1)
        assert take(events, 1) == ids
        simulator.expire_follow_leases()
        ids = happen(simulator, 2)
        assert delivered(events, ids) == ids
        assert events.reconnects >= 1


def delivered(events: Any, wanted: list[int]) -> list[int]:
    """The ids of the next events, less those of the follows' own entries in the log."""
    found: list[int] = []
    while len(found) < len(wanted):
        event = next(events)
        if event.type != "audit_log_access":
            found.append(event.id)
    return found


@pytest.mark.parametrize(
    "code",
    [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.ABORTED],
    ids=lambda code: code.name,
)
@pytest.mark.parametrize("after", [1, 2, 3, 5])
def test_a_break_at_any_message_loses_and_repeats_nothing(
    omni: Any, simulator: Simulator, code: grpc.StatusCode, after: int
) -> None:
    simulator.break_stream("ReadAuditLog", after=after, code=code, times=3)
    with omni.audit_log.follow() as events:
        ids = happen(simulator, 6)
        assert delivered(events, ids) == ids
    assert events.reconnects >= 1


@pytest.mark.parametrize("text", ["Received RST_STREAM with error code 2", "GOAWAY received"])
def test_a_reset_by_a_proxy_is_outlived(omni: Any, simulator: Simulator, text: str) -> None:
    simulator.break_stream("ReadAuditLog", after=2, code=Code.INTERNAL, message=text)
    with omni.audit_log.follow() as events:
        ids = happen(simulator, 3)
        assert delivered(events, ids) == ids


def test_a_restart_of_the_server_is_outlived(
    omni: Any, simulator: Simulator, facade: Facade
) -> None:
    with omni.audit_log.follow() as events:
        ids = happen(simulator, 2)
        assert take(events, 1) == ids[:1]
        facade.meanwhile(simulator.restart)
        ids += happen(simulator, 2)
        assert delivered(events, ids[1:]) == ids[1:]


def test_an_outage_ends_when_the_patience_does(
    omni: Any, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    with omni.audit_log.follow(patience=0.01) as events:
        happen(simulator, 1)
        take(events, 1)
        simulator.fail("ReadAuditLog", times=None)
        simulator.expire_follow_leases()
        with pytest.raises(UnavailableError) as caught:
            list(events)
    assert caught.value.chunks == 1
    assert "following the audit log: UNAVAILABLE; on behind event" in caplog.text


def test_the_first_connection_is_tried_like_any_call(omni: Any, simulator: Simulator) -> None:
    fault = simulator.fail("ReadAuditLog", times=None)
    with pytest.raises(UnavailableError):
        omni.audit_log.follow().__enter__()
    assert fault.hits == 4


def test_a_role_that_is_taken_away_ends_the_stream(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    with as_role("Auditor").audit_log.follow() as events:
        simulator.state.suspended = True
        simulator.expire_follow_leases()
        with pytest.raises(PermissionDeniedError):
            list(events)


def test_a_clock_that_goes_wrong_ends_the_stream_and_is_named(
    omni: Any, simulator: Simulator
) -> None:
    with omni.audit_log.follow() as events:
        simulator.clock_offset = timedelta(minutes=10)
        simulator.expire_follow_leases()
        with pytest.raises(UnauthenticatedError, match="clock is right to within five minutes"):
            list(events)


# ---- What cannot be followed --------------------------------------------------------------------


def test_a_server_that_cannot_follow_is_told_by_its_first_message(
    omni: Any, simulator: Simulator, facade: Facade
) -> None:
    simulator.state.legacy = True
    with pytest.raises(UnimplementedError, match="does not support following"):
        omni.audit_log.follow().__enter__()
    assert facade.meanwhile(lambda: simulator.wait_for(lambda: simulator.active_streams() == 0))


def test_a_role_below_auditor_is_refused(as_role: Callable[..., Any]) -> None:
    with pytest.raises(PermissionDeniedError):
        next(as_role("Operator").audit_log.follow())


@attrs.define
class Scripted:
    """A server whose follow streams are lists of (id, line), one list a stream."""

    streams: list[list[tuple[int, str]]]
    asked: list[int] = attrs.field(factory=list)

    def read_audit_log(self, request: bytes, _context: Any) -> Iterator[bytes]:
        read = management_pb2.ReadAuditLogRequest.FromString(request)
        self.asked.append(read.from_id)
        for id_, line in self.streams.pop(0) if self.streams else [(read.from_id - 1, "")]:
            yield management_pb2.ReadAuditLogResponse(
                audit_log=line.encode(), id=id_
            ).SerializeToString()


EVENT = '{"event_type":"create","event_data":{"session":{}},"event_ts":1795479365463}\n'


@pytest.fixture
def scripted(facade: Facade) -> Iterator[Callable[..., tuple[Any, Scripted]]]:
    servers: list[StubServer] = []

    def make(*streams: list[tuple[int, str]]) -> tuple[Any, Scripted]:
        script = Scripted(list(streams))

        def serve(request: bytes, context: Any) -> Iterator[bytes]:
            yield from script.read_audit_log(request, context)

        servers.append(StubServer({"ReadAuditLog": serve}).__enter__())
        return facade.client(servers[-1].endpoint), script

    yield make
    for server in servers:
        server.__exit__(None, None, None)


@pytest.mark.parametrize("first", [[], [(0, EVENT)]], ids=["nothing", "an event"])
def test_no_acknowledgment_means_that_the_server_cannot_follow(
    scripted: Callable[..., tuple[Any, Scripted]], first: list[tuple[int, str]]
) -> None:
    omni, script = scripted(first)
    with pytest.raises(UnimplementedError, match=r"Following exists from Omni 1\.10"):
        next(omni.audit_log.follow())
    assert len(script.asked) == 1


def test_a_server_that_followed_and_then_says_nothing_is_asked_again(
    scripted: Callable[..., tuple[Any, Scripted]],
) -> None:
    omni, script = scripted([(4, ""), (5, EVENT)], [], [], [(5, ""), (6, EVENT)])
    assert take(omni.audit_log.follow(), 2) == [5, 6]
    assert script.asked == [0, 6, 6, 6]


def test_an_event_that_comes_twice_is_delivered_once(
    scripted: Callable[..., tuple[Any, Scripted]],
) -> None:
    omni, script = scripted(
        [(4, ""), (5, EVENT), (6, EVENT)], [(6, ""), (5, EVENT), (6, EVENT), (7, EVENT)]
    )
    events = omni.audit_log.follow()
    assert take(events, 3) == [5, 6, 7]
    assert script.asked == [0, 7]


def test_ids_may_skip_within_one_stream(scripted: Callable[..., tuple[Any, Scripted]]) -> None:
    omni, _ = scripted([(4, ""), (5, EVENT), (9, EVENT)])
    assert take(omni.audit_log.follow(), 2) == [5, 9]


def test_events_that_were_removed_meanwhile_are_an_error_that_names_them(
    scripted: Callable[..., tuple[Any, Scripted]],
) -> None:
    omni, _ = scripted([(4, ""), (5, EVENT)], [(5, ""), (9, EVENT)])
    events = omni.audit_log.follow()
    assert take(events, 1) == [5]
    with pytest.raises(MissingEventsError, match="6 to 8") as caught:
        next(events)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.first_id, error.last_id, error.checkpoint) == (6, 8, 8)


def test_a_checkpoint_whose_events_were_removed_is_an_error_too(
    scripted: Callable[..., tuple[Any, Scripted]],
) -> None:
    omni, _ = scripted([(5, ""), (9, EVENT)], [(8, ""), (9, EVENT)])
    with pytest.raises(MissingEventsError) as caught:
        next(omni.audit_log.follow(checkpoint=5))
    assert take(omni.audit_log.follow(checkpoint=caught.value.checkpoint), 1) == [9]


def test_gaps_can_be_allowed(scripted: Callable[..., tuple[Any, Scripted]]) -> None:
    omni, _ = scripted([(5, ""), (9, EVENT)])
    assert take(omni.audit_log.follow(checkpoint=5, allow_gaps=True), 1) == [9]


def test_a_log_that_ends_before_the_checkpoint_was_replaced(
    omni: Any, simulator: Simulator
) -> None:
    with pytest.raises(MissingEventsError, match="replaced or restored") as caught:
        next(omni.audit_log.follow(checkpoint=10**9))
    assert (caught.value.first_id, caught.value.last_id) == (10**9 + 1, None)
    assert simulator.count("ReadAuditLog") == 1


@pytest.mark.parametrize("bad", [(6, ""), (0, EVENT), (-1, EVENT)])
def test_a_message_without_event_or_id_is_an_error_and_not_tried_again(
    scripted: Callable[..., tuple[Any, Scripted]], bad: tuple[int, str]
) -> None:
    omni, script = scripted([(4, ""), (5, EVENT), bad])
    events = omni.audit_log.follow()
    assert take(events, 1) == [5]
    with pytest.raises(InternalError, match="without event or id came after event 5"):
        next(events)
    assert len(script.asked) == 1


def test_a_line_that_is_no_json_is_reported_and_left_out(
    scripted: Callable[..., tuple[Any, Scripted]],
) -> None:
    omni, _ = scripted([(4, ""), (5, "no JSON\n"), (6, EVENT)])
    reported: list[Any] = []
    events = omni.audit_log.follow(on_malformed=reported.append)
    assert take(events, 1) == [6]
    assert events.checkpoint == 6
    assert [line.id for line in reported] == [5]


def test_a_line_that_is_no_json_ends_a_strict_stream(
    scripted: Callable[..., tuple[Any, Scripted]],
) -> None:
    omni, _ = scripted([(4, ""), (5, "no JSON\n")])
    with pytest.raises(OmniError, match="JSON"):
        next(omni.audit_log.follow(strict=True))


def test_a_line_that_its_function_refused_comes_again(
    scripted: Callable[..., tuple[Any, Scripted]],
) -> None:
    def fail(_line: object) -> None:
        raise OSError("the disk is full")

    omni, script = scripted([(4, ""), (5, EVENT), (6, "no JSON\n")], [(5, ""), (6, "no JSON\n")])
    events = omni.audit_log.follow(on_malformed=fail)
    assert take(events, 1) == [5]
    with pytest.raises(OSError, match="disk is full"):
        next(events)
    assert events.checkpoint == 5
    assert "broken" in repr(events)
    with pytest.raises(OmniError, match="JSON"):
        next(omni.audit_log.follow(checkpoint=events.checkpoint, strict=True))
    assert script.asked == [0, 6]


# ---- The rule -----------------------------------------------------------------------------------


def test_the_waits_of_an_outage_grow_and_stay_bounded() -> None:
    long_ones = [wait for wait, _ in zip(waits(), range(40), strict=False)]
    assert 0.1 <= long_ones[0] <= 0.2
    assert all(15 <= wait <= 30 for wait in long_ones[10:])


def test_only_what_may_pass_is_outlived() -> None:
    def error(code: grpc.StatusCode, details: str = "") -> OmniError:
        from omni_api.errors import class_for

        return class_for(code, details)(details, code=code, method="/m")

    assert passing(error(Code.UNAVAILABLE))
    assert not passing(error(Code.UNAVAILABLE, "certificate verify failed"))
    assert not passing(error(Code.INTERNAL, "panic"))
    assert not passing(error(Code.UNAUTHENTICATED))
    assert not passing(ValueError())

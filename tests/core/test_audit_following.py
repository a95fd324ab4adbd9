"""Following the audit log driven by hand: how long it waits between two streams."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import grpc
import pytest
from by_hand import failure

from omni_api._core.following import Begin, Following
from omni_api._core.steps import Give, Moment, Next, Now, Pause, Start
from omni_api._gen.management_pb2 import ReadAuditLogRequest
from omni_api._gen.models import AuditLogLine
from omni_api.audit import EventReader

EVENT = b'{"event_type":"audit_log_access","event_data":{"session":{}},"event_ts":1795479365463}\n'


@attrs.define
class Server:
    """Acknowledges every stream, sends the event of its opening, and breaks it after a while."""

    stands_for: float
    clock: float = 0.0
    newest: int = 0
    given: list[int] = attrs.field(factory=list)
    pauses: list[float] = attrs.field(factory=list)

    def run(self, seconds: float) -> None:
        reader = EventReader(strict=False, on_malformed=None)
        follow = Following(begin=Begin(), allow_gaps=False, patience=None, reader=reader)
        steps = follow.steps()
        step, error, messages = next(steps), None, 0
        while self.clock < seconds:
            result: Any = None
            match step:
                case Start():
                    self.newest += 1
                    first = ReadAuditLogRequest.FromString(step.call.request).from_id
                    assert first in {0, self.newest}
                    result, messages = object(), 0
                case Now():
                    result = Moment(datetime.now(UTC), self.clock)
                case Pause():
                    self.pauses.append(step.seconds)
                    self.clock += step.seconds
                case Give():
                    self.given.append(step.value.id)
                case Next():
                    messages += 1
                    if messages == 1:
                        result = AuditLogLine(id=self.newest - 1, audit_log=b"")
                    elif messages == 2:
                        result = AuditLogLine(id=self.newest, audit_log=EVENT)
                    else:
                        self.clock += self.stands_for
                        error = failure(grpc.StatusCode.UNAVAILABLE, "reset")
            if error is None:
                step = steps.send(result)
            else:
                step, error = steps.throw(error), None
        steps.close()
        assert self.given == list(range(1, len(self.given) + 1))


def test_streams_that_break_at_once_are_opened_ever_more_seldom() -> None:
    server = Server(stands_for=0.0)
    server.run(600.0)
    assert server.pauses[-1] >= 15
    assert len(server.pauses) < 50


@pytest.mark.parametrize("seconds", [5.0, 60.0])
def test_streams_that_stood_for_long_are_opened_again_at_once(seconds: float) -> None:
    server = Server(stands_for=seconds)
    server.run(600.0)
    assert max(server.pauses) <= 0.2

"""Join tokens: their life from the first to the last day, and what an update must not lose."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from omni_api import (
    DeadlineExceededError,
    FailedPreconditionError,
    InvalidArgumentError,
    InvalidInputError,
    JoinToken,
    JoinTokenState,
    NotFoundError,
    PermissionDeniedError,
    ReadOnlyError,
)
from omni_api._composed import join_tokens
from omni_api._core.call import Call
from omni_api._core.steps import Moment, Now, Pause
from omni_api._gen import cosi_pb2, specs_pb2
from omni_api.simulator import Simulator


def token_of(omni: Any, id_: str) -> JoinToken:
    (found,) = [one for one in omni.join_tokens.list() if one.id == id_]
    assert isinstance(found, JoinToken)
    return found


def written(simulator: Simulator) -> list[tuple[str, str]]:
    """Kind and id of the audit events about join tokens that the test caused."""
    reader = simulator.state.audit
    return [
        (row.event_type, row.resource_id)
        for row in reader.live_rows(1)
        if "JoinTokens" in row.resource_type
    ]


def test_the_first_token_is_the_default_and_says_who_needs_it(omni: Any) -> None:
    (first,) = omni.join_tokens.list()
    assert (first.name, first.state, first.is_default) == ("initial token", 1, True)
    assert (first.use_count, first.expires) == (5, None)
    assert [one.message[:22] for one in first.warnings] == ["Talos is not installed"] * 2
    assert first.id not in repr(first)
    assert pickle.loads(pickle.dumps(first)) == first


def test_a_token_is_made_renewed_revoked_brought_back_and_removed(
    omni: Any, simulator: Simulator
) -> None:
    made = omni.join_tokens.create("rack-7", timedelta(days=1))
    assert made == token_of(omni, made.id)
    expires = omni.join_tokens.renew(made.id, timedelta(days=30))
    assert abs(expires - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
    assert token_of(omni, made.id).expires == expires
    omni.join_tokens.revoke(made.id)
    assert token_of(omni, made.id).state is JoinTokenState.REVOKED
    omni.join_tokens.unrevoke(made.id)
    assert token_of(omni, made.id).state is JoinTokenState.ACTIVE
    assert token_of(omni, made.id).expires == expires
    omni.join_tokens.destroy(made.id)
    assert made.id not in {one.id for one in omni.join_tokens.list()}
    kinds = ["create", "update", "update", "update", "teardown", "destroy"]
    assert written(simulator) == [(kind, made.id) for kind in kinds]


def test_a_token_lives_for_ever_unless_told_otherwise_and_then_expires(
    omni: Any, simulator: Simulator
) -> None:
    forever = omni.join_tokens.create("for-ever")
    assert forever.expires is None
    brief = omni.join_tokens.create("brief", 60)
    simulator.state.fleet.join_tokens[brief.id].expiration = datetime(2020, 1, 1, tzinfo=UTC)
    assert token_of(omni, forever.id).expires is None
    assert token_of(omni, brief.id).state is JoinTokenState.EXPIRED
    omni.join_tokens.renew(brief.id, 3600)
    assert token_of(omni, brief.id).state is JoinTokenState.ACTIVE


def test_another_token_can_be_the_default_and_the_default_cannot_be_removed(omni: Any) -> None:
    (first,) = omni.join_tokens.list()
    second = omni.join_tokens.create("second")
    omni.join_tokens.make_default(second.id)
    assert token_of(omni, second.id).is_default
    assert not token_of(omni, first.id).is_default
    config = omni.management.get_machine_join_config().config
    assert second.id in config
    with pytest.raises(InvalidArgumentError, match="deleting default join token"):
        omni.join_tokens.destroy(second.id)
    omni.join_tokens.destroy(first.id)
    assert omni.join_tokens.list() == (token_of(omni, second.id),)


def test_an_update_that_changes_nothing_is_not_in_the_audit_log(
    omni: Any, simulator: Simulator
) -> None:
    (first,) = omni.join_tokens.list()
    omni.join_tokens.unrevoke(first.id)
    assert written(simulator) == []


def test_an_update_keeps_labels_annotations_and_finalizers(omni: Any, simulator: Simulator) -> None:
    (first,) = omni.join_tokens.list()
    stored = simulator.state.fleet.join_tokens[first.id]
    stored.labels, stored.annotations = {"a": "1"}, {"b": "2"}
    stored.finalizers = ["SomeController"]
    omni.join_tokens.revoke(first.id)
    found = omni.resources.get("JoinTokens", first.id)
    assert (found.labels, found.annotations) == ({"a": "1"}, {"b": "2"})
    assert found.finalizers == ("SomeController",)
    assert found.version == 2
    assert found.spec["name"] == "initial token"


@pytest.mark.parametrize(
    "change",
    [
        lambda tokens, id_: tokens.renew(id_, 60),
        lambda tokens, id_: tokens.revoke(id_),
        lambda tokens, id_: tokens.unrevoke(id_),
        lambda tokens, id_: tokens.make_default(id_),
        lambda tokens, id_: tokens.destroy(id_),
    ],
    ids=["renew", "revoke", "unrevoke", "make_default", "destroy"],
)
class TestEveryChange:
    def test_of_a_missing_token_fails_with_an_error_that_does_not_repeat_it(
        self, omni: Any, change: Callable[[Any, str], object]
    ) -> None:
        with pytest.raises((NotFoundError, InvalidArgumentError)) as caught:
            change(omni.join_tokens, "a-mistyped-token")
        assert "a-mistyped-token" not in f"{caught.value!r} {caught.value}"
        assert "<hidden>" in str(caught.value)
        assert caught.value.__cause__ is None

    def test_needs_the_role_admin(
        self,
        as_role: Callable[..., Any],
        simulator: Simulator,
        change: Callable[[Any, str], object],
    ) -> None:
        id_ = simulator.state.fleet.default_join_token
        with pytest.raises(PermissionDeniedError, match='insufficient role: "Operator"'):
            change(as_role("Operator").join_tokens, id_)
        assert not simulator.state.fleet.join_tokens[id_].revoked

    def test_is_refused_by_a_read_only_client(
        self,
        as_role: Callable[..., Any],
        simulator: Simulator,
        change: Callable[[Any, str], object],
    ) -> None:
        id_ = simulator.state.fleet.default_join_token
        with pytest.raises(ReadOnlyError):
            change(as_role("Admin", read_only=True).join_tokens, id_)
        for rpc in ("Update", "Teardown", "Destroy"):
            assert simulator.count(rpc) == 0

    def test_of_an_empty_id_is_refused_before_anything_is_sent(
        self, omni: Any, simulator: Simulator, change: Callable[[Any, str], object]
    ) -> None:
        with pytest.raises(InvalidInputError, match="id must not be empty"):
            change(omni.join_tokens, "")
        assert simulator.calls == []


@pytest.mark.parametrize("lifetime", [0, -1, timedelta(0), float("inf"), True, "60"])
def test_a_lifetime_has_to_be_a_positive_duration(
    omni: Any, simulator: Simulator, lifetime: Any
) -> None:
    for method in (omni.join_tokens.create, omni.join_tokens.renew):
        with pytest.raises(InvalidInputError, match="lifetime"):
            method("x", lifetime)
    assert simulator.calls == []


def test_a_lifetime_beyond_the_calendar_ends_with_it(omni: Any) -> None:
    made = omni.join_tokens.create("x", timedelta(days=365 * 9000))
    assert made.expires is not None
    assert made.expires.year == 9999
    assert token_of(omni, made.id).expires == made.expires


def test_a_removal_waits_for_whoever_holds_the_token(omni: Any, simulator: Simulator) -> None:
    made = omni.join_tokens.create("held")
    fleet = simulator.state.fleet
    stored = fleet.join_tokens[made.id]
    stored.finalizers = ["SomeController"]

    def let_go() -> None:
        # As a controller does, and then the one that destroys what is torn down.
        simulator.wait_for(lambda: simulator.count("Get") > 0)
        with simulator.state.changed:
            del fleet.join_tokens[made.id]

    controller = threading.Thread(target=let_go)
    controller.start()
    omni.join_tokens.destroy(made.id)
    controller.join()
    assert made.id not in fleet.join_tokens
    assert simulator.count("Destroy") == 0


def test_a_removal_that_is_held_too_long_says_by_whom(omni: Any, simulator: Simulator) -> None:
    made = omni.join_tokens.create("held")
    simulator.state.fleet.join_tokens[made.id].finalizers = ["SomeController"]
    with pytest.raises(DeadlineExceededError, match="waits for SomeController"):
        omni.join_tokens.destroy(made.id, timeout=0.15)
    assert simulator.state.fleet.join_tokens[made.id].torn_down
    # Someone who looks after it is let go of can go on.
    simulator.state.fleet.join_tokens[made.id].finalizers = []
    omni.join_tokens.destroy(made.id)
    assert made.id not in simulator.state.fleet.join_tokens


def test_a_token_that_is_being_removed_is_not_changed_any_more(
    omni: Any, simulator: Simulator
) -> None:
    made = omni.join_tokens.create("held")
    simulator.state.fleet.join_tokens[made.id].torn_down = True
    with pytest.raises(InvalidArgumentError, match="is not in phase running"):
        omni.join_tokens.revoke(made.id)


# Below, the steps are carried out by hand: what no simulator can be brought to do at the right
# moment.

UNKNOWN_FIELD = b"\xba\x06\x03new"  # field 103, of a server that is newer


def stored(version: int, spec: bytes) -> cosi_pb2.GetResponse:
    resource = cosi_pb2.Resource()
    resource.metadata.id, resource.metadata.version = "t", str(version)
    resource.spec.proto_spec, resource.spec.yaml_spec = spec, "name: x\n"
    return cosi_pb2.GetResponse(resource=resource)


def is_call(step: object, rpc: str) -> bool:
    return isinstance(step, Call) and step.method.name == rpc


def update(step: object) -> cosi_pb2.UpdateRequest:
    assert isinstance(step, Call)
    assert is_call(step, "update_resource")
    return cosi_pb2.UpdateRequest.FromString(step.request)


def conflict() -> FailedPreconditionError:
    return FailedPreconditionError(
        "update conflict", code=grpc.StatusCode.FAILED_PRECONDITION, method="/x/Update"
    )


def test_an_update_keeps_fields_that_this_version_does_not_know() -> None:
    steps = join_tokens.revoke("a-token")
    assert is_call(next(steps), "get_resource")
    old = specs_pb2.JoinTokenSpec(name="x").SerializeToString() + UNKNOWN_FIELD
    request = update(steps.send(stored(7, old)))
    new = request.new_resource
    assert specs_pb2.JoinTokenSpec.FromString(new.spec.proto_spec).revoked
    assert UNKNOWN_FIELD in new.spec.proto_spec
    assert new.metadata.version == "7"
    # Servers read the other form, and fail without a message of options.
    assert not new.spec.yaml_spec
    assert request.HasField("options")
    with pytest.raises(StopIteration):
        steps.send(cosi_pb2.UpdateResponse())


def test_an_update_that_somebody_was_faster_with_is_read_and_made_again() -> None:
    steps = join_tokens.revoke("a-token")
    next(steps)
    steps.send(stored(1, b""))
    assert isinstance(steps.throw(conflict()), Pause)
    assert is_call(next(steps), "get_resource")
    renamed = specs_pb2.JoinTokenSpec(name="theirs").SerializeToString()
    request = update(steps.send(stored(2, renamed)))
    assert request.new_resource.metadata.version == "2"
    spec = specs_pb2.JoinTokenSpec.FromString(request.new_resource.spec.proto_spec)
    assert (spec.name, spec.revoked) == ("theirs", True)


def test_an_update_that_somebody_is_always_faster_with_gives_up() -> None:
    steps: Generator[Any, Any, None] = join_tokens.revoke("a-token")
    updates = 0
    with pytest.raises(FailedPreconditionError, match="update conflict"):
        step: object = next(steps)
        while True:
            if isinstance(step, Pause):
                step = next(steps)
            elif is_call(step, "update_resource"):
                updates += 1
                step = steps.throw(conflict())
            else:
                step = steps.send(stored(updates, b""))
    assert updates == 5


def test_the_timeout_of_a_removal_is_for_all_of_its_calls() -> None:
    steps: Generator[Any, Any, None] = join_tokens.destroy("a-token", timeout=10.0)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    next(steps)
    assert steps.send(Moment(start, 100.0)).timeout == 10.0
    assert isinstance(steps.send(cosi_pb2.TeardownResponse(destroy_ready=False)), Now)
    assert steps.send(Moment(start, 104.0)).timeout == 6.0
    assert isinstance(steps.send(cosi_pb2.GetResponse()), Now)
    removal = steps.send(Moment(start, 111.0))
    assert is_call(removal, "destroy_resource")
    assert 0 < removal.timeout < 0.01


def test_a_removal_without_a_limit_waits_on() -> None:
    steps: Generator[Any, Any, None] = join_tokens.destroy("a-token", timeout=None)
    assert isinstance(next(steps), Now)
    steps.send(Moment(datetime(2026, 1, 1, tzinfo=UTC), 0.0))
    held = cosi_pb2.GetResponse()
    held.resource.metadata.finalizers.append("SomeController")
    steps.send(cosi_pb2.TeardownResponse(destroy_ready=False))
    assert isinstance(steps.send(held), Now)
    assert isinstance(steps.send(Moment(datetime(2030, 1, 1, tzinfo=UTC), 1e8)), Pause)
    steps.close()

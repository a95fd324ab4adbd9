"""Audit events: every kind is typed, nothing is lost, nothing is shown, no line breaks a reader."""

from __future__ import annotations

import ast
import copy
import json
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from laws import given, st

import omni_api.audit
from omni_api import InvalidInputError, MalformedEventError
from omni_api._core.call import SKIPPED
from omni_api.audit import (
    AccessPolicyChange,
    Actor,
    AuditEvent,
    AuditLogAccess,
    ClusterChange,
    ConfigPatchChange,
    EventReader,
    KubernetesAccess,
    MachineChange,
    MachineConfigChange,
    MachineLabelsChange,
    MachineSetChange,
    MachineSetNodeChange,
    MalformedEvent,
    MigrationError,
    Payload,
    TalosAccess,
    UnknownPayload,
    UserChange,
)
from omni_api.audit.payloads import KINDS

RECORDED = Path(__file__).parents[2] / "shared/golden/audit-log.jsonl"
MOMENT_MS = 1795479369548
MOMENT = datetime(2026, 11, 24, 0, 16, 9, 548000, UTC)
SECRET = "NmMsj8SnZzfjguPQPTFiTC0ZUbAatnHyx3ZS32uy60S"
SESSION = {
    "user_agent": "grpc-go/1.83.1",
    "user_id": "332dc4a3-de36-4521-b121-60fb1158bb04",
    "role": "Admin",
    "email": "automation@serviceaccount.omni.sidero.dev",
    "fingerprint": "25320363e07fe481499dc878fd31bf0c388e652c",
    "confirmation_type": "saml",
    "public_key_expiration": 1827015365,
}
GROUPS = {"team": {"users": [{"name": "a@example.org"}]}}
LABELS = {"omni.sidero.dev/cluster": "prod", "omni.sidero.dev/role-worker": ""}
ROLLING = {"rolling": {"max_parallelism": 1}}
BACKUP = {"interval": {"seconds": 3600}, "enabled": True}
# One of each kind, shaped as servers write them, each with every field: what the event is about
# (a resource type, or the event type), its member of the data, the fields and the cluster.
KIND_OF: dict[str, tuple[str, type[Payload], dict[str, Any], str]] = {
    "new_user": (
        "Users",
        UserChange,
        {"role": "Admin", "id": "9739c7e1", "email": "a@example.org", "is_service_account": True},
        "",
    ),
    "machine": (
        "Machines",
        MachineChange,
        {"labels": LABELS, "id": "m1", "management_address": "fdae::1", "is_connected": True},
        "",
    ),
    "machine_labels": ("MachineLabels", MachineLabelsChange, {"labels": LABELS, "id": "m1"}, ""),
    "cluster": (
        "Clusters",
        ClusterChange,
        {
            "id": "prod",
            "labels": {"env": "test"},
            "backup_configuration": BACKUP,
            "features": {"disk_encryption": True},
            "kubernetes_version": "1.35.6",
            "talos_version": "1.13.8",
        },
        "prod",
    ),
    "machine_set": (
        "MachineSets",
        MachineSetChange,
        {
            "labels": LABELS,
            "machine_allocation": {"name": "class", "machine_count": 3},
            "bootstrap_spec": {"cluster_uuid": "u", "snapshot": "s"},
            "update_strategy_config": ROLLING,
            "delete_strategy_config": ROLLING,
            "id": "prod-workers",
            "update_strategy": "Rolling",
            "delete_strategy": "Unset",
            "cluster_id": "prod",
        },
        "prod",
    ),
    "machine_set_node": (
        "MachineSetNodes",
        MachineSetNodeChange,
        {"labels": LABELS, "id": "m1", "cluster_id": "prod"},
        "prod",
    ),
    "config_patch": (
        "ConfigPatches",
        ConfigPatchChange,
        {"labels": LABELS, "id": "500-prod", "data": "machine: {}\n", "cluster_id": "prod"},
        "prod",
    ),
    "machine_config_diff": (
        "MachineConfigDiffs",
        MachineConfigChange,
        {"id": "m1", "diff": "--- a\n+++ b\n", "cluster_id": "prod"},
        "prod",
    ),
    "access_policy": (
        "AccessPolicies",
        AccessPolicyChange,
        {
            "id": "access-policy",
            "cluster_groups": GROUPS,
            "user_groups": GROUPS,
            "rules": [{"users": ["group/team"], "role": "Reader"}],
            "tests": [{"name": "team may read"}],
        },
        "",
    ),
    "talos_access": (
        "",
        TalosAccess,
        {
            "full_method_name": "machine.MachineService/Shutdown",
            "cluster_name": "prod",
            "machine_ip": "10001802-c798-4da7-a410-f09abb48c8d8",
        },
        "prod",
    ),
    "k8s_access": (
        "",
        KubernetesAccess,
        {
            "full_method_name": "PATCH /api/v1/nodes/a",
            "command": "kubectl label",
            "kube_session": "5d1c",
            "cluster_name": "prod",
            "cluster_uuid": "9f0a",
        },
        "prod",
    ),
    "audit_log_access": (
        "",
        AuditLogAccess,
        {
            "start": "2026-10-26T00:17:17.918Z",
            "end": "2026-11-24T00:17:17.918Z",
            "search": "prod",
            "event_type": "create",
            "resource_type": "Clusters.omni.sidero.dev",
            "resource_id": "prod",
            "cluster_id": "prod",
            "actor": "a@example.org",
            "from_id": 7,
            "follow": True,
        },
        "prod",
    ),
    "migration_error": ("", MigrationError, {"raw_data": "{broken", "error": "cut off"}, ""),
}
EVERY_KIND = pytest.mark.parametrize("member", list(KIND_OF))


def line(**members: Any) -> bytes:
    """A line as servers write it."""
    return json.dumps({**members, "event_ts": MOMENT_MS}, separators=(",", ":")).encode() + b"\n"


def event_of(member: str, **more: Any) -> AuditEvent:
    """An event of a kind, with every field."""
    about, _, fields, _ = KIND_OF[member]
    head = (
        {"event_type": "update", "resource_type": f"{about}.omni.sidero.dev", "resource_id": "r"}
        if about
        else {"event_type": member}
    )
    return AuditEvent(line(**head, event_data={**more, member: fields, "session": SESSION}))


def event(**members: Any) -> AuditEvent:
    return AuditEvent(line(**members))


# ---- What an event says -------------------------------------------------------------------------


@EVERY_KIND
def test_every_kind_of_payload_has_all_its_fields(member: str) -> None:
    _, kind, fields, cluster = KIND_OF[member]
    one = event_of(member)
    payload = one.payload
    assert type(payload) is kind
    assert not payload.extra
    assert {field.name for field in attrs.fields(kind)} == {*fields, "extra"}
    for name, value in fields.items():
        found = getattr(payload, name)
        if isinstance(found, datetime):
            assert found.tzinfo is UTC
            assert found.isoformat(timespec="milliseconds").replace("+00:00", "Z") == value
        else:
            assert found == (tuple(value) if isinstance(value, list) else value)
    assert one.cluster == cluster
    assert one.payloads == {member: payload}


def test_there_is_a_kind_for_every_member_and_a_sample_of_every_kind() -> None:
    assert {member: kind for member, (_, kind, _, _) in KIND_OF.items()} == dict(KINDS)


@EVERY_KIND
def test_a_payload_without_members_has_only_defaults(member: str) -> None:
    kind = KIND_OF[member][1]
    assert kind.from_members({}) == kind()


@EVERY_KIND
def test_members_of_another_type_are_kept_beside_the_defaults(member: str) -> None:
    _, kind, fields, _ = KIND_OF[member]
    for odd in (None, 1.5, [["x"]], {"x": [1]}, "\0", True, 2**63):
        payload = kind.from_members({**dict.fromkeys(fields, odd), "extra": "mine", "new": odd})
        for name in fields:
            if name in payload.extra:
                assert payload.extra[name] is odd
                assert getattr(payload, name) == getattr(kind(), name)
            else:
                assert getattr(payload, name) in (odd, tuple(odd) if type(odd) is list else odd)
        assert payload.extra["extra"] == "mine"
        assert payload.extra["new"] is odd


def test_an_event_says_what_happened_when_to_what_and_by_whom() -> None:
    one = event(
        event_type="create",
        resource_type="Clusters.omni.sidero.dev",
        resource_id="prod",
        event_data={"cluster": {"id": "prod"}, "session": SESSION},
    )
    assert (one.type, one.resource_type, one.resource_id, one.id) == (
        "create",
        "Clusters.omni.sidero.dev",
        "prod",
        0,
    )
    assert one.time == MOMENT
    assert one.time.tzinfo is UTC
    assert attrs.asdict(one.actor) == {
        **SESSION,
        "public_key_expiration": datetime(2027, 11, 24, 0, 16, 5, tzinfo=UTC),
        "ip": "",
        "extra": {},
    }
    assert one.actor is one.actor
    assert not one.extra


def test_an_event_that_says_nothing_but_its_time_has_only_defaults() -> None:
    one = event()
    assert (one.type, one.resource_type, one.resource_id, one.cluster) == ("", "", "", "")
    assert one.actor == Actor()
    assert one.payload is None
    assert (one.payloads, one.data, one.extra) == ({}, {}, {})


def test_the_own_payload_is_found_among_those_of_the_same_request() -> None:
    earlier = {"id": "old", "labels": {}}
    one = event_of("machine_set", cluster=earlier)
    assert isinstance(one.payload, MachineSetChange)
    assert one.cluster == "prod"
    assert set(one.payloads) == {"cluster", "machine_set"}
    assert event_of("machine", cluster=earlier).cluster == "old"


def test_a_resource_without_a_payload_of_its_own_does_not_get_anothers() -> None:
    one = event(
        event_type="create",
        resource_type="JoinTokens.omni.sidero.dev",
        event_data={"cluster": {"id": "prod"}, "session": SESSION},
    )
    assert one.payload is None
    assert one.cluster == "prod"


def test_kinds_members_and_types_of_a_newer_server_are_kept() -> None:
    one = event(
        event_type="ssh_access",
        event_data={"ssh_access": {"cluster_id": "prod", "depth": [1]}, "session": SESSION},
        region={"name": "eu"},
    )
    assert one.type == "ssh_access"
    assert one.payload == UnknownPayload(
        name="ssh_access", fields={"cluster_id": "prod", "depth": [1]}
    )
    assert one.cluster == "prod"
    assert one.extra == {"region": {"name": "eu"}}


def test_known_members_of_an_unexpected_type_are_kept() -> None:
    odd = {"event_type": 3, "resource_type": None, "resource_id": ["a"], "event_data": "text"}
    one = event(**odd)
    assert (one.type, one.resource_type, one.resource_id) == ("", "", "")
    assert one.extra == odd
    one = event(event_type="create", event_data={"session": "me", "cluster": ["prod"]})
    assert one.actor == Actor()
    assert (one.payloads, one.cluster) == ({}, "")
    assert one.data == {"session": "me", "cluster": ["prod"]}


def test_an_address_is_read_where_a_later_server_sends_one() -> None:
    assert Actor.from_members({"ip": "192.0.2.7"}).ip == "192.0.2.7"


@pytest.mark.parametrize(
    ("session", "internal", "service_account"),
    [
        ({"user_agent": "Omni-Internal-Agent"}, True, False),
        ({"email": "ci@serviceaccount.omni.sidero.dev"}, False, True),
        ({"email": "aws-1@infra-provider.serviceaccount.omni.sidero.dev"}, False, True),
        ({"email": "ci@myserviceaccount.omni.sidero.dev"}, False, False),
        ({"email": "serviceaccount.omni.sidero.dev"}, False, False),
        ({"email": "a@example.org", "user_agent": "grpc-go"}, False, False),
        ({}, False, False),
    ],
)
def test_an_actor_says_what_kind_of_caller_it_is(
    session: dict[str, str], internal: bool, service_account: bool
) -> None:
    actor = Actor.from_members(session)
    assert (actor.is_internal, actor.is_service_account) == (internal, service_account)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-11-23T00:00:00Z", datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-23T02:00:00.5+02:00", datetime(2026, 11, 23, microsecond=500000, tzinfo=UTC)),
        ("2026-11-23T00:00:00.123456789Z", datetime(2026, 11, 23, 0, 0, 0, 123456, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-11-23T00:00:00", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("yesterday", None),
        (2**62, None),
        (True, None),
        (1.5, None),
    ],
)
def test_a_moment_is_aware_utc_or_left_beside(sent: object, read: datetime | None) -> None:
    access = AuditLogAccess.from_members({"start": sent})
    assert access.start == read
    assert access.extra == ({} if read else {"start": sent})


# ---- Recordings ---------------------------------------------------------------------------------


@pytest.mark.skipif(not RECORDED.exists(), reason="the recording is not at hand")
def test_a_recorded_log_of_a_real_server_is_read_without_a_rest() -> None:
    reader = EventReader(strict=True)
    raws = RECORDED.read_bytes().splitlines(keepends=True)
    events = [reader.event(raw) for raw in raws]
    assert len(events) == 31
    for raw, one in zip(raws, events, strict=True):
        assert isinstance(one, AuditEvent)
        _check_against_json(one, raw)
        assert not one.extra
        assert not one.actor.extra
        assert not any(
            payload.extra or isinstance(payload, UnknownPayload)
            for payload in one.payloads.values()
        )
        about = one.resource_type.partition(".")[0] or "access"
        tokens_and_keys = {"JoinTokens", "DefaultJoinTokens", "PublicKeys"}
        assert (one.payload is None) is (about in tokens_and_keys)


def _check_against_json(one: AuditEvent, raw: bytes) -> None:
    plain = json.loads(raw)
    data = plain.get("event_data", {})
    assert one.raw is raw
    assert one.time == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=plain["event_ts"])
    for ours, theirs in (
        (one.type, "event_type"),
        (one.resource_type, "resource_type"),
        (one.resource_id, "resource_id"),
    ):
        assert ours == plain.get(theirs, "")
    assert one.data == data
    assert set(one.payloads) == set(data) - {"session"}
    assert one.actor.email == data["session"].get("email", "")
    assert one.actor.is_internal is (data["session"]["user_agent"] == "Omni-Internal-Agent")


# ---- Values that travel and hide ----------------------------------------------------------------


def test_events_are_equal_when_id_and_bytes_are() -> None:
    raw = line(event_type="create")
    assert AuditEvent(raw, 1) == AuditEvent(bytes(bytearray(raw)), 1)
    assert len({AuditEvent(raw, 1), AuditEvent(raw, 1), AuditEvent(raw, 2)}) == 2
    assert AuditEvent(raw, 1) != AuditEvent(raw, 2)
    assert AuditEvent(raw) != AuditEvent(raw.rstrip())
    assert AuditEvent(raw) != raw


TRIPS: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    lambda value: pickle.loads(pickle.dumps(value)),
]


@pytest.mark.parametrize("trip", TRIPS)
@EVERY_KIND
def test_events_and_their_parts_survive_a_trip(member: str, trip: Callable[[Any], Any]) -> None:
    one = event_of(member)
    for built in (False, True):
        if built:
            assert one.payloads[member] is one.payload
            assert one.actor is one.actor
        arrived = trip(one)
        assert arrived == one
        assert (arrived.id, arrived.raw) == (one.id, one.raw)
        assert arrived.payloads == one.payloads
    assert trip(one.payload) == one.payload
    assert trip(one.actor) == one.actor
    assert hash(trip(one.actor)) == hash(one.actor)
    assert hash(trip(one.payload)) == hash(one.payload)


@pytest.mark.parametrize("name", ["raw", "id", "time", "type", "actor", "payload", "new"])
def test_an_event_cannot_be_changed(name: str) -> None:
    one = event()
    with pytest.raises(AttributeError):
        setattr(one, name, 1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.actor.email = "b"  # type: ignore[misc]
    assert not hasattr(one, "__dict__")


@EVERY_KIND
def test_the_repr_shows_the_kind_and_never_the_contents(member: str) -> None:
    about = KIND_OF[member][0]
    one = event_of(member)
    what = f"update {about}.omni.sidero.dev" if about else member
    assert repr(one) == f"<AuditEvent {what} at 2026-11-24T00:16:09.548+00:00>"
    assert repr(one.actor) == (
        "<Actor with email, user_id, role, fingerprint, user_agent, confirmation_type, "
        "public_key_expiration>"
    )
    secret = KINDS[member].from_members(
        {**dict.fromkeys(KIND_OF[member][2], SECRET), "new": SECRET}
    )
    shown = f"{secret!r} {secret} {UnknownPayload(name='n', fields={'x': SECRET})!r}"
    assert SECRET not in shown
    assert type(secret).__name__ in shown


def test_the_repr_does_not_show_which_join_token_it_is_about() -> None:
    one = event(event_type="create", resource_type="JoinTokens.omni.sidero.dev", resource_id=SECRET)
    assert one.resource_id == SECRET
    assert SECRET not in f"{one} {one!r} {one.actor!r}"


# ---- Lines that are no events -------------------------------------------------------------------

MALFORMED = [
    (b"", "it is not JSON ("),
    (SECRET.encode(), "it is not JSON ("),
    (line(resource_id=SECRET)[:-3], "it is not JSON ("),
    (b"\xff" + line(resource_id=SECRET), "it is not JSON ("),
    (b"[" * 5000 + SECRET.encode(), "it is not JSON ("),
    (f'"{SECRET}"\n'.encode(), "it is not a JSON object"),
    (f'["{SECRET}"]\n'.encode(), "it is not a JSON object"),
    (b"null\n", "it is not a JSON object"),
    (f'{{"resource_id":"{SECRET}"}}\n'.encode(), "it has no usable event_ts"),
    *(
        (
            f'{{"resource_id":"{SECRET}","event_ts":{moment}}}\n'.encode(),
            "it has no usable event_ts",
        )
        for moment in (
            "null",
            "true",
            '"1795479369548"',
            "1795479369548.0",
            "253402300800000",
            "-62135596800001",
            "1" + "0" * 30,
            "[]",
        )
    ),
]
EVERY_FAULT = pytest.mark.parametrize(("raw", "reason"), MALFORMED)


@EVERY_FAULT
def test_a_malformed_line_is_reported_and_the_next_one_read(raw: bytes, reason: str) -> None:
    found: list[MalformedEvent] = []
    reader = EventReader(on_malformed=found.append)
    assert isinstance(reader.event(line(), 4), AuditEvent)
    assert reader.event(raw, 5) is SKIPPED
    assert isinstance(reader.event(line(), 6), AuditEvent)
    (one,) = found
    assert (one.position, one.id, one.raw) == (2, 5, raw)
    assert one.reason.startswith(reason)
    assert SECRET not in repr(one)
    assert pickle.loads(pickle.dumps(one)) == one


@EVERY_FAULT
def test_without_a_callback_one_warning_says_where_but_not_what(
    raw: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "omni_api"):
        assert EventReader().event(raw, 5) is SKIPPED
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("omni_api", "WARNING")
    assert "line 1 of the audit log (id 5)" in record.getMessage()
    assert reason in record.getMessage()
    assert SECRET not in f"{record.getMessage()} {record.args}"


@EVERY_FAULT
@pytest.mark.parametrize("trip", TRIPS)
def test_a_strict_reader_raises_an_error_that_knows_the_place(
    raw: bytes, reason: str, trip: Callable[[Any], Any]
) -> None:
    reader = EventReader(strict=True)
    reader.event(line(), 1)
    with pytest.raises(MalformedEventError) as caught:
        reader.event(raw, 7)
    for error in (caught.value, trip(caught.value)):
        assert (error.position, error.id) == (2, 7)
        assert error.reason.startswith(reason)
        assert str(error) == f"line 2 of the audit log is no event: {error.reason}"
        assert error.__cause__ is error.__context__ is None
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_line_at_either_end_of_time_is_an_event() -> None:
    for moment, year in (("253402300799999", 9999), ("-62135596800000", 1), ("0", 1970)):
        assert AuditEvent(f'{{"event_ts":{moment}}}'.encode()).time.year == year


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"strict": "yes"}, "strict must be True or False, not 'yes'"),
        ({"on_malformed": 3}, "on_malformed must be a function of one argument or None, not 3"),
        ({"strict": True, "on_malformed": print}, "pass one of them"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInputError, match=named):
        EventReader(**options)


# ---- Laws ---------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from([*KINDS, "session", "x"])
FIELDS = st.sampled_from(["id", "cluster_id", "email", "labels", "extra", "start", "rules", "x"])
DATA = JSON | st.dictionaries(NAMES, JSON | st.dictionaries(FIELDS, JSON, max_size=4), max_size=4)
TOP = st.dictionaries(st.text(max_size=5), JSON, max_size=3)


@given(
    TOP,
    JSON | st.sampled_from([*KINDS]),
    JSON | st.just("Clusters.omni.sidero.dev"),
    DATA,
    st.integers(-(10**13), 10**14),
)
def test_any_object_with_a_time_is_an_event_that_keeps_everything(
    top: Mapping[str, Any], kind: Any, about: Any, data: Any, moment: int
) -> None:
    sent = {
        **top,
        "event_type": kind,
        "resource_type": about,
        "event_data": data,
        "event_ts": moment,
    }
    raw = json.dumps(sent).encode() + b"\n"
    one = AuditEvent(raw, 3)
    assert one.raw is raw
    assert (one.time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) == moment
    known = {
        "event_type": one.type,
        "resource_type": one.resource_type,
        "event_data": one.data,
        "event_ts": moment,
    }
    assert sent == {**known, **one.extra}
    for name, payload in one.payloads.items():
        _check_kept(payload, data[name])
    session = one.data.get("session")
    _check_kept(one.actor, session if isinstance(session, dict) else {})
    assert isinstance(one.cluster, str)
    assert one.payload is None or one.payload in list(one.payloads.values())
    assert repr(one).startswith("<AuditEvent ")
    assert pickle.loads(pickle.dumps(one)) == one


def _check_kept(value: Payload | Actor, sent: dict[str, Any]) -> None:
    """Every member is in its field, or beside them."""
    if isinstance(value, UnknownPayload):
        assert value.fields == sent
        return
    for name, member in sent.items():
        if name in value.extra:
            assert value.extra[name] == member
        else:
            found = getattr(value, name)
            assert found == (tuple(member) if isinstance(member, list) else member)
    assert set(value.extra) <= set(sent)


@given(st.binary(max_size=40))
def test_whatever_bytes_come_a_reader_goes_on(raw: bytes) -> None:
    found: list[MalformedEvent] = []
    reader = EventReader(on_malformed=found.append)
    outcome = reader.event(raw)
    assert (outcome is SKIPPED) is (len(found) == 1)
    assert isinstance(reader.event(line()), AuditEvent)


# ---- The package --------------------------------------------------------------------------------


def test_the_package_exports_what_it_lists_and_importing_it_costs_nothing() -> None:
    for name in omni_api.audit.__all__:
        assert getattr(omni_api.audit, name).__name__ == name
        assert name in dir(omni_api.audit)
    with pytest.raises(AttributeError, match=r"module 'omni_api.audit' has no attribute 'Event'"):
        omni_api.audit.Event  # type: ignore[attr-defined]  # noqa: B018
    code = "import omni_api.audit, sys; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stdout))
    assert not loaded & {"attrs", "orjson", "grpc", "google.protobuf"}

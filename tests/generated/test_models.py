"""Values of answers: nothing is lost, times are aware, secrets stay hidden, nothing changes."""

from __future__ import annotations

import copy
import json
import pickle
import random
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any

import attrs
import pytest
from laws import given, st
from wire import is_repeated

from omni_api import AnyMessage, InternalError, KubernetesSSAOptions
from omni_api._core.call import Call
from omni_api._core.values import redacted
from omni_api._gen import _pool, calls, management_pb2, models, table
from omni_api._gen.models import BootAssetKind, InventoryPolicy, ManifestSyncType

NOTES = tomllib.loads((Path(__file__).parents[2] / "proto/methods.toml").read_text())
FACTS = json.loads((Path(__file__).parent / "contract_facts.json").read_text())
RFC3339 = {"last_active"}


def _answers() -> Iterator[tuple[Any, Any]]:
    """Rows of rpcs that answer something, with the class of their message."""
    for row in table.METHODS:
        name = FACTS["rpcs"][row.path][1].removeprefix("stream ")
        if FACTS["messages"].get(name) and row.name != "get_support_bundle":
            yield row, _pool.message_class(name)


FILLED = list(_answers())
BY_NAME = pytest.mark.parametrize(("row", "kind"), FILLED, ids=[row.name for row, _ in FILLED])


def value_of(field: Any, chance: random.Random) -> Any:
    """A value that is not the field's default."""
    number = chance.randrange(1, 2**31 - 1)
    if field.type == field.TYPE_STRING:
        moment = datetime.fromtimestamp(number, UTC).isoformat().replace("+00:00", "Z")
        return moment if field.name in RFC3339 else f"{field.name}-{number}-\u00e9\u4e2d"
    if field.type == field.TYPE_BYTES:
        return f"{field.name}-{number}".encode() + b"\xff\x00"
    if field.type == field.TYPE_BOOL:
        return True
    return 1 if field.type == field.TYPE_ENUM else number


def fill(message: Any, chance: random.Random, depth: int = 3) -> Any:
    """Give every field, and every field below, a value."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None:
            if is_repeated(message, field.name):
                getattr(message, field.name).extend(value_of(field, chance) for _ in range(2))
            else:
                setattr(message, field.name, value_of(field, chance))
        elif field.message_type.GetOptions().map_entry:
            getattr(message, field.name).update({f"key-{i}": f"{field.name}-{i}" for i in range(2)})
        elif field.message_type.full_name == "google.protobuf.Timestamp":
            getattr(message, field.name).FromMicroseconds(chance.randrange(1, 10**16))
        elif depth and is_repeated(message, field.name):
            for _ in range(2):
                fill(getattr(message, field.name).add(), chance, depth - 1)
        elif depth:
            fill(getattr(message, field.name), chance, depth - 1)
    return message


def same(value: Any, field: Any, received: Any) -> bool:
    """Whether a value says what was received."""
    if isinstance(value, datetime):
        stamp = (
            datetime.fromisoformat(received)
            if isinstance(received, str)
            else received.ToDatetime(tzinfo=UTC)
        )
        return value == stamp and value.utcoffset() == timedelta(0)
    if isinstance(value, tuple):
        return len(value) == len(received) and all(
            same(v, field, r) for v, r in zip(value, received, strict=True)
        )
    if isinstance(value, Mapping):
        return dict(value) == dict(received)
    if isinstance(value, AnyMessage):
        return (value.type_url, value.value) == (received.type_url, received.value)
    if attrs.has(type(value)):
        return all(
            same(getattr(value, f.name), f, getattr(received, f.name))
            for f in received.DESCRIPTOR.fields
        )
    return bool(value == received)


@BY_NAME
@given(seed=st.integers(0, 2**32))
def test_a_value_keeps_every_field_of_its_message(row: Any, kind: Any, seed: int) -> None:
    message = fill(kind(), random.Random(seed))
    value = row.reader()(message.SerializeToString())
    for field in message.DESCRIPTOR.fields:
        received = getattr(message, field.name)
        assert same(getattr(value, field.name), field, received), field.full_name
        assert getattr(value, field.name) is not None


@BY_NAME
def test_an_empty_message_has_a_value_too(row: Any, kind: Any) -> None:
    value = row.reader()(b"")
    for field in attrs.fields(type(value)):
        assert getattr(value, field.name) in (None, "", b"", 0, False, (), {}), field.name


@BY_NAME
def test_a_value_is_frozen_hashable_comparable_and_picklable(row: Any, kind: Any) -> None:
    value = row.reader()(fill(kind(), random.Random(1)).SerializeToString())
    again = row.reader()(fill(kind(), random.Random(1)).SerializeToString())
    other = row.reader()(fill(kind(), random.Random(2)).SerializeToString())
    assert value == again != other
    assert hash(value) == hash(again)
    assert pickle.loads(pickle.dumps(value)) == value == copy.deepcopy(value)
    for field in attrs.fields(type(value)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, field.name, None)


@BY_NAME
def test_secrets_are_hidden_in_a_repr_and_nothing_else_is(row: Any, kind: Any) -> None:
    message = fill(kind(), random.Random(3))
    shown = repr(row.reader()(message.SerializeToString()))
    for field in message.DESCRIPTOR.fields:
        received = getattr(message, field.name)
        if field.full_name in NOTES["secrets"]:
            assert f"{field.name}=<" in shown
            assert "hidden>" in shown
            parts = list(received.values()) if isinstance(received, Mapping) else [received]
            assert not any(repr(part) in shown or str(part) in shown for part in parts)
        elif field.message_type is None and not is_repeated(message, field.name):
            assert f"{field.name}=" in shown


def test_every_secret_of_an_answer_is_one_of_these_tests() -> None:
    tested = {field.full_name for _, kind in FILLED for field in kind.DESCRIPTOR.fields}
    answers = {name for name in NOTES["secrets"] if "Response." in name}
    assert answers - tested == {
        "management.GetSupportBundleResponse.bundle_data",  # tests/test_progress.py
        "management.GenJoinTokenResponse.token",  # of no rpc
    }


SECRETIVE: list[Call[Any]] = [
    calls.validate_config(config="hunter2"),
    calls.create_schematic(join_token="hunter2", embedded_machine_config="hunter2"),
    calls.create_schematic_from_raw(raw_schematic=b"hunter2"),
    calls.read_audit_log(resource_id="hunter2"),
    calls.get_machine_join_config(join_token="hunter2"),
]


@pytest.mark.parametrize("call", SECRETIVE, ids=lambda call: str(call.method.name))
def test_a_call_does_not_show_what_it_sends(call: Call[Any]) -> None:
    assert b"hunter2" in call.request
    assert "hunter2" not in repr(call)


@pytest.mark.parametrize("number", [99, -1, 2**31 - 1, -(2**31)])
def test_a_number_that_only_a_newer_server_knows_survives(number: int) -> None:
    message = management_pb2.KubernetesSyncManifestResponse(response_type=number)  # type: ignore[arg-type]
    value = table.KUBERNETES_SYNC_MANIFESTS.reader()(message.SerializeToString())
    assert value.response_type == number
    assert not isinstance(value.response_type, IntEnum)
    call = calls.get_boot_asset_url(
        talos_version="v1", schematic_id="a", boot_asset_kind=number, platform="m", architecture="x"
    )
    assert management_pb2.BootAssetURLRequest.FromString(call.request).boot_asset_kind == number


def test_a_known_number_is_a_member_of_its_enum() -> None:
    message = management_pb2.KubernetesSyncManifestResponse(response_type=2)  # type: ignore[arg-type]
    value = table.KUBERNETES_SYNC_MANIFESTS.reader()(message.SerializeToString())
    assert value.response_type is ManifestSyncType.ROLLOUT
    assert repr(BootAssetKind.ISO) == "<BootAssetKind.ISO: 2>"


@given(st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=3650)))
def test_a_duration_is_sent_as_it_was_given(duration: timedelta) -> None:
    options = KubernetesSSAOptions(
        inventory_policy=InventoryPolicy.ADOPT_ALL, reconcile_timeout=duration, no_prune=True
    )
    assert options.to_proto().reconcile_timeout.ToTimedelta() == duration
    call = calls.kubeconfig(cluster="c", service_account_ttl=duration)
    sent = management_pb2.KubeconfigRequest.FromString(call.request).service_account_ttl
    assert sent.ToTimedelta() == duration


@given(st.datetimes(timezones=st.timezones()))
def test_a_moment_is_sent_as_it_was_given_in_any_time_zone(moment: datetime) -> None:
    call = calls.create_join_token(name="a", expiration_time=moment)
    sent = management_pb2.CreateJoinTokenRequest.FromString(call.request).expiration_time
    assert sent.ToDatetime(tzinfo=UTC) == moment.astimezone(UTC)


@pytest.mark.parametrize("text", ["2026-11-24T12:00:00Z", "2026-11-24T13:00:00.123456789+01:00"])
def test_a_moment_as_text_is_read_with_any_offset_and_fraction(text: str) -> None:
    user = management_pb2.ListUsersResponse.User(last_active=text)
    value = models.User.from_proto(user)
    assert value.last_active is not None
    assert value.last_active.replace(microsecond=0) == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert value.last_active.tzinfo is UTC


@pytest.mark.parametrize("seconds", [253402300800, 2**62, -(2**62)])
def test_a_moment_beyond_the_calendar_is_an_internal_error(seconds: int) -> None:
    message = management_pb2.ListServiceAccountsResponse()
    key = message.service_accounts.add().pgp_public_keys.add()
    key.expiration.seconds = seconds
    with pytest.raises(InternalError, match="cannot be read"):
        table.LIST_SERVICE_ACCOUNTS.reader()(message.SerializeToString())


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"\x0a\x01\xff"])
def test_an_answer_that_cannot_be_read_is_an_internal_error(data: bytes) -> None:
    with pytest.raises(InternalError, match=r"cannot be read as management\.ListUsersResponse"):
        table.LIST_USERS.reader()(data)


@given(
    st.binary(min_size=1) | st.text(min_size=1) | st.dictionaries(st.text(), st.text(), min_size=1)
)
def test_what_stands_in_for_a_secret_says_how_much_there_is(secret: Any) -> None:
    assert redacted(secret) == f"<{len(secret)} hidden>"
    assert redacted(type(secret)()) == repr(type(secret)())
    assert redacted(None) == "None"

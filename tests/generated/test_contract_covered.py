"""Every field of every request and answer is there: parameters, models, enums, and the wire.

`contract_facts.json` is our copy of the wire contract, made once from its source; the generator
never reads it, so a field lost between proto and Python shows here.
"""

from __future__ import annotations

import inspect
import json
import types
import typing
from collections import abc
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any

import attrs
import pytest
from wire import is_repeated

import omni_api_async
from omni_api import AnyMessage, Rows, Stream, SupportBundleProgress
from omni_api._core.durations import Unset
from omni_api._gen import _pool, auth, management, models, table
from omni_api_async._gen import auth as async_auth
from omni_api_async._gen import management as async_management

FACTS = json.loads((Path(__file__).parent / "contract_facts.json").read_text())
SOURCE = Path(__file__).parents[3] / "shared/contract/wire.json"
RPCS: dict[str, list[str]] = FACTS["rpcs"]
MESSAGES: dict[str, dict[str, str]] = FACTS["messages"]
ROWS = {row.path: row for row in table.METHODS}
FACADES: dict[str, tuple[Any, Any]] = {
    "auth.AuthService": (auth.Auth, async_auth.Auth),
    "management.ManagementService": (management.Management, async_management.Management),
}
SCALARS = {"string": str, "bytes": bytes, "bool": bool, "int32": int, "int64": int, "uint32": int}
WELL_KNOWN = {"google.protobuf.Timestamp": {datetime}, "google.protobuf.Duration": {timedelta}}
# Text on the wire, a day or a moment in Python.
DAYS = {"management.ReadAuditLogRequest": {"start_time", "end_time"}}
MOMENTS = {
    "management.ListUsersResponse.User": {"last_active"},
    "management.ListServiceAccountsResponse.ServiceAccount": {"last_active"},
}
PARTS = {"management.GetSupportBundleResponse": "management.GetSupportBundleResponse.Progress"}


def facts_of(wire: dict[str, Any]) -> dict[str, Any]:
    """Cut the two services out of the wire contract, as contract_facts.json has them."""
    every = {**wire["messages"], **wire["legacy"]["messages"]}
    rpcs: dict[str, list[str]] = {}
    messages: dict[str, dict[str, str]] = {}
    enums, names = {}, []
    for service in FACADES:
        old = wire["legacy"]["services"].get(service, {})
        for name, rpc in {**wire["services"][service], **old}.items():
            stream = "stream " if rpc.get("server_streaming") else ""
            rpcs[f"/{service}/{name}"] = [rpc["request"], stream + rpc["response"]]
            names += [rpc["request"], rpc["response"]]
    while names:
        if (name := names.pop()) in messages or name not in every:
            continue
        messages[name] = {}
        for field, fact in every[name]["fields"].items():
            marks = [mark for mark in ("repeated", "optional") if fact.get(mark)]
            messages[name][field] = " ".join([str(fact["number"]), *marks, fact["type"]])
            kind, _, other = fact["type"].partition(" ")
            if kind == "enum":
                enums[other] = wire["enums"][other]
            names += [other] if kind == "message" else []
    return {"rpcs": rpcs, "messages": messages, "enums": enums}


def method_of(path: str, *, twin: bool = False) -> Any:
    return getattr(FACADES[path[1:].partition("/")[0]][twin], ROWS[path].name)


def members(kind: Any) -> set[Any]:
    """The alternatives of an annotation: `str | None` -> {str, NoneType}."""
    return set(typing.get_args(kind)) if isinstance(kind, types.UnionType) else {kind}


def map_of(message: str) -> tuple[type, type] | None:
    entry = MESSAGES.get(message, {}) if message.endswith("Entry") else {}
    if set(entry) != {"key", "value"}:
        return None
    return SCALARS[entry["key"].split()[-1]], SCALARS[entry["value"].split()[-1]]


def check_enum(found: set[Any], name: str) -> None:
    (enum,) = (kind for kind in found if isinstance(kind, type) and issubclass(kind, IntEnum))
    assert int in found, "a number that a newer server knows has to fit"
    assert {member.value for member in enum} == set(FACTS["enums"][name].values())
    for member in enum:
        (full,) = (key for key, value in FACTS["enums"][name].items() if value == member.value)
        assert full == member.name or full.endswith(f"_{member.name}")


def check_parameters(message: str, hints: Mapping[str, Any]) -> None:
    """Compare what can be passed in with the fields of a message."""
    assert set(hints) == set(MESSAGES[message]), message
    for name, fact in MESSAGES[message].items():
        found, (_, *marks, kind) = members(hints[name]), fact.split()
        found.discard(type(None))
        if name in DAYS.get(message, ()):
            assert found == {str, date}
        elif "enum" in marks:
            check_enum(found, kind)
        elif entry := map_of(kind):
            assert [typing.get_args(mapping) for mapping in found] == [entry]
            assert [typing.get_origin(mapping) for mapping in found] == [abc.Mapping]
        elif kind == "google.protobuf.Duration":
            assert found == {float, timedelta}
        elif kind in WELL_KNOWN:
            assert found == WELL_KNOWN[kind]
        elif "message" in marks:
            (model,) = found
            check_parameters(kind, typing.get_type_hints(model))
            assert callable(model.to_proto)
        else:
            scalar: Any = SCALARS[kind]
            assert found == {Sequence[scalar] if "repeated" in marks else scalar}, name


def check_model(message: str, model: Any, seen: set[str]) -> None:
    """Compare a model with the fields of a message, and so on below it."""
    if message in seen:
        return
    seen.add(message)
    hints = typing.get_type_hints(model)
    assert {field.name for field in attrs.fields(model)} == set(MESSAGES[message]), message
    for name, fact in MESSAGES[message].items():
        found, (_, *marks, kind) = members(hints[name]), fact.split()
        if name in MOMENTS.get(message, ()):
            assert found == {datetime, type(None)}
        elif "enum" in marks:
            check_enum(found, kind)
        elif entry := map_of(kind):
            assert [typing.get_args(mapping) for mapping in found] == [entry]
            assert [typing.get_origin(mapping) for mapping in found] == [abc.Mapping]
        elif kind in WELL_KNOWN:
            assert found - {type(None)} == WELL_KNOWN[kind]
            assert type(None) in found, "a message may be absent"
        elif kind == "google.protobuf.Any":
            assert found == {tuple[AnyMessage, ...]}
        elif "message" in marks and "repeated" in marks:
            (rows,) = found
            assert typing.get_origin(rows) is Rows
            (item,) = typing.get_args(rows)
            check_model(kind, item, seen)
        elif "message" in marks:
            (item,) = found - {type(None)}
            assert type(None) in found, "a message may be absent"
            check_model(kind, item, seen)
        else:
            scalar: Any = SCALARS[kind]
            assert found == {tuple[scalar, ...] if "repeated" in marks else scalar}, name


def test_the_copy_equals_the_contract_where_that_is_at_hand() -> None:
    if not SOURCE.exists():
        pytest.skip("the contract is not here; the copy stands for it")
    assert facts_of(json.loads(SOURCE.read_text())) == FACTS


def test_the_table_has_the_28_rpcs_the_old_one_and_the_4_of_authentication() -> None:
    assert set(ROWS) == set(RPCS)
    assert len(RPCS) == 28 + 1 + 4
    assert len({row.name for row in table.METHODS}) == len(RPCS)


@pytest.mark.parametrize("path", list(RPCS))
def test_an_rpc_streams_where_the_contract_says_so(path: str) -> None:
    streams = RPCS[path][1].startswith("stream ")
    assert ROWS[path].stream == streams
    returned = typing.get_type_hints(method_of(path))["return"]
    assert (typing.get_origin(returned) is Stream) == streams
    assert inspect.iscoroutinefunction(method_of(path, twin=True)) != streams
    of_twin = typing.get_type_hints(method_of(path, twin=True))["return"]
    assert (typing.get_origin(of_twin) is omni_api_async.Stream) == streams


@pytest.mark.parametrize("twin", [False, True], ids=["blocking", "asyncio"])
@pytest.mark.parametrize("path", list(RPCS))
def test_every_field_of_a_request_is_a_parameter(path: str, twin: bool) -> None:
    method = method_of(path, twin=twin)
    hints = {k: v for k, v in typing.get_type_hints(method).items() if k != "return"}
    parameters = dict(inspect.signature(method).parameters)
    parameters.pop("self")
    assert {parameter.kind for parameter in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert Unset in members(hints.pop("timeout"))
    if "cluster" not in MESSAGES.get(RPCS[path][0], {}):
        hints.pop("cluster", None)  # goes into the metadata
    if RPCS[path][0] == "google.protobuf.Empty":
        assert hints == {}
    else:
        check_parameters(RPCS[path][0], hints)


@pytest.mark.parametrize("path", list(RPCS))
def test_every_field_of_an_answer_is_an_attribute(path: str) -> None:
    returned = typing.get_type_hints(method_of(path))["return"]
    if typing.get_origin(returned) is Stream:
        (returned,) = typing.get_args(returned)
    message = RPCS[path][1].removeprefix("stream ")
    if returned is type(None):
        assert not MESSAGES.get(message), "an answer with fields is thrown away"
    elif returned is SupportBundleProgress:
        flat = {*MESSAGES[message], *MESSAGES[PARTS[message]]} - {"progress"}
        assert {field.name for field in attrs.fields(returned)} == flat
    else:
        check_model(message, returned, set())


def _fields_on_the_wire() -> Iterator[tuple[str, str, str]]:
    for message, fields in MESSAGES.items():
        for name, fact in fields.items():
            yield message, name, fact


def test_every_field_has_its_number_and_type_on_the_wire() -> None:
    for message, name, fact in _fields_on_the_wire():
        number, *marks, kind = fact.split()
        kind_of_message = _pool.message_class(message)
        field = kind_of_message.DESCRIPTOR.fields_by_name[name]
        assert field.number == int(number), (message, name)
        assert is_repeated(kind_of_message(), name) == ("repeated" in marks), (message, name)
        found = field.message_type or field.enum_type
        assert found is None or found.full_name == kind


def test_every_model_is_reached_from_an_rpc_and_exported() -> None:
    exported = {getattr(models, name) for name in models.__all__}
    local = {
        kind
        for kind in vars(models).values()
        if isinstance(kind, type) and kind.__module__ == models.__name__
    }
    assert exported == local
    assert {kind.__name__ for kind in local} <= set(omni_api_async.__all__)

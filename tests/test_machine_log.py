"""What a line of a machine log says, whatever stands in it."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from laws import given, st

from omni_api import InvalidInputError, LogRecord

KERNEL = {
    "clock": 1231337,
    "facility": "kern",
    "msg": "XFS (vda6): Ending clean mount\n",
    "priority": "info",
    "seq": 912,
    "talos-level": "info",
    "talos-time": "2026-11-24T00:16:14.425811736Z",
}
# In the form of lines that Omni 1.10 sends.
CONTROLLER = {
    "error": 'namespaces "kube-system" not found',
    "msg": 'controller failed {"error": "namespaces \\"kube-system\\" not found"}\n',
    "talos-level": "error",
    "talos-time": "2026-11-24T00:16:15.751807868Z",
}


def record(fields: Any) -> LogRecord:
    return LogRecord(raw=json.dumps(fields).encode(), machine_id="m-1")


def test_a_line_of_the_kernel_says_when_what_and_who() -> None:
    line = record(KERNEL)
    assert line.time == datetime(2026, 11, 24, 0, 16, 14, 425811, tzinfo=UTC)
    assert (line.level, line.service) == ("info", "kern")
    assert line.message == "XFS (vda6): Ending clean mount"
    assert line.fields == {"clock": 1231337, "priority": "info", "seq": 912}
    assert line.text == json.dumps(KERNEL)


def test_a_line_of_a_controller_has_no_service_and_keeps_its_fields() -> None:
    line = record(CONTROLLER)
    assert (line.level, line.service) == ("error", "")
    assert line.fields == {"error": 'namespaces "kube-system" not found'}


@pytest.mark.parametrize("name", ["talos-service", "service", "component", "facility"])
def test_whoever_wrote_a_line_is_its_service(name: str) -> None:
    line = record({"msg": "started", name: "kubelet"})
    assert line.service == "kubelet"
    assert str(line) == "kubelet: started"


def test_the_formats_are_those_of_the_official_tool() -> None:
    line = record(KERNEL)
    assert line.format("raw") == json.dumps(KERNEL)
    assert line.format("dmesg") == "[    1.231337] kern: XFS (vda6): Ending clean mount"
    assert (
        line.format("omni")
        == str(line)
        == "2026-11-24T00:16:14.425Z info  kern: XFS (vda6): Ending clean mount"
    )
    assert record({"clock": 123456_000007, "msg": "late"}).format("dmesg") == "[123456.000007] late"
    assert record({**CONTROLLER, "msg": "failed"}).format("dmesg") == "failed"


@pytest.mark.parametrize("name", ["json", "", None])
def test_a_format_that_does_not_exist_is_refused_by_its_name(name: Any) -> None:
    with pytest.raises(InvalidInputError, match=f'"raw", "omni" or "dmesg", not {name!r}'):
        record(KERNEL).format(name)


@given(raw=st.binary(max_size=80))
def test_any_bytes_are_a_line(raw: bytes) -> None:
    line = LogRecord(raw=raw)
    assert line.text == raw.decode("utf-8", errors="replace")
    assert line.raw == raw
    assert len(str(line).splitlines()) <= 1
    assert isinstance(line.format("dmesg"), str)
    assert isinstance(line.message, str)


def test_a_line_that_is_no_json_is_its_own_message() -> None:
    line = LogRecord(raw=b"\xff plain \xc3\xa9")
    assert line.message == line.text == "\ufffd plain \xe9"
    assert (line.level, line.service, line.time, line.fields) == ("", "", None, {})


@pytest.mark.parametrize("raw", [b"[1]", b'"text"', b"17", b"null", b'{"msg":', b"{} {}"])
def test_json_that_is_no_object_is_text(raw: bytes) -> None:
    assert LogRecord(raw=raw).message == raw.decode()
    assert LogRecord(raw=raw).fields == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from([*KERNEL, "service", "component", "talos-service"]) | st.text(max_size=4)


@given(fields=st.dictionaries(NAMES, JSON, max_size=8))
def test_what_has_an_unexpected_form_is_kept_among_the_fields(fields: dict[str, Any]) -> None:
    line = LogRecord(raw=orjson.dumps(fields))
    read = {name for name in fields if name not in line.fields}
    # What is no longer among the fields is what it was read as.
    for name in read:
        assert isinstance(fields[name], str)
        said = (line.level, line.service, line.message)
        assert name == "talos-time" or fields[name].rstrip("\n") in said or fields[name] in said
    assert {name: fields[name] for name in line.fields} == line.fields
    assert ("talos-time" in read) == (line.time is not None)


@pytest.mark.parametrize(
    "time",
    ["yesterday", "", "2026-11-24", "2026-11-24T00:00:00", "0001-01-01T00:00:00+05:00", 17, None],
)
def test_a_time_that_names_no_moment_is_none(time: Any) -> None:
    line = record({"talos-time": time})
    assert line.time is None
    assert line.fields == {"talos-time": time}


def test_a_time_of_another_zone_becomes_utc() -> None:
    time = record({"talos-time": "2026-11-24T01:00:00+01:00"}).time
    assert time == datetime(2026, 11, 24, tzinfo=UTC)
    assert time.tzinfo is UTC


def test_a_machine_cannot_steer_the_terminal_of_a_reader() -> None:
    line = record({"msg": "\x1b[31mred\nsecond\tline\u202e", "facility": "ke\rrn"})
    assert str(line) == r"ke\rrn: \x1b[31mred\nsecond\tline\u202e"


def test_the_repr_shows_whose_line_it_is_and_not_what_it_says() -> None:
    shown = repr(record({"msg": "token=hunter2"}))
    assert "m-1" in shown
    assert "hunter2" not in shown


def test_a_record_is_a_value() -> None:
    line = record(KERNEL)
    same = record(KERNEL)
    assert line.level == "info"  # one of them was read, the other not yet
    assert line == same
    assert hash(line) == hash(same)
    assert pickle.loads(pickle.dumps(line)).fields == copy.copy(same).fields == line.fields
    with pytest.raises(AttributeError):
        line.raw = b""  # type: ignore[misc]

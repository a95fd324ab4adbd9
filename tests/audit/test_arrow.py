"""Lines become tables: what the columns hold, and that both parsers say the same."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import pytest
from audit_exports import BROKEN, a_day, event, several_clusters
from hypothesis import example
from laws import given, st

from omni_api import MissingLibraryError
from omni_api.audit import AuditEvent, EventReader, MalformedEvent
from omni_api.audit._tables.arrow import at_once, one_by_one, schema, to_table
from omni_api.audit._tables.columns import NAMES, TEXTS

PATHS = [path for paths in TEXTS.values() for path in paths]
MOMENTS = st.integers(-62_135_596_800_000, 253_402_300_799_999)
ANYTHING = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)


def row(line: bytes) -> dict[str, object]:
    """The one row of a line."""
    (found,) = to_table([line]).to_pylist()
    assert isinstance(found, dict)
    return found


def test_a_row_has_what_the_line_says_of_who_did_what() -> None:
    line = event("update", 1795479367735, {"cluster": {"id": "c1"}}, resource=("Clusters", "c1"))

    assert row(line) == {
        "time": datetime(2026, 11, 24, 0, 16, 7, 735000, UTC),
        "event_type": "update",
        "resource_type": "Clusters",
        "resource_id": "c1",
        "cluster": "c1",
        "actor": "ana@example.org",
        "user_id": "332dc4a3-de36-4521-b121-60fb1158bb04",
        "role": "Operator",
        "fingerprint": "25320363e07fe481499dc878fd31bf0c388e652c",
        "user_agent": "omnictl/v1.10",
        "raw": line.decode().removesuffix("\n"),
    }


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ("cluster", "id"),
        ("machine_set", "cluster_id"),
        ("machine_set_node", "cluster_id"),
        ("config_patch", "cluster_id"),
        ("machine_config_diff", "cluster_id"),
        ("talos_access", "cluster_name"),
        ("k8s_access", "cluster_name"),
        ("audit_log_access", "cluster_id"),
    ],
)
def test_the_cluster_is_found_in_every_payload_that_names_one(member: str, field: str) -> None:
    assert row(event("update", 1, {member: {field: "c1"}}))["cluster"] == "c1"


def test_an_empty_cluster_gives_way_to_one_that_is_named() -> None:
    data = {"cluster": {"id": ""}, "k8s_access": {"cluster_name": "c1"}}
    assert row(event("k8s_access", 1, data))["cluster"] == "c1"


@pytest.mark.parametrize(
    ("kind", "resource", "cluster"),
    [
        ("update", "Clusters.omni.sidero.dev", "first"),
        ("update", "MachineSets.omni.sidero.dev", "second"),
        ("k8s_access", "", "third"),
        ("update", "Machines.omni.sidero.dev", "first"),
    ],
)
def test_of_several_clusters_the_own_payload_of_an_event_decides(
    kind: str, resource: str, cluster: str
) -> None:
    assert row(several_clusters(kind, resource))["cluster"] == cluster


def test_absent_and_empty_texts_are_null() -> None:
    found = row(b'{"event_type":"update","resource_id":"","event_ts":1}\n')
    assert [name for name in NAMES if found[name] is not None] == ["time", "event_type", "raw"]


@pytest.mark.parametrize("line", BROKEN)
def test_a_line_that_is_no_event_has_its_text_alone(line: bytes) -> None:
    text = line.decode(errors="backslashreplace").removesuffix("\n")
    assert row(line) == dict.fromkeys(NAMES) | {"raw": text}


@pytest.mark.parametrize("line", BROKEN)
def test_lines_around_a_broken_one_are_read_all_the_same(line: bytes) -> None:
    good = a_day(0)
    table = to_table([*good[:3], line, *good[3:]])
    assert table.slice(0, 3).equals(to_table(good[:3]))
    assert table.slice(4).equals(to_table(good[3:]))


def test_a_text_of_another_type_is_null_and_the_rest_stays() -> None:
    found = row(b'{"event_type":"update","resource_id":5,"event_data":[],"event_ts":1}\n')
    assert (found["event_type"], found["resource_id"], found["actor"]) == ("update", None, None)


def test_no_lines_make_an_empty_table_with_all_columns() -> None:
    assert to_table([]).schema.equals(schema())
    assert tuple(schema().names) == NAMES


def test_ordinary_lines_are_read_without_python() -> None:
    assert at_once([line.removesuffix(b"\n") for line in a_day(0)]) is not None


@st.composite
def events(draw: st.DrawFn) -> bytes:
    """A line much like an event: any of its members may be absent, or be something else."""
    members: dict[str, object] = {}
    for path in draw(st.lists(st.sampled_from(PATHS), unique=True)):
        branch = members
        for name in path[:-1]:
            branch = branch.setdefault(name, {})  # type: ignore[assignment]
        branch[path[-1]] = draw(st.text() | ANYTHING)
    if draw(st.booleans()):
        members["unknown"] = draw(ANYTHING)
    members["event_ts"] = draw(MOMENTS | ANYTHING)
    return json.dumps(members, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")


@given(st.lists(events() | st.binary().filter(lambda line: b"\n" not in line), max_size=4))
@example([b'{"event_ts":1}{"event_ts":2}'])
@example([b'{"event_ts":1,"resource_id":"a","resource_id":"b"}'])
@example([b'{"event_ts":1,"x":NaN}'])
@example([b'{"event_ts":1,"x":[-Infinity]}'])
@example([b'{"event_ts":1,"x":1e999}'])
@example([b'{"event_ts":1,"x":"\\ud800"}'])
@example([b'{"event_ts":1,"resource_id":"\\udc00"}'])
@example([b'{"event_ts":1,"resource_id":"a\\u0000b"}'])
@example([b'{"event_ts":1,"resource_id":"a\x01"}'])
@example([b'{"event_ts":253402300800000}'])
@example([b'{"event_ts":99999999999999999999}'])
@example([b'{"event_ts":1,}', b"{}"])
def test_what_arrows_parser_takes_it_reads_as_python_does(lines: list[bytes]) -> None:
    table = at_once(lines)
    assert table is None or table.equals(one_by_one(lines))


@given(events())
def test_columns_and_typed_events_say_the_same(line: bytes) -> None:
    found = row(line)
    reported: list[MalformedEvent] = []
    seen = EventReader(on_malformed=reported.append).event(line)
    if not isinstance(seen, AuditEvent):
        assert (found["time"], len(reported)) == (None, 1)
        return
    assert (found["time"], found["event_type"]) == (seen.time, seen.type or None)
    assert (found["cluster"], found["actor"]) == (seen.cluster or None, seen.actor.email or None)


@given(st.lists(events().filter(lambda line: b"\\u" not in line), min_size=1, max_size=4))
def test_each_line_keeps_its_row_whatever_stands_beside_it(lines: list[bytes]) -> None:
    together = to_table(lines).to_pylist()
    assert together == [row(line) for line in lines]


def test_without_pyarrow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'sidero-omni-api\[parquet\]'"):
        to_table([])

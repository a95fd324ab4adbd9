"""Progress of a support bundle: percentages that hold, and steps counted per source."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from laws import given, st

from omni_api import InternalError, SupportBundleProgress
from omni_api._gen import management_pb2
from omni_api.progress import progress_reader

RECORDED = Path(__file__).parents[2] / "shared/golden/support-progress.jsonl"
# Shaped like the recording of a real server, for where that is not at hand.
INLINE: list[dict[str, Any]] = [
    *({"progress": {"source": "omni", "state": f"collect {i}", "total": 3}} for i in range(3)),
    {"progress": {"source": "cluster", "error": "no route", "state": "collect x", "total": 2}},
    {"progress": {"source": "cluster", "state": "collect y", "total": 2}},
    {"bundle_data": "<22 bytes>"},
]
Response = management_pb2.GetSupportBundleResponse


def message(entry: dict[str, Any]) -> bytes:
    response = Response(**{k: v for k, v in entry.items() if k != "bundle_data"})
    if data := entry.get("bundle_data"):
        response.bundle_data = b"\0" * int(data.strip("<>").split()[0])
    return response.SerializeToString()


def read(entries: Iterable[dict[str, Any]]) -> list[SupportBundleProgress]:
    reader = progress_reader()
    return [reader(message(entry)) for entry in entries]


@given(st.integers(), st.integers(), st.binary(max_size=3), st.text(max_size=3))
def test_a_percentage_is_from_0_to_100_whatever_the_server_says(
    value: int, total: int, data: bytes, error: str
) -> None:
    step = SupportBundleProgress(value=value, total=total, bundle_data=data, error=error)
    assert 0.0 <= step.progress_percentage <= 100.0
    assert step.progress_string() == step.progress_string().strip("\n") or step.error


@pytest.mark.parametrize("value", [10**400, -(10**400), 1], ids=["huge", "-huge", "1"])
@pytest.mark.parametrize("total", [10**400, -(10**400), 0], ids=["huge", "-huge", "0"])
def test_numbers_beyond_every_float_have_a_percentage_too(value: int, total: int) -> None:
    step = SupportBundleProgress(value=value, total=total)
    assert 0.0 <= step.progress_percentage <= 100.0


@given(st.integers(1, 2**31 - 1), st.data())
def test_a_percentage_grows_with_the_steps_and_ends_at_100(total: int, data: st.DataObject) -> None:
    earlier = data.draw(st.integers(0, total))
    later = data.draw(st.integers(earlier, total))
    steps = [SupportBundleProgress(value=v, total=total) for v in (0, earlier, later, total)]
    percentages = [step.progress_percentage for step in steps]
    assert percentages == sorted(percentages)
    assert (percentages[0], percentages[-1]) == (0.0, 100.0)


def test_a_source_that_could_not_be_asked_has_no_percentage_but_an_error() -> None:
    (step,) = read([{"progress": {"source": "cluster", "error": "cluster x is not found"}}])
    assert (step.total, step.value, step.progress_percentage) == (0, 0, 0.0)
    assert step.has_error
    assert step.progress_string() == "cluster: failed: cluster x is not found"


def test_the_steps_of_each_source_are_counted_apart() -> None:
    def entry(source: str) -> dict[str, Any]:
        return {"progress": {"source": source, "state": "collect a", "total": 9}}

    steps = read([entry("omni"), entry("cluster"), entry("omni"), entry("omni"), entry("cluster")])
    assert [(step.source, step.value) for step in steps] == [
        ("omni", 1), ("cluster", 1), ("omni", 2), ("omni", 3), ("cluster", 2),
    ]  # fmt: skip


def test_each_stream_counts_for_itself() -> None:
    entry = {"progress": {"source": "omni", "total": 5}}
    assert [step.value for step in read([entry, entry])] == [1, 2]
    assert [step.value for step in read([entry])] == [1]


def test_a_step_that_the_server_numbers_keeps_its_number() -> None:
    entry = {"progress": {"source": "omni", "total": 5}}
    numbered = {"progress": {"source": "omni", "total": 5, "value": 4}}
    assert [step.value for step in read([entry, numbered, entry])] == [1, 4, 3]


def test_a_message_without_steps_is_not_counted() -> None:
    entry = {"progress": {"source": "omni", "total": 5}}
    failed = {"progress": {"source": "omni", "error": "no"}}
    steps = read([{"encryption_recipients": ["age1x"]}, entry, failed, entry])
    assert [step.value for step in steps] == [0, 1, 0, 2]
    assert steps[0].encryption_recipients == ("age1x",)
    assert steps[0].progress_string() == "encrypted for age1x"


def test_the_message_with_the_bundle_is_the_end_and_hides_the_bundle() -> None:
    (last,) = read([{"bundle_data": "<162905 bytes>"}])
    assert last.has_bundle_data
    assert len(last.bundle_data) == 162905
    assert last.progress_percentage == 100.0
    assert last.progress_string() == "bundle received: 162,905 bytes"
    assert "<162905 hidden>" in repr(last)


def test_a_line_for_a_person_names_source_step_percentage_state_and_error() -> None:
    step = SupportBundleProgress(source="omni", value=1, total=3, state="collect a", error="no")
    assert step.progress_string() == "omni 1/3 (33.3 %): collect a: failed: no"
    assert SupportBundleProgress().progress_string() == ""


@pytest.mark.parametrize("data", [b"\xff", b"\xff\xff\xff", b"\x0a\x05ab"])
def test_a_message_that_cannot_be_read_is_an_internal_error(data: bytes) -> None:
    with pytest.raises(InternalError, match="GetSupportBundleResponse"):
        progress_reader()(data)


def test_a_whole_stream_ends_with_every_source_complete() -> None:
    recorded = RECORDED.exists()
    lines = RECORDED.read_text().splitlines() if recorded else []
    steps = read(map(json.loads, lines) if recorded else INLINE)
    last = {step.source: step for step in steps if step.total}
    found = {source: f"{step.value}/{step.total}" for source, step in last.items()}
    errors = sum(step.has_error for step in steps)
    if recorded:
        assert (found, errors) == ({"omni": "55/55", "cluster": "411/411"}, 12)
    else:
        assert (found, errors) == ({"omni": "3/3", "cluster": "2/2"}, 1)
    assert all(step.progress_percentage == 100.0 for step in last.values())
    assert [step.has_bundle_data for step in steps] == [False] * (len(steps) - 1) + [True]
    counted = Counter(step.source for step in steps if step.total)
    assert counted == {source: step.total for source, step in last.items()}

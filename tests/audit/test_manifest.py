"""What is written down about a day is read back, and nothing damaged is believed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import attrs
import pytest

from omni_api.audit._export import manifest
from omni_api.audit._export.manifest import DayFile

DAY = DayFile(
    day=date(2026, 11, 24),
    file="audit-log-2026-11-24.jsonl.gz",
    format="jsonl",
    compression="gzip",
    events=3,
    malformed=1,
    bytes=812,
    sha256="ab" * 32,
    first=datetime(2026, 11, 24, 0, 0, 0, 123000, UTC),
    last=datetime(2026, 11, 24, 23, 59, 59, 999000, UTC),
    complete=True,
)
EMPTY = attrs.evolve(
    DAY, day=date(2026, 11, 23), file="audit-log-2026-11-23.jsonl.gz", first=None, last=None
)


@pytest.mark.parametrize("day", [DAY, EMPTY])
def test_a_day_is_read_back_as_it_was_written(day: DayFile) -> None:
    assert manifest.from_day_manifest(manifest.to_day_manifest(day)) == day


def test_the_manifest_of_all_days_is_in_order_whatever_the_order_before() -> None:
    one, other = manifest.to_manifest([DAY, EMPTY]), manifest.to_manifest([EMPTY, DAY])
    assert one == other
    assert manifest.from_manifest(one) == (EMPTY, DAY)


def test_members_of_a_later_version_are_no_damage() -> None:
    members = {**json.loads(manifest.to_day_manifest(DAY)), "signed_by": "ops"}
    assert manifest.from_day_manifest(json.dumps(members).encode()) == DAY


@pytest.mark.parametrize("name", sorted(json.loads(manifest.to_day_manifest(DAY))))
@pytest.mark.parametrize("value", [..., "other", [1], -1, {}])
def test_a_manifest_with_a_missing_or_wrong_member_is_damaged(name: str, value: Any) -> None:
    members = json.loads(manifest.to_day_manifest(DAY))
    if value is ...:
        del members[name]
    else:
        members[name] = value
    with pytest.raises(ValueError, match=r"."):
        manifest.from_day_manifest(json.dumps(members).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"days": 1}', b'{"days": [1]}'])
def test_what_is_no_manifest_is_damaged(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        manifest.from_day_manifest(data)
    with pytest.raises(ValueError, match=r"."):
        manifest.from_manifest(data)


def test_no_name_leads_out_of_the_directory() -> None:
    members = {
        **json.loads(manifest.to_day_manifest(DAY)),
        "file": "../audit-log-2026-11-24.jsonl.gz",
    }
    with pytest.raises(ValueError, match="do not go together"):
        manifest.from_day_manifest(json.dumps(members).encode())

"""Exports of the audit log as tests need them: written by hand, without the exporter."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import pyarrow.parquet
import zstandard

from omni_api.audit import DayFile
from omni_api.audit._export.manifest import data_name, manifest_name, to_day_manifest
from omni_api.audit._tables.arrow import to_table

DAY = 86_400_000
FIRST = datetime(2026, 11, 20, tzinfo=UTC)
SESSION = {
    "user_agent": "omnictl/v1.10",
    "user_id": "332dc4a3-de36-4521-b121-60fb1158bb04",
    "role": "Operator",
    "email": "ana@example.org",
    "fingerprint": "25320363e07fe481499dc878fd31bf0c388e652c",
}
BROKEN = (b"no json\n", b'{"resource_id":"\xff"}\n', b"\n", b"a\rb\n", b'{"event_ts":1.5}\n')
"""Lines that are no events. DuckDB itself could not read some of them."""


def event(
    kind: str,
    at: int,
    data: Mapping[str, object] | None = None,
    *,
    actor: str = "ana@example.org",
    resource: tuple[str, str] | None = None,
) -> bytes:
    """A line as a server writes it: absent members are left out."""
    members: dict[str, object] = {"event_type": kind}
    if resource:
        members |= {"resource_type": resource[0], "resource_id": resource[1]}
    members["event_data"] = {**(data or {}), "session": {**SESSION, "email": actor}}
    members["event_ts"] = at
    return json.dumps(members, separators=(",", ":")).encode() + b"\n"


def several_clusters(kind: str, resource_type: str) -> bytes:
    """An event whose data names three clusters, as no request is known to."""
    data = {
        "cluster": {"id": "first"},
        "machine_set": {"cluster_id": "second"},
        "k8s_access": {"cluster_name": "third"},
    }
    return event(kind, 1, data, resource=(resource_type, "x"))


def a_day(number: int) -> list[bytes]:
    """Six events of one day, among them two of one millisecond."""
    start = int(FIRST.timestamp() * 1000) + number * DAY + 3_600_000
    cluster = ("Clusters.omni.sidero.dev", "prod")
    return [
        event("update", start, {"cluster": {"id": "prod"}}, resource=cluster),
        event("k8s_access", start + 1, {"k8s_access": {"cluster_name": "prod"}}),
        event("talos_access", start + 2, {"talos_access": {"cluster_name": "lab"}}),
        event("create", start + 3, actor="bo@example.org", resource=("JoinTokens", f"t{number}")),
        event("audit_log_access", start + 3, {"audit_log_access": {"cluster_id": "prod"}}),
        event("destroy", start + 4, {"machine_set": {"cluster_id": "lab"}}, actor=""),
    ]


def write_day(
    directory: Path,
    number: int,
    lines: Sequence[bytes],
    *,
    kind: Literal["jsonl", "parquet"] = "jsonl",
    compression: Literal["", "gzip", "zstd"] = "",
    malformed: int = 0,
) -> DayFile:
    """Write the file of a day and its manifest."""
    day = date.fromordinal(FIRST.toordinal() + number)
    path = directory / data_name(day, kind, compression)
    data = b"".join(lines)
    if kind == "parquet":
        pyarrow.parquet.write_table(to_table(lines), path)
    elif compression == "gzip":
        path.write_bytes(gzip.compress(data))
    elif compression == "zstd":
        path.write_bytes(zstandard.compress(data))
    else:
        path.write_bytes(data)
    times = [time for time in to_table(lines)["time"].to_pylist() if time is not None]
    written = DayFile(
        day=day,
        file=path.name,
        format=kind,
        compression=compression,
        events=len(lines),
        malformed=malformed,
        bytes=path.stat().st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        first=times[0] if times else None,
        last=times[-1] if times else None,
        complete=True,
    )
    (directory / manifest_name(day)).write_bytes(to_day_manifest(written))
    return written

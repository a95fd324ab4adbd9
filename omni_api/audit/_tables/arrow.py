"""From lines of the audit log to an Arrow table.

Arrow's own parser reads a batch without making a Python object of any field. Where it refuses one
(a line is malformed, a field has an odd type), the batch is read line by line, with the same
result. What the columns mean stands in `columns.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from omni_api._core.extras import extra
from omni_api.audit._tables.columns import (
    NAMES,
    OWN_CLUSTER,
    TEXTS,
    TIME,
    Path,
)
from omni_api.audit._time import EARLIEST, LATEST, usable_time

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 1 << 20

# Arrow's parser takes these for numbers; they are no JSON.
_NO_NUMBER = re.compile(rb"[:,\[\s-](?:NaN|Inf)")


def schema() -> pa.Schema:
    """Return the schema of audit events as a table.

    `time` is a timestamp in milliseconds, UTC; everything else is text. `raw` is the line without
    its line break.
    """
    pa = _pyarrow()
    return pa.schema(
        [(name, pa.timestamp("ms", "UTC") if name == "time" else pa.string()) for name in NAMES]
    )


def to_table(lines: Sequence[bytes]) -> pa.Table:
    r"""Return the table of lines, a row each, in their order.

    A text that is absent or empty is null. A line that is no JSON object, or has no usable time,
    has nothing but `raw`; there, bytes that are no UTF-8 are written as `\xff`.
    """
    lines = [line.removesuffix(b"\n") for line in lines]
    table = at_once(lines)
    return one_by_one(lines) if table is None else table


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Return tables of events as one, without copying them."""
    return _pyarrow().concat_tables(tables)


def at_once(lines: Sequence[bytes]) -> pa.Table | None:
    """Parse lines with Arrow's parser; None where it does not read each of them as one event."""
    pa = _pyarrow()
    import pyarrow.compute as pc

    parsed = _parsed(lines)
    if parsed is None:
        return None
    columns = [parsed[TIME[0]].cast(pa.timestamp("ms", "UTC"))]
    for paths in TEXTS.values():
        texts = [_filled(parsed, path) for path in paths]
        columns.append(pc.coalesce(*texts))
        # Where a line holds more than one of them, it takes a look at the line to choose.
        if sum(map(_held, texts)) > _held(columns[-1]):
            return None
    try:
        raw = pa.chunked_array([pa.array(lines, pa.binary())]).cast(pa.string())
    except pa.ArrowInvalid:  # no UTF-8
        return None
    return pa.table([*columns, raw], schema=schema())


def _parsed(lines: Sequence[bytes]) -> pa.Table | None:
    """Return what Arrow reads, None unless that is one event with a usable time for each line."""
    pa = _pyarrow()
    import pyarrow.compute as pc
    import pyarrow.json

    # Two objects cannot stand side by side in a third. So when every line opens and closes a
    # brace and there are as many rows as lines, each row is a line.
    if not lines or not all(line[:1] == b"{" and line[-1:] == b"}" for line in lines):
        return None
    data = b"\n".join(lines)
    if _NO_NUMBER.search(data):
        return None
    try:
        parsed = pyarrow.json.read_json(
            pa.BufferReader(data),
            # A batch is small: threads would gain nothing, and each keeps memory of its own.
            read_options=pyarrow.json.ReadOptions(
                use_threads=False, block_size=max(_BLOCK, max(map(len, lines)) + 1)
            ),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=_parsed_schema(), unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid:
        return None
    bounds = pc.min_max(parsed[TIME[0]], skip_nulls=False).as_py()
    whole = parsed.num_rows == len(lines) and bounds["min"] is not None
    return parsed if whole and bounds["min"] >= EARLIEST and bounds["max"] <= LATEST else None


def one_by_one(lines: Sequence[bytes]) -> pa.Table:
    """Parse lines with Python, whatever they are."""
    pa = _pyarrow()
    events = [_event(line) for line in lines]
    arrays = [pa.array([event.get(TIME[0]) for event in events], pa.int64())]
    arrays += [pa.array([_text(event, name) for event in events], pa.string()) for name in TEXTS]
    arrays.append(pa.array([line.decode(errors="backslashreplace") for line in lines], pa.string()))
    return pa.table([arrays[0].cast(pa.timestamp("ms", "UTC")), *arrays[1:]], schema=schema())


def _pyarrow() -> pa:
    with extra("parquet"):
        import pyarrow
    return pyarrow


def _parsed_schema() -> pa.Schema:
    """Return what Arrow's parser shall look for; it ignores every other member."""
    pa = _pyarrow()
    tree: dict[str, object] = {TIME[0]: pa.int64()}
    for path in (path for paths in TEXTS.values() for path in paths):
        branch = tree
        for member in path[:-1]:
            branch = branch.setdefault(member, {})  # type: ignore[assignment]
        branch[path[-1]] = pa.string()

    def fields(branch: Mapping[str, object]) -> list[object]:
        return [
            pa.field(name, pa.struct(fields(kind)) if isinstance(kind, dict) else kind)
            for name, kind in branch.items()
        ]

    return pa.schema(fields(tree))


def _filled(parsed: pa.Table, path: Path) -> pa.ChunkedArray:
    """Return a column of text, null where it is empty."""
    import pyarrow.compute as pc

    column = parsed[path[0]]
    if path[1:]:
        column = pc.struct_field(column, list(path[1:]))
    return pc.if_else(pc.equal(column, ""), None, column)


def _held(column: pa.ChunkedArray) -> int:
    return len(column) - int(column.null_count)


def _event(line: bytes) -> Mapping[str, object]:
    """Return the decoded event, empty where the line is none."""
    import orjson

    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) and usable_time(event.get(TIME[0])) else {}


def _text(event: Mapping[str, object], name: str) -> str | None:
    """Return the text of a column: the first that one of the members holds."""
    paths = TEXTS[name]
    if name == "cluster":
        about = _at(event, ("resource_type",)) or _at(event, ("event_type",)) or ""
        paths = (OWN_CLUSTER.get(about, paths[0]), *paths)
    return next(filter(None, (_at(event, path) for path in paths)), None)


def _at(event: Mapping[str, object], path: Path) -> str | None:
    value: object = event
    for member in path:
        value = value.get(member) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value else None

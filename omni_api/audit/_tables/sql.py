"""The SQL that makes the view `events` of the files of an export, for DuckDB.

Pure text. The columns come from `columns.py`, and mean the same as in `arrow.py`. Only in what
it takes for JSON is DuckDB laxer: it allows a comma before a closing brace, and `NaN`.
"""

# ruff: noqa: S608 - of what is pasted, the only foreign part is file names: see `literal`

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omni_api.audit._export.manifest import Compression
from omni_api.audit._tables.columns import NAMES, OWN_CLUSTER, TEXTS, TIME, Path
from omni_api.audit._time import EARLIEST, LATEST

# A line is read as a CSV record of one field: its separator never occurs in JSON, and hardly in
# anything else. One event can be large, since it carries whole config patches.
_LINES: Final = (
    "read_csv({files}, columns={{'raw': 'VARCHAR'}}, auto_detect=false, header=false, "
    "delim=E'\\x1f\\x1e\\x1f\\x1e', quote='', escape='', new_line='\\n', strict_mode=false, "
    "max_line_size=33554432, compression={compression})"
)

_PATHS: Final[tuple[Path, ...]] = (TIME, *(path for paths in TEXTS.values() for path in paths))


def events_view(parts: Sequence[str]) -> str:
    """Return the statement that makes the view of its parts, in their order."""
    return f"CREATE VIEW events AS {' UNION ALL '.join(parts)}"


def from_json_lines(files: Sequence[str], compression: Compression) -> str:
    """Return the query for files of JSON lines."""
    # Every line is parsed once, for all members; a column that is not asked for costs nothing.
    members = ", ".join(literal(f"$.{'.'.join(path)}") for path in _PATHS)
    lines = _LINES.format(files=_patterns(files), compression=literal(compression or "none"))
    found = f"SELECT raw, json_extract(TRY_CAST(raw AS JSON), [{members}]) AS found FROM {lines}"
    # A JSON text keeps the form it was written in, so only a whole number is all digits.
    usable = (
        "regexp_full_match(found[1]::VARCHAR, '-?[0-9]+') "
        f"AND TRY_CAST(found[1]::VARCHAR AS BIGINT) BETWEEN {EARLIEST} AND {LATEST}"
    )
    event = f"SELECT raw, CASE WHEN {usable} THEN found END AS event FROM ({found})"
    columns = ["make_timestamptz(event[1]::VARCHAR::BIGINT * 1000) AS time"]
    for name, paths in TEXTS.items():
        texts = [_text(path) for path in paths]
        if name == "cluster":
            texts.insert(0, _own_cluster())
        columns.append(f"coalesce({', '.join(texts)}, NULL) AS {name}")
    return f"SELECT {', '.join(columns)}, raw FROM ({event})"


def from_parquet(files: Sequence[str]) -> str:
    """Return the query for Parquet files."""
    return f"SELECT {', '.join(NAMES)} FROM read_parquet({_patterns(files)})"


def from_table(name: str) -> str:
    """Return the query for a table of `arrow.to_table`, registered under a name."""
    return f"SELECT {', '.join(NAMES)} FROM {name}"


def literal(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _text(path: Path) -> str:
    member = f"event[{_PATHS.index(path) + 1}]"
    return f"""CASE WHEN {member}::VARCHAR LIKE '"_%"' THEN nullif({member} ->> '$', '') END"""


def _own_cluster() -> str:
    (resource_type,), (event_type,) = TEXTS["resource_type"], TEXTS["event_type"]
    own = " ".join(f"WHEN {literal(kind)} THEN {_text(path)}" for kind, path in OWN_CLUSTER.items())
    return f"CASE coalesce({_text(resource_type)}, {_text(event_type)}) {own} END"


def _patterns(files: Sequence[str]) -> str:
    """Return a list of files, as patterns that match nothing but themselves."""
    exact = ("".join(f"[{c}]" if c in "[*?" else c for c in name) for name in files)
    return f"[{', '.join(map(literal, exact))}]"

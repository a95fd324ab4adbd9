"""Puts a question to DuckDB: the files of some days as one view, whatever their formats.

The SQL of the view comes from `sql.py`; which days it covers is decided by whoever asks.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from omni_api._core.extras import extra
from omni_api.audit._export import reading
from omni_api.audit._export.manifest import Compression, DayFile
from omni_api.audit._export.store import Store
from omni_api.audit._tables import sql as _sql
from omni_api.audit._tables.arrow import to_table
from omni_api.audit.table import EventTable
from omni_api.errors import ExportError, InvalidInputError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Parameters = Sequence[object] | Mapping[str, object] | None

_SETTINGS: Final[dict[str, str | bool]] = {
    # JSON and Parquet are built in. Nothing is to be fetched from a network.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # A misspelt table is an error, not a variable of the program.
    "python_enable_replacements": False,
}


def answer(
    place: Store, days: Sequence[DayFile], sql: str, parameters: Parameters = None
) -> EventTable:
    """Return what a query answers over the events of some days.

    Raises:
        InvalidInputError: DuckDB does not understand the query, or it has no result.
        ExportError: A file cannot be read, or the query failed while it ran.
        MissingLibraryError: duckdb or pyarrow is not installed.
    """
    with extra("duckdb"):
        import duckdb
        import pyarrow  # noqa: F401
    with (
        # What does not fit into memory is written where nobody else can read it.
        tempfile.TemporaryDirectory(prefix="omni-audit-") as scratch,
        duckdb.connect(config={**_SETTINGS, "temp_directory": scratch}) as connection,
    ):
        try:
            connection.execute("SET TimeZone = 'UTC'")
            _make_view(connection, place, days)
        except (duckdb.Error, OSError) as error:
            raise ExportError(f"the export cannot be read: {error}") from error
        try:
            found = connection.sql(sql, params=parameters)
        except duckdb.Error as error:
            raise InvalidInputError(f"DuckDB does not take the query: {error}") from error
        if found is None:
            raise InvalidInputError("the query has no result: pass one statement that has rows")
        try:
            return EventTable(found.to_arrow_table())
        except (duckdb.Error, OSError) as error:
            raise ExportError(
                f"the query failed while it ran: {type(error).__name__}. `verify` says whether a "
                "file is damaged. What DuckDB says may quote events; it is in `__context__`"
            ) from None


def _make_view(connection: DuckDBPyConnection, place: Store, days: Sequence[DayFile]) -> None:
    if place.filesystem is not None:
        connection.register_filesystem(place.filesystem)
    parts: list[str] = []
    for (how, compression), group in itertools.groupby(filter(_holds_events, days), _how_to_read):
        if how == "table":
            name = f"lines_{len(parts)}"
            lines = [line for day in group for line in reading.lines(place, day)]
            connection.register(name, to_table(lines))
            parts.append(_sql.from_table(name))
            continue
        files = [place.url(day.file) for day in group]
        parts.append(
            _sql.from_parquet(files)
            if how == "parquet"
            else _sql.from_json_lines(files, compression)
        )
    if not parts:
        connection.register("nothing", to_table(()))
        parts.append(_sql.from_table("nothing"))
    connection.execute(_sql.events_view(parts))


def _holds_events(day: DayFile) -> bool:
    return day.events > 0


def _how_to_read(day: DayFile) -> tuple[str, Compression]:
    # DuckDB cannot read lines that are no text at all. They are rare, so their day may cost more.
    how = "table" if day.malformed and day.format == "jsonl" else day.format
    return how, day.compression

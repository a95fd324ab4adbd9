"""Data frames of tables, with types that do not depend on what stands in the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from omni_api._columns import table, types_of
from omni_api._core.extras import extra
from omni_api.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


def frame(values: Sequence[object], kind: type | None, library: str) -> pd.DataFrame | pl.DataFrame:
    """Return a table as a data frame of a library."""
    kinds = {} if kind is None else types_of(kind)
    if library == "pandas":
        return _pandas(table(values, kind), kinds)
    if library == "polars":
        return _polars(table(values, kind), kinds)
    raise unknown(library)


def unknown(library: object) -> InvalidInputError:
    """Return the error that another library was named."""
    return InvalidInputError(f'library must be "pandas" or "polars", not {library!r}')


def _pandas(columns: Mapping[str, list[object]], kinds: Mapping[str, type]) -> pd.DataFrame:
    with extra():
        import pandas as pd
    # Types that have a missing value, so that they do not depend on the rows.
    known = {
        datetime: "datetime64[us, UTC]",
        timedelta: "timedelta64[us]",
        bool: "boolean",
        int: "Int64",
        float: "Float64",
    }
    return pd.DataFrame(
        {
            name: pd.Series(cells, dtype=known.get(kinds.get(name, object)))
            for name, cells in columns.items()
        }
    )


def _polars(columns: Mapping[str, list[object]], kinds: Mapping[str, type]) -> pl.DataFrame:
    with extra():
        import polars as pl
    known: dict[type, Any] = {
        datetime: pl.Datetime("us", "UTC"),
        date: pl.Date(),
        timedelta: pl.Duration("us"),
        bool: pl.Boolean(),
        int: pl.Int64(),
        float: pl.Float64(),
        str: pl.String(),
        list: pl.List(pl.String()),
    }
    return pl.DataFrame(
        [
            pl.Series(name, cells, dtype=known.get(kinds.get(name, object)))
            for name, cells in columns.items()
        ]
    )

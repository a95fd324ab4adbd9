"""Which columns values have as a table, what stands in them, and how that becomes a data frame.

A column is what the repr of a value shows, or what its class names in `_columns`. The types of the
columns come from the annotations, so that a table without rows has them too. What is hidden is
decided by the repr alone; in texts that are shown, `masked` is the second net.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from omni_api._core.extras import extra
from omni_api._core.values import masked
from omni_api.errors import InvalidInputError
from omni_api.rows import Rows, Value

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_Row = dict[str, object]

_SAME: Final = (datetime, date, timedelta, bool, int, float)
_AS_TEXT: Final = (str, bytes, Path, Enum)


def shown(kind: type) -> tuple[str, ...]:
    """Return the names of what a table shows of a class of values."""
    named: tuple[str, ...] = getattr(kind, "_columns", ())
    return named or tuple(field.name for field in attrs.fields(kind) if field.repr is True)


def table(values: Sequence[object], kind: type | None) -> dict[str, list[object]]:
    """Return the columns of a table: name -> what stands in it, None where there is nothing."""
    rows = [row for value in values for row in _spread("", value)]
    names = dict.fromkeys(_types(kind)) if kind is not None else {}
    for row in rows:
        names.update(dict.fromkeys(row))
    # A key of one mapping may be the beginning of another's, and a list be missing in one row.
    return {name: _alike([row.get(name) for row in rows]) for name in names}


def frame(values: Sequence[object], kind: type | None, library: str) -> pd.DataFrame | pl.DataFrame:
    """Return a table as a data frame of a library."""
    if library == "pandas":
        return _pandas(table(values, kind), _types(kind))
    if library == "polars":
        return _polars(table(values, kind), _types(kind))
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


# ---- What stands in the rows -------------------------------------------------------------------


def _spread(name: str, cell: object) -> Iterator[_Row]:
    """Yield what becomes of a cell: usually one row with one column."""
    if is_value(cell):
        yield from _combined(_named(name, cell))
    elif isinstance(cell, Rows):
        for value in cell or (None,):
            yield from _spread(name, value)
    elif isinstance(cell, Mapping):
        yield from _combined({f"{name}.{key}": value for key, value in cell.items()})
    elif cell is None and name == "":
        yield {}
    else:
        yield {name or "value": plain(cell)}


def _named(name: str, value: object) -> _Row:
    cells = {f"{name}.{one}".lstrip("."): attrgetter(one)(value) for one in shown(type(value))}
    lists = [one for one, cell in cells.items() if isinstance(cell, Rows)]
    # A row for each pair of two lists would say something that is not so.
    return cells if len(lists) < 2 else {**cells, **{one: len(cells[one]) for one in lists}}  # noqa: PLR2004


def _combined(cells: Mapping[str, object]) -> Iterator[_Row]:
    rows: list[_Row] = [{}]
    for name, cell in cells.items():
        rows = [{**row, **more} for more in _spread(name, cell) for row in rows]
    yield from rows


def is_value(cell: object) -> bool:
    """Whether a cell has columns itself."""
    return isinstance(cell, Value)


def plain(cell: object) -> object:
    """Return a cell as what a frame holds: a time, a number, a text, or a list of texts."""
    if isinstance(cell, Enum):
        return cell.name
    if cell is None or isinstance(cell, _SAME):
        return cell
    if isinstance(cell, bytes):
        return masked(cell.decode("utf-8", errors="replace"))
    if isinstance(cell, str | Path):
        return masked(str(cell))
    if isinstance(cell, list | tuple) and all(isinstance(one, str) for one in cell):
        return [masked(one) for one in cell]
    return masked(_as_json(cell))


def _as_json(cell: object) -> str:
    import orjson

    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
    return orjson.dumps(cell, default=repr, option=options).decode()


def _alike(cells: list[object]) -> list[object]:
    """Make texts of cells of more than one type, such as a name and a number that has none."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) < 2 or kinds == {int, float}:  # noqa: PLR2004
        return cells
    return [None if cell is None else str(cell) for cell in cells]


# ---- Which columns there are without rows ------------------------------------------------------


def _types(kind: type | None) -> Mapping[str, type]:
    return {} if kind is None else _types_of(kind)


@cache
def _types_of(kind: type) -> Mapping[str, type]:
    return dict(_known("", kind, ()))


def _known(name: str, hint: Any, within: tuple[type, ...]) -> Iterator[tuple[str, type]]:
    """Yield the columns that an annotation promises, with the type of what stands in them."""
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        hints = [one for one in options if one is not types.NoneType]
        # Beside an enum stands the number that a newer server may send.
        hint = next(
            (one for one in hints if _is_a(one, Enum)), hints[0] if len(hints) == 1 else None
        )
        yield from _known(name, hint, within)
    elif origin is Rows:
        yield from _known(name, options[0], within)
    elif _is_a(hint, Value):
        if hint not in within:
            for one, kind in _hints(hint):
                yield from _known(f"{name}.{one}".lstrip("."), kind, (*within, hint))
    elif _is_a(origin, Mapping):
        return
    elif hint == tuple[str, ...]:
        yield name, list
    elif hint in _SAME:
        yield name, hint
    else:
        text = origin is typing.Literal or any(_is_a(hint, kind) for kind in _AS_TEXT)
        yield name or "value", str if text else object


def _hints(kind: type) -> Iterator[tuple[str, Any]]:
    hints = [(name, _hint(kind, name)) for name in shown(kind)]
    several = sum(typing.get_origin(hint) is Rows for _, hint in hints) > 1
    for name, hint in hints:
        yield name, int if several and typing.get_origin(hint) is Rows else hint


def _hint(kind: type, path: str) -> Any:
    """Return the annotation of an attribute or property, or of one of its own."""
    name, _, rest = path.partition(".")
    member = getattr(kind, name, None)
    hint = (
        typing.get_type_hints(member.fget)["return"]
        if isinstance(member, property)
        else typing.get_type_hints(kind)[name]
    )
    return _hint(hint, rest) if rest else hint


def _is_a(kind: Any, base: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, base)

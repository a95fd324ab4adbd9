"""Which columns values have as a table, and what stands in them.

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
from typing import Any, Final

import attrs

from omni_api._core.values import masked
from omni_api.rows import Rows, Value

_Row = dict[str, object]

_SAME: Final = (datetime, date, timedelta, bool, int, float)
_AS_TEXT: Final = (str, bytes, Path, Enum)


def shown(kind: type) -> Mapping[str, str]:
    """Return what a table shows of a class of values: name -> path of the attribute."""
    named: tuple[str, ...] = getattr(kind, "_columns", ())
    names = named or [field.name for field in attrs.fields(kind) if field.repr is True]
    parts = (name.partition("=") for name in names)
    return {name: path or name for name, _, path in parts}


def table(values: Sequence[object], kind: type | None) -> dict[str, list[object]]:
    """Return the columns of a table: name -> what stands in it, None where there is nothing."""
    rows = [row for value in values for row in _spread("", value)]
    known = types_of(kind) if kind is not None else {}
    names = dict.fromkeys(known)
    for row in rows:
        names.update(dict.fromkeys(row))
    # A key of one mapping may be the beginning of another's, and a list be missing in one row.
    return {name: _alike([row.get(name) for row in rows], known.get(name)) for name in names}


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
    kind: type = type(value)
    hints, cells = _hints(kind), {}
    for one, path in shown(kind).items():
        cell = attrgetter(path)(value)
        counted = hints[one] is int and isinstance(cell, tuple)
        cells[f"{name}.{one}".lstrip(".")] = len(cell) if counted else cell
    return cells


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


def _alike(cells: list[object], known: type | None) -> list[object]:
    """Make texts of cells of more than one type, such as a name and a number that has none."""
    kinds = {type(cell) for cell in cells if cell is not None}
    # A column of names is one of texts, too, where no number in it has a name.
    expected = kinds | {known} if known is str and kinds else kinds
    if len(expected) < 2 or expected == {int, float}:  # noqa: PLR2004
        return cells
    return [None if cell is None else str(cell) for cell in cells]


# ---- Which columns there are without rows ------------------------------------------------------


@cache
def types_of(kind: type) -> Mapping[str, type]:
    """Return the columns that a class of values has in any case, with the type of each."""
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
            for one, kind in _hints(hint).items():
                yield from _known(f"{name}.{one}".lstrip("."), kind, (*within, hint))
    elif _is_a(origin, Mapping):
        return
    elif hint == tuple[str, ...]:
        yield name or "value", list
    elif hint in _SAME:
        yield name or "value", hint
    else:
        text = origin is typing.Literal or any(_is_a(hint, kind) for kind in _AS_TEXT)
        yield name or "value", str if text else object


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    """Return the annotations of what is shown of a class; `int` for lists that are counted.

    Those are the lists that are no `Rows`, and `Rows` where there are several: a row for each
    pair would say something that is not so.
    """
    hints = {name: _hint(kind, path) for name, path in shown(kind).items()}
    lists = [name for name, hint in hints.items() if typing.get_origin(hint) is Rows]
    counted = lists[:] if lists[1:] else []
    counted += [
        name
        for name, hint in hints.items()
        if typing.get_origin(hint) is tuple and _is_a(typing.get_args(hint)[0], Value)
    ]
    return {**hints, **dict.fromkeys(counted, int)}


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

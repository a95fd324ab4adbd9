"""How values look in a notebook: tables in HTML, without a colour or a font of their own.

Everything that is shown passes `_text`, which escapes it. What is shown at all is decided in
`_columns.py`, and by the repr of each field that hides something.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from operator import attrgetter
from typing import Any, Final

import attrs

from omni_api._columns import plain, shown, table
from omni_api.rows import Value

ROWS: Final = 50
"""Rows that are shown of a table."""

_LONG, _SHORT = 2000, 120  # characters of a text, where it has a line for itself and elsewhere

# Notebooks put text to the right, and in the middle of its cell.
_STYLE: Final = "text-align:left;vertical-align:top;white-space:pre-wrap"


def value(one: Value) -> str:
    """Return a value as a table of two columns; what its repr hides is said, but not shown."""
    return _pairs({**_shown(one), **_hidden(one)})


def rows(values: Sequence[object], kind: type | None) -> str:
    """Return values as a table, a row each."""
    some = values[:ROWS]
    columns = table(some, kind)
    return grid(columns, zip(*columns.values(), strict=True), more=len(values) - len(some))


def grid(columns: Iterable[str], cells: Iterable[Iterable[object]], *, more: int = 0) -> str:
    """Return a table with a heading for each column.

    Args:
        columns: Their names.
        cells: The rows.
        more: How many rows there are besides these.
    """
    head = "".join(_cell("th", _text(name)) for name in columns)
    body = "".join(f"<tr>{''.join(_cell('td', _text(cell)) for cell in row)}</tr>" for row in cells)
    rest = f"<p>… and {more:,} more</p>" if more > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _pairs(members: Mapping[str, object]) -> str:
    lines = "".join(
        f"<tr>{_cell('th', _text(name))}{_cell('td', _member(cell))}</tr>"
        for name, cell in members.items()
    )
    return f"<table><tbody>{lines}</tbody></table>"


def _cell(tag: str, content: str) -> str:
    return f'<{tag} style="{_STYLE}">{content}</{tag}>'


def _shown(one: Value) -> dict[str, Any]:
    return {name: attrgetter(path)(one) for name, path in shown(type(one)).items()}


def _hidden(one: Value) -> dict[str, Any]:
    """What a field's own repr makes of it, such as `<31 hidden>`."""
    fields: Iterable[attrs.Attribute[Any]] = getattr(type(one), "__attrs_attrs__", ())
    return {
        field.name: field.repr(getattr(one, field.name)) for field in fields if callable(field.repr)
    }


def _member(cell: object) -> str:
    """Return what is to the right of a name: a text, or a table within the table."""
    if isinstance(cell, Value):
        return value(cell)
    if isinstance(cell, tuple) and cell and isinstance(cell[0], Value):
        return rows(cell, type(cell[0]))
    if isinstance(cell, Mapping):
        return _pairs(dict(islice(cell.items(), ROWS))) if cell else ""
    return _text(cell, _LONG)


def _text(cell: object, limit: int = _SHORT) -> str:
    cell = plain(cell)
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        text = f"{cell.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    elif isinstance(cell, list):
        text = ", ".join(cell)
    else:
        text = str(cell)
    return html.escape(text if len(text) <= limit else f"{text[:limit]}…")

"""Would Go decode this YAML into that type? Strangers and mismatches are told in Go's manner.

A type is written as a value: None for anything, `string`, `bool`, `int` or `uint8`, a list with
the type of its items, `{"*": type}` for a map, or a dict of fields for a struct.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

PATCH = "$patch"
"""A mapping with this key says what to do with a value, whatever type that has."""
_ANY = "*"
_OLD_BOOLS = {"y", "yes", "on", "n", "no", "off"}
_UINT8 = 255


def mismatches(value: Any, wanted: Any, name: str) -> Iterator[str]:
    """What Go cannot decode; `name` is the Go name of a struct."""
    if value is None or wanted is None or (isinstance(value, dict) and PATCH in value):
        return
    if isinstance(wanted, str):
        if not _fits(value, wanted):
            yield f"{_cannot(value)} into {wanted}"
    elif isinstance(wanted, list):
        if isinstance(value, list):
            for item in value:
                yield from mismatches(item, wanted[0], name)
        else:
            yield f"{_cannot(value)} into []{_type_name(wanted[0], name)}"
    elif not isinstance(value, dict):
        yield f"{_cannot(value)} into {_type_name(wanted, name)}"
    else:
        package = name.partition(".")[0]
        for key, item in value.items():
            inner = wanted.get(key, wanted.get(_ANY))
            yield from mismatches(item, inner, f"{package}.{str(key)[:1].upper()}{str(key)[1:]}")


def strangers(value: Any, wanted: Any) -> Any:
    """The fields that no struct has, with what stands below them; None without any."""
    if isinstance(value, list) and isinstance(wanted, list):
        return [inner for item in value if (inner := strangers(item, wanted[0]))] or None
    if not isinstance(value, dict) or not isinstance(wanted, Mapping):
        return None
    found: dict[str, Any] = {}
    for key, item in value.items():
        if key == PATCH:
            continue
        if key not in wanted and _ANY not in wanted:
            found[str(key)] = item
        elif inner := strangers(item, wanted.get(key, wanted.get(_ANY))):
            found[str(key)] = inner
    return found or None


def _fits(value: Any, wanted: str) -> bool:
    if isinstance(value, dict | list):
        return False
    if wanted == "bool":
        return isinstance(value, bool) or str(value).lower() in _OLD_BOOLS
    if wanted == "string":
        return True
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and (wanted == "int" or 0 <= value <= _UINT8)


def _cannot(value: Any) -> str:
    tags = {bool: "bool", int: "int", float: "float", list: "seq", dict: "map"}
    shown = "" if isinstance(value, dict | list) else f" `{value}`"
    return f"cannot unmarshal !!{tags.get(type(value), 'str')}{shown}"


def _type_name(wanted: Any, name: str) -> str:
    if isinstance(wanted, str):
        return wanted
    if isinstance(wanted, Mapping) and _ANY in wanted:
        return f"map[string]{_type_name(wanted[_ANY], name)}"
    return f"{name}Config" if wanted else "interface {}"

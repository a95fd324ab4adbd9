"""Label selectors: from the text that users write to the queries of the resource state API.

The form is that of the official tool and of Kubernetes. Omni knows fewer operators than the text
has, so "more than" is sent as "not at most".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from omni_api._core.arguments import text
from omni_api.errors import InvalidInputError

if TYPE_CHECKING:
    from omni_api._gen.cosi_pb2 import LabelQuery, LabelTerm

_KEY = r"(?P<key>[^\s!=<>,;()]+)"
_EXISTS = re.compile(rf"(?P<not>!?)\s*{_KEY}")
_COMPARED = re.compile(rf"{_KEY}\s*(?P<op>==|!=|<=|>=|=|<|>)\s*(?P<value>[^\s!=<>,;()]*)")
_MEMBER = re.compile(rf"{_KEY}\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)")
_AND = re.compile(r",(?![^(]*\))")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def queries(selector: str) -> list[LabelQuery]:
    """Return what `selector` asks for; of several queries one has to match.

    Raises:
        InvalidInputError: The selector cannot be read.
    """
    from omni_api._gen.cosi_pb2 import LabelQuery

    if not text("selector", selector).strip():
        return []
    return [
        LabelQuery(terms=[term for part in _AND.split(either) for term in _terms(part.strip())])
        for either in selector.split(";")
    ]


def _terms(part: str) -> Iterator[LabelTerm]:
    from omni_api._gen.cosi_pb2 import LabelTerm

    if found := _MEMBER.fullmatch(part):
        values = [value.strip() for value in found["values"].split(",")]
        yield LabelTerm(
            key=found["key"], op=LabelTerm.IN, value=values, invert=found["op"] == "notin"
        )
    elif found := _COMPARED.fullmatch(part):
        yield from _comparison(found["key"], found["op"], found["value"], part)
    elif found := _EXISTS.fullmatch(part):
        yield LabelTerm(
            key=found["key"], op=LabelTerm.NOT_EXISTS if found["not"] else LabelTerm.EXISTS
        )
    else:
        raise _unreadable(part)


def _comparison(key: str, op: str, value: str, part: str) -> Iterator[LabelTerm]:
    from omni_api._gen.cosi_pb2 import LabelTerm

    if "=" in op and op[0] in "=!":
        yield LabelTerm(key=key, op=LabelTerm.EQUAL, value=[value], invert=op == "!=")
        return
    if not _NUMBER.match(value):
        raise _unreadable(part)
    if op in {"<", "<="}:
        number_op = LabelTerm.LT_NUMERIC if op == "<" else LabelTerm.LTE_NUMERIC
        yield LabelTerm(key=key, op=number_op, value=[value])
    else:
        # What has no such label would match the inverted term.
        yield LabelTerm(key=key, op=LabelTerm.EXISTS)
        number_op = LabelTerm.LTE_NUMERIC if op == ">" else LabelTerm.LT_NUMERIC
        yield LabelTerm(key=key, op=number_op, value=[value], invert=True)


def _unreadable(part: str) -> InvalidInputError:
    return InvalidInputError(
        f"selector cannot be read at {part!r}: a term is label, !label, label=value, label!=value, "
        "label<number (also <=, >, >=), label in (a, b) or label notin (a, b); a comma between "
        "terms means and, a semicolon means or"
    )

"""Label selectors, as text in metadata and as messages of cosi.resource.State."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from omni_api._gen import cosi_pb2

Labels = Mapping[str, str]
Test = Callable[[Labels], bool]

_Term = cosi_pb2.LabelTerm
_COMPARED = re.compile(r"(?P<key>[^\s!=<>,()]+)\s*(?P<op>==|!=|<=|>=|=|<|>)\s*(?P<value>\S*)")
_MEMBER = re.compile(r"(?P<key>[^\s!=<>,()]+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)")
_EXISTS = re.compile(r"(?P<not>!?)\s*(?P<key>[^\s!=<>,()]+)")


class SelectorError(ValueError):
    """The selector text cannot be read."""


def from_metadata(values: Iterable[str]) -> Test:
    """Selectors of the `selectors` metadata: `,` is AND; `;` and several values are OR."""
    alternatives = [
        [_term(term) for term in re.split(r",(?![^(]*\))", part)]
        for value in values
        for part in value.split(";")
        if part.strip()
    ]
    return _any_of(alternatives)


def from_queries(queries: Iterable[Any]) -> Test:
    """Label queries of State.List: several terms are AND, several queries are OR."""
    return _any_of([[_message_term(term) for term in query.terms] for query in queries])


def _any_of(alternatives: Sequence[Sequence[Test]]) -> Test:
    if not alternatives:
        return lambda _: True
    return lambda labels: any(all(test(labels) for test in tests) for tests in alternatives)


def _term(text: str) -> Test:
    text = text.strip()
    if found := _MEMBER.fullmatch(text):
        key = found["key"]
        values = {value.strip() for value in found["values"].split(",")}
        if found["op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _COMPARED.fullmatch(text):
        return _comparison(found["key"], found["op"], found["value"])
    if found := _EXISTS.fullmatch(text):
        key, wanted = found["key"], not found["not"]
        return lambda labels: (key in labels) is wanted
    raise SelectorError(f'failed to parse label selector: "{text}"')


def _comparison(key: str, op: str, value: str) -> Test:
    if op in ("=", "=="):
        return lambda labels: labels.get(key) == value
    if op == "!=":
        return lambda labels: labels.get(key) != value
    limit = _number(value)
    if limit is None:
        raise SelectorError(f'failed to parse label selector: "{value}" is not a number')

    def compare(labels: Labels) -> bool:
        number = _number(labels.get(key, ""))
        if number is None:
            return False
        return {"<": number < limit, "<=": number <= limit, ">": number > limit}.get(
            op, number >= limit
        )

    return compare


def _number(text: str) -> float | None:
    found = re.match(r"-?\d+(\.\d+)?", text)
    return float(found[0]) if found else None


def _message_term(term: Any) -> Test:
    test = _plain_message_term(term)
    return (lambda labels: not test(labels)) if term.invert else test


def _plain_message_term(term: Any) -> Test:
    key, values = term.key, list(term.value)
    first = values[0] if values else ""
    match term.op:
        case _Term.EXISTS:
            return lambda labels: key in labels
        case _Term.NOT_EXISTS:
            return lambda labels: key not in labels
        case _Term.EQUAL:
            return lambda labels: labels.get(key) == first
        case _Term.IN:
            return lambda labels: labels.get(key) in values
        case _Term.LT:
            return lambda labels: key in labels and labels[key] < first
        case _Term.LTE:
            return lambda labels: key in labels and labels[key] <= first
        case _Term.LT_NUMERIC:
            return _comparison(key, "<", first)
        case _Term.LTE_NUMERIC:
            return _comparison(key, "<=", first)
    raise SelectorError(f"unsupported label query operator: {term.op}")

"""Where each value of a YAML text stands, and what it says.

Scalars mean what they mean to Go's tools, so a context may be called `on`; merge keys and aliases
are followed. What is changed, and how, is `_yaml_text.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from omni_api import _yaml_style as style


class UnreadableError(Exception):
    """The text cannot be read, or not be altered; the reason shows nothing of it.

    Attributes:
        reason: What is wrong.
        position: Where, in characters; None if it is no place.
    """

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


@attrs.define(kw_only=True)
class Node:
    """A value, where it stands, and the values inside; comments behind it are not part of it."""

    value: Any
    start: int
    end: int
    inline: bool
    """Whether it is a scalar, an alias, or in brackets."""
    inside: dict[str | int, Node] = attrs.field(factory=dict)
    begins: dict[str | int, int] = attrs.field(factory=dict)
    """Where the keys of a mapping stand."""


def parsed(text: str) -> Node | None:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # libyaml does not count a byte order mark, so it is not shown one.
    shift = int(text.startswith("\ufeff"))
    try:
        events = iter(list(yaml.parse(text[shift:], Loader=loader)))
        return _Reader(events, shift).root()
    except yaml.YAMLError as error:
        # Not the library's text, which quotes lines.
        mark = getattr(error, "problem_mark", None)
        raise UnreadableError("it is no YAML", mark and mark.index + shift) from None
    except RecursionError:
        raise UnreadableError("it is nested too deeply") from None


@attrs.frozen
class _Reader:
    """Makes nodes of the events of PyYAML's parser."""

    events: Iterator[Any]
    shift: int
    anchors: dict[str, Node] = attrs.field(factory=dict)

    def root(self) -> Node | None:
        import yaml

        found = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if found is not None:
                    raise UnreadableError("it holds several documents", self._start(event))
                found = self._node(next(self.events))
        return found

    def _node(self, event: Any) -> Node:
        import yaml

        start, end = self._start(event), event.end_mark.index + self.shift
        match event:
            case yaml.AliasEvent():
                if event.anchor not in self.anchors:
                    raise UnreadableError("an alias leads nowhere", start)
                value = self.anchors[event.anchor].value
                return Node(value=value, start=start, end=end, inline=True)
            case yaml.ScalarEvent():
                value = style.resolved(event.value) if event.implicit[0] else event.value
                node = Node(value=value, start=start, end=end, inline=True)
            case yaml.SequenceStartEvent():
                node = self._sequence(event, start)
            case _:
                node = self._mapping(event, start)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _sequence(self, event: Any, start: int) -> Node:
        import yaml

        node = Node(value=[], start=start, end=start, inline=event.flow_style)
        while not isinstance(inner := next(self.events), yaml.SequenceEndEvent):
            item = self._node(inner)
            node.inside[len(node.value)] = item
            node.value.append(item.value)
        return self._closed(node, inner)

    def _mapping(self, event: Any, start: int) -> Node:
        import yaml

        node = Node(value={}, start=start, end=start, inline=event.flow_style)
        merged: list[Any] = []
        while not isinstance(inner := next(self.events), yaml.MappingEndEvent):
            if not isinstance(inner, yaml.ScalarEvent):
                raise UnreadableError("a key is no text", self._start(inner))
            key, value = inner.value, self._node(next(self.events))
            if key in node.inside:
                raise UnreadableError("a key is there twice", self._start(inner))
            node.inside[key], node.begins[key] = value, self._start(inner)
            if key == "<<" and inner.implicit[0]:
                merged += value.value if isinstance(value.value, list) else [value.value]
            else:
                node.value[key] = value.value
        for more in merged:
            if isinstance(more, dict):
                node.value.update({k: v for k, v in more.items() if k not in node.value})
        return self._closed(node, inner)

    def _closed(self, node: Node, event: Any) -> Node:
        if node.inline or not node.inside:
            node.end = event.end_mark.index + self.shift
        else:
            node.end = next(reversed(node.inside.values())).end
        return node

    def _start(self, event: Any) -> int:
        return int(event.start_mark.index) + self.shift

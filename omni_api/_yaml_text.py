"""YAML as text and as what it says, and changes that leave all other text alone.

A value is changed where it stands, so that comments, order, quotes, alignment, anchors and line
ends of everything else stay byte for byte; a library that dumps a file anew keeps some of them.
PyYAML says where each value stands and writes the new ones. What comes out is read again and has to
say what it should: a file in a style that cannot be altered like that is refused, never spoilt.

What a text says, `_yaml_nodes.py` decides; files are `_documents.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import attrs

from omni_api import _yaml_style as style
from omni_api._yaml_nodes import Node, UnreadableError, parsed

Path = tuple[str | int, ...]

# The rest of a line; a line that holds a comment alone, behind empty ones; the dash of a list.
_REST = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_COMMENT = re.compile(r"(?:[ \t]*[\r\n])*([ \t]*)#[^\r\n]*(?:\r\n|\r|\n|\Z)")
_DASH = re.compile(r"(?:^|(?<=[\r\n])) *(-)(?=\s)")
_NOWHERE = object()


@attrs.frozen
class _More:
    """Entries to add behind those that a mapping or list has."""

    entries: Any


def read(text: str) -> Any:
    """Return what a text says, made of dict, list, str, int, float, bool and None.

    Raises:
        UnreadableError: It is no YAML, holds several documents, or says one thing twice.
    """
    root = parsed(text)
    return None if root is None else _copied(root.value)


def altered(text: str, value: Any) -> str:
    """Return the text with what differs changed, so that it says `value`.

    Raises:
        UnreadableError: Its style does not allow that without changing something else.
    """
    root = parsed(text)
    before = None if root is None else root.value
    result = text
    for path, wanted in _differences(before, value, ()):
        # Places move with each change, so they are looked up again.
        result = _changed(result, path, wanted, value)
    if read(result) != value:
        raise UnreadableError(
            "it is written in a way that cannot be altered without altering something else: "
            "anchors and rare forms of YAML do that"
        )
    return result


def _differences(before: Any, after: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield what to change, in an order in which each path is right when its turn comes."""
    if before == after and type(before) is type(after):
        return
    both = (before, after)
    if before and after and all(isinstance(value, dict) for value in both):
        for key in [key for key in before if key not in after]:
            yield (*path, key), _NOWHERE
        for key in [key for key in before if key in after]:
            yield from _differences(before[key], after[key], (*path, key))
        if more := {key: value for key, value in after.items() if key not in before}:
            yield path, _More(more)
    elif before and after and all(isinstance(value, list) for value in both):
        if len(after) < len(before):
            gone = next(i for i, old in enumerate(before) if after[i : i + 1] != [old])
            yield (*path, gone), _NOWHERE
            yield from _differences(before[:gone] + before[gone + 1 :], after, path)
            return
        for index, old in enumerate(before):
            yield from _differences(old, after[index], (*path, index))
        if more := after[len(before) :]:
            yield path, _More(more)
    else:
        yield path, after


def _changed(text: str, path: Path, wanted: Any, whole: Any) -> str:
    """Change one place; `whole` is what all of the text is to say in the end."""
    node, edit = parsed(text), _Edit(text)
    more = isinstance(wanted, _More)
    if node is None or not node.inside or not (path or more):
        return edit.document(node, whole)
    for step in path if more else path[:-1]:
        parent, node, whole = node, node.inside[step], whole[step]
        if not node.inside:  # an alias, or nothing
            return edit.replaced(parent, node, whole)
    if more:
        return edit.added(node, wanted.entries)
    key = path[-1]
    if key not in node.inside:  # it came with a merge key
        return text if wanted is _NOWHERE else edit.added(node, {key: wanted})
    if wanted is _NOWHERE:
        return edit.without(node, key)
    return edit.replaced(node, node.inside[key], wanted)


@attrs.frozen
class _Edit:
    """One change of a text."""

    text: str

    @property
    def line_end(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def document(self, root: Node | None, value: Any) -> str:
        """Write all that there is, behind comments that may stand alone in the text."""
        start, end = (len(self.text),) * 2 if root is None else (root.start, root.end)
        head = self.text[:start]
        if head and not head.endswith(("\n", "\r", "\ufeff")):
            head += self.line_end
        tail = self.text[end:].lstrip(" \t")
        if not tail.startswith(("\n", "\r")):
            tail = self.line_end + tail
        return head + self._block(value, 0) + tail

    def added(self, parent: Node, entries: Any) -> str:
        """Add entries behind those of a mapping or list that has some."""
        last = parent.end if not parent.inline else max(node.end for node in parent.inside.values())
        if parent.inline:
            return f"{self.text[:last]}, {style.flow(entries)[1:-1]}{self.text[last:]}"
        column = self._column(self._begin(parent, next(iter(parent.inside))))
        position = self._line_behind(last, column)
        head = self.text[:position]
        if not head.endswith(("\n", "\r")):
            head += self.line_end
        head += " " * column + self._block(entries, column) + self.line_end
        return head + self.text[position:]

    def replaced(self, parent: Node, old: Node, value: Any) -> str:
        """Put a value in the place of another."""
        if parent.inline:
            return f"{self.text[: old.start]}{style.flow(value)}{self.text[old.end :]}"
        if not old.inline:
            return self._in_place_of_block(old, value)
        head, tail = self.text[: old.start], self.text[old.end :]
        if not isinstance(value, dict | list) or not value:
            gap = "" if head[-1:] in " \t\r\n" else " "
            return f"{head}{gap}{style.scalar(value)}{self._kept_end(old)}{tail}"
        # It stood in the line of its key or dash: the new one goes below that line.
        column = self._column(self._begin(parent, next(iter(parent.inside)))) + 2
        behind = self._behind(old.end)
        line = (head.rstrip(" \t") + self.text[old.end : behind]).rstrip("\r\n")
        below = " " * column + self._block(value, column)
        return line + self.line_end + below + self.line_end + self.text[behind:]

    def _in_place_of_block(self, old: Node, value: Any) -> str:
        tail = self.text[old.end :]
        if value and type(value) is type(old.value):
            begin = self._begin(old, next(iter(old.inside)))
            return self.text[:begin] + self._block(value, self._column(begin)) + tail
        # Lists may stand as far left as their key, all else may not.
        column = self._column(old.start) + 2
        line = self._line_of(old.start)
        head = self.text[: old.start]
        if not self.text[line : old.start].strip():
            head = self.text[:line] + " " * column
        return head + self._block(value, column) + self._kept_end(old) + tail

    def _kept_end(self, old: Node) -> str:
        """Return the end of the line that went with a text in lines of its own."""
        return self.line_end if old.end > old.start and self.text[old.end - 1] in "\r\n" else ""

    def without(self, parent: Node, key: str | int) -> str:
        """Remove an entry, with the comments in it."""
        rest = {other: node.value for other, node in parent.inside.items() if other != key}
        left: Any = list(rest.values()) if isinstance(key, int) else rest
        if not parent.inline and not rest:
            return self._in_place_of_block(parent, left)
        if parent.inline:
            return f"{self.text[: parent.start]}{style.flow(left)}{self.text[parent.end :]}"
        begin = self._begin(parent, key)
        column = self._column(begin)
        if self.text[begin - column : begin].strip():
            # The first of a mapping in a list stands behind the dash.
            return self.text[:begin] + self._block(left, column) + self.text[parent.end :]
        end = self._line_behind(parent.inside[key].end, column)
        return self.text[: begin - column] + self.text[end:]

    def _begin(self, parent: Node, key: str | int) -> int:
        """Return where an entry of a block begins: its key, or its dash."""
        if isinstance(key, str):
            return parent.begins[key]
        if not key and self.text[parent.start] == "-":
            return parent.start
        before = parent.inside[key - 1].end if key else self._line_of(parent.start)
        dash = next(_DASH.finditer(self.text, before, parent.inside[key].start), None)
        return parent.start if dash is None else dash.start(1)

    def _behind(self, position: int) -> int:
        """Return where the next line begins."""
        rest = _REST.match(self.text, position)
        return position if rest is None else rest.end()

    def _line_of(self, position: int) -> int:
        return max(self.text.rfind(end, 0, position) for end in "\r\n") + 1

    def _column(self, position: int) -> int:
        line = self._line_of(position)
        return position - line - self.text.startswith("\ufeff", line)

    def _line_behind(self, end: int, column: int) -> int:
        """Return where the line begins that follows an entry and the comments indented in it."""
        if not (end and self.text[end - 1] in "\r\n"):
            end = self._behind(end)
        while end < len(self.text) and (comment := _COMMENT.match(self.text, end)):
            if len(comment[1]) <= column:
                break
            end = comment.end()
        return end

    def _block(self, value: Any, column: int) -> str:
        return style.block(value).replace("\n", self.line_end + " " * column)


def _copied(value: Any) -> Any:
    """Return a value that shares nothing with others, as aliases make them do."""
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value

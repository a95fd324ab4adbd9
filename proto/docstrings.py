"""Lay out docstrings: the contract's comments, wrapped, in Google's sections."""

from __future__ import annotations

import ast
import doctest
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from python_names import FieldView

WIDTH = 98


def wrap(text: str, indent: int) -> str:
    """Wrap paragraphs; a paragraph is what blank lines separate."""
    prefix = " " * indent
    return "\n\n".join(
        textwrap.fill(
            " ".join(paragraph.split()),
            WIDTH,
            initial_indent=prefix,
            subsequent_indent=prefix,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for paragraph in text.replace("``", "`").split("\n\n")
    )


def item(name: str, text: str, indent: int) -> str:
    """One entry of a section: `name: text`, continued with a deeper indent."""
    prefix = " " * indent
    return textwrap.fill(
        f"{name}: {' '.join(text.replace('``', '`').split())}",
        WIDTH,
        initial_indent=prefix,
        subsequent_indent=prefix + "    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def section(title: str, items: Sequence[tuple[str, str]], indent: int) -> str:
    lines = [f"{' ' * indent}{title}:", *(item(name, text, indent + 4) for name, text in items)]
    return "\n".join(lines)


def attribute_docs(views: Sequence[FieldView]) -> list[str]:
    if not views:
        return []
    return [section("Attributes", [(v.name, v.doc or "See the proto.") for v in views], 4)]


def block(text: str, indent: int, more: Sequence[str] = ()) -> str:
    """A whole docstring, quotes included, at `indent`."""
    prefix = " " * indent
    body = "\n\n".join([wrap(text, indent), *more]).replace("\\", "\\\\")
    if "\n" not in body and len(body) < WIDTH - 6:
        return f'{prefix}"""{body.strip()}"""'
    return f'{prefix}"""{body.lstrip()}\n{prefix}"""'


def example(source: str, indent: int, streams: frozenset[str], *, awaited: bool) -> str:
    """The Example section; for the twin every call of `omni` is awaited."""
    lines = [" " * indent + "Example:"]
    for part in doctest.DocTestParser().get_examples(source):
        code = _awaited(part.source, streams) if awaited else part.source.rstrip("\n")
        first, *rest = code.splitlines()
        lines.append(f"{' ' * (indent + 4)}>>> {first}")
        lines += [f"{' ' * (indent + 4)}... {line}" for line in rest]
        lines += [f"{' ' * (indent + 4)}{line}" for line in part.want.splitlines()]
    return "\n".join(lines)


def _awaited(source: str, streams: frozenset[str]) -> str:
    tree = _Await(streams).visit(ast.parse(source))
    return ast.unparse(ast.fix_missing_locations(tree))


class _Await(ast.NodeTransformer):
    """Turn blocking calls of `omni` into awaited ones, and loops over streams into async loops."""

    def __init__(self, streams: frozenset[str]) -> None:
        self._streams = streams
        self._handles: set[str] = set()

    def _called(self, node: ast.AST) -> str | None:
        """`management.kubeconfig` if `node` is a call like omni.management.kubeconfig(...)."""
        if not isinstance(node, ast.Call):
            return None
        root, _, name = ast.unparse(node.func).partition(".")
        return name if root == "omni" and name else None

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = self._called(node)
        return node if name is None or name in self._streams else ast.Await(node)

    def visit_With(self, node: ast.With) -> ast.AST:
        self.generic_visit(node)
        if any(self._called(part.context_expr) in self._streams for part in node.items):
            return ast.AsyncWith(node.items, node.body)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        handles = self._stream_names(node.iter)
        self.generic_visit(node)
        if handles or self._called(node.iter) in self._streams:
            return ast.AsyncFor(node.target, node.iter, node.body, node.orelse)
        return node

    def visit_Module(self, node: ast.Module) -> ast.AST:
        for child in ast.walk(node):
            if isinstance(child, ast.With):
                for part in child.items:
                    if self._called(part.context_expr) in self._streams and isinstance(
                        part.optional_vars, ast.Name
                    ):
                        self._handles.add(part.optional_vars.id)
        self.generic_visit(node)
        return node

    def _stream_names(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id in self._handles

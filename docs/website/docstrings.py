"""Turns docstrings into what Sphinx reads, and names in backticks into links, on every page.

Docstrings are in google style with Markdown's backticks. Napoleon knows the style, but in
reStructuredText one backtick is something else.
"""

from __future__ import annotations

import inspect
import re
from functools import partial
from typing import TYPE_CHECKING, cast

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config
from sphinx.ext.napoleon.docstring import GoogleDocstring

if TYPE_CHECKING:
    from sphinx.config import Config as SphinxConfig

_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)(\w?)")
_EXAMPLE = re.compile(r"^Examples?:\n(?= +[^>\s])", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^\.\. attribute:: (\w+)\n(?:(?:   .*)?\n)*", re.MULTILINE)
# Napoleon reads its own settings only, so they need not be part of Sphinx's.
_STYLE = cast(
    "SphinxConfig",
    Config(
        napoleon_google_docstring=True, napoleon_use_rtype=False, napoleon_attr_annotations=True
    ),
)


def restructured(text: str) -> str:
    """Return a docstring with reStructuredText in the place of Markdown, its sections kept."""
    lines = _EXAMPLE.sub(lambda found: f"{found[0]}    ::\n\n", inspect.cleandoc(text)).split("\n")
    inside = False
    for number, line in enumerate(lines):
        inside = inside and (not line or line.startswith(" "))
        if inside and line:
            lines[number] = f"    {line}"
        inside = inside or line == "    ::"
    return _outside_examples("\n".join(lines))


def body(text: str, kind: type | None = None) -> str:
    """Return a docstring as reStructuredText, its sections as fields.

    Args:
        text: The docstring.
        kind: The class that it belongs to, whose annotations are the types of its attributes.
    """
    # A method is told as text of its own: with its kind, Napoleon would look for its class.
    made = (
        GoogleDocstring(restructured(text), _STYLE)
        if kind is None
        else GoogleDocstring(restructured(text), _STYLE, what="class", obj=kind)
    )
    return _ATTRIBUTE.sub(partial(_attribute, kind), str(made))


def _attribute(kind: type | None, found: re.Match[str]) -> str:
    """Return an attribute with its type beside its name; nothing for a property.

    A property that a class also lists as attribute speaks for itself.
    """
    if isinstance(vars(kind).get(found[1]), property):
        return ""
    text, _, type_ = found[0].partition("\n   :type: ")
    head, _, rest = text.partition("\n")
    return f"{head}\n   :type: {' '.join(type_.split())}\n{rest}\n\n" if type_ else found[0]


def summary(text: str | None) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join(restructured(text or "").partition("\n\n")[0].split())


def _outside_examples(text: str) -> str:
    blocks = re.split(r"((?:^ *(?:>>> |\.\.\. ?).*\n?)+)", text, flags=re.MULTILINE)
    return "".join(
        block if index % 2 else _CODE.sub(_literal, block) for index, block in enumerate(blocks)
    )


def _literal(found: re.Match[str]) -> str:
    code, after = found.groups()
    # Markup has to end at the end of a word; an escaped blank is not seen.
    return f"``{' '.join(code.split())}``" + (f"\\ {after}" if after else "")


def _process(
    _app: Sphinx, _what: str, _name: str, obj: object, _options: object, lines: list[str]
) -> None:
    # Not by Napoleon's own hook: it takes what stands before a colon in the text of a property for
    # a type.
    kind = obj if inspect.isclass(obj) else None
    lines[:] = [*body("\n".join(lines), kind).split("\n"), ""]


def setup(app: Sphinx) -> None:
    """Join Sphinx."""
    app.connect("autodoc-process-docstring", _process)

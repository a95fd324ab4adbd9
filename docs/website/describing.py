"""Gives every page a description for search engines: its first paragraph."""

from __future__ import annotations

from html import escape

from docutils import nodes
from sphinx.application import Sphinx

_LONGEST = 300


def description(page: nodes.document) -> str:
    """Return the first paragraph that people can read, on one line."""
    for paragraph in page.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if text and not isinstance(paragraph.parent, nodes.entry):
            return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rpartition(' ')[0]} ..."
    return ""


def _add(
    app: Sphinx,
    _name: str,
    _template: str,
    context: dict[str, object],
    page: nodes.document | None,
) -> None:
    text = description(page) if page is not None else ""
    text = text or f"{context.get('title', '')} of the documentation of {app.config.project}."
    context["metatags"] = (
        f'{context.get("metatags", "")}<meta name="description" content="{escape(text)}">'
    )


def setup(app: Sphinx) -> None:
    """Join Sphinx."""
    app.connect("html-page-context", _add)

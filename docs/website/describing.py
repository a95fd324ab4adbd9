"""Gives every page a description for search engines, and every plot a text in its place.

A page is described by its first paragraph, a plot of a notebook by the heading above it, unless
its cell says more (`mystnb: image: alt`).
"""

from __future__ import annotations

from html import escape

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

_LONGEST = 300


class NamePlots(SphinxPostTransform):
    """Give the plots of notebooks a text."""

    default_priority = 400

    def run(self, **_: object) -> None:
        """Go through a page."""
        for section in self.document.findall(nodes.section):
            for output in section.children:
                for image in output.findall(nodes.image):
                    if not image.get("alt") and not isinstance(output, nodes.section):
                        image["alt"] = f"Plot: {section.next_node(nodes.title).astext()}"


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
    app.add_post_transform(NamePlots)
    app.connect("html-page-context", _add)

"""What the start page has beside the README: ways into the site, as cards."""

from __future__ import annotations

from collections.abc import Mapping

_CARDS = {
    "Guides": "Keys and TLS, errors and retries, streams, the audit log, support bundles, logs.",
    "How-tos": "One task each, from the question to a program that does it.",
    "Notebooks": "A fleet's history as tables and pictures, with everything that they show.",
    "Terminal": "The commands of omni-api, with their options and exit codes.",
    "Reference": "Every method, blocking and asyncio side by side, every value, every error.",
    "Project": "How it works, how fast it is, what holds when things break, what is new.",
}
_CARD = """:::{{grid-item-card}} {caption}
:link: {page}
:link-type: doc

{text}
:::
"""


def cards(shown: Mapping[str, list[str]]) -> str:
    """Return a card for each part of the sidebar, that leads to its first page.

    Args:
        shown: What the sidebar shows: pages by caption.
    """
    made = [
        _CARD.format(caption=caption, page=shown[caption][0], text=text)
        for caption, text in _CARDS.items()
        if caption in shown
    ]
    return "\n".join(["::::{grid} 1 2 2 3", ":gutter: 3", "", *made, "::::", ""])

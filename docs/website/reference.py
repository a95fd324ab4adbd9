"""Writes the reference: what can be called, what it answers, and the way in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import TypeVar

from docs.website import facades, modules
from docs.website.docstrings import restructured, summary
from docs.website.facades import table, titled

T = TypeVar("T")

TOP = ("reference/index.rst", "reference/modules.rst")
"""What the sidebar shows of it; the other pages are below these."""

_TREE = ".. toctree::\n   :hidden:\n\n   {pages}\n"
_CALLS = """A client has facades, and their methods make the calls. Each page shows the methods as
the blocking client and its asyncio twin have them. :doc:`methods` says which role each needs."""
_MODULES = """What calls take and answer, errors, keys, and what is there beside the client. Names
are shown as you import them; the asyncio package has all names of `omni_api`, too."""


def pages() -> dict[str, str]:
    """Return all pages of the reference that are made from code, by their path in the site."""
    calls, values = facades.pages(), modules.pages()
    return {
        TOP[0]: _index(
            "Calls",
            _CALLS,
            {
                name: (f"omni.{one.name}", one.text)
                for name, one in _named(calls, facades.facades())
            },
        ),
        TOP[1]: _index(
            "Modules",
            restructured(_MODULES),
            {
                name: (modules.title(module), modules.about(module))
                for name, module in _named(values, modules.entries())
            },
        ),
        **calls,
        **values,
    }


def _named(made: Iterable[str], things: Iterable[T]) -> Iterator[tuple[str, T]]:
    """Return things with the names of their pages."""
    return zip((PurePosixPath(path).stem for path in made), things, strict=True)


def _index(title: str, text: str, listed: dict[str, tuple[str, str]]) -> str:
    rows = ((f":doc:`{shown} <{name}>`", summary(about)) for name, (shown, about) in listed.items())
    return "\n".join(
        [titled(title, "="), text, "", table(rows), _TREE.format(pages="\n   ".join(listed))]
    )

"""Writes the reference: what can be called, what it answers, and the way in."""

from __future__ import annotations

from docs.website import facades, modules
from docs.website.facades import table, titled

_TREE = ".. toctree::\n   :hidden:\n\n   {pages}\n"


def pages() -> dict[str, str]:
    """Return all pages of the reference that are made from code, by their path in the site."""
    made = {**facades.pages(), **modules.pages()}
    names = [path.removeprefix("reference/").removesuffix(".rst") for path in made]
    parts = [
        titled("Reference", "="),
        "Everything here is made from the code of this version. A client has facades, whose methods "
        "make the calls; :doc:`methods` says which role each needs.\n",
        titled("Facades of a client", "-"),
        table(
            (f":doc:`omni.{one.name} <{one.name}>`", facades.summary(one.text))
            for one in facades.facades()
        ),
        titled("Modules", "-"),
        table(
            (f":doc:`{modules.title(module)} <{name}>`", modules.about(module))
            for name, module in zip(names[-len(modules.entries()) :], modules.entries(), strict=True)
        ),
        _TREE.format(pages="\n   ".join(["methods", *names])),
    ]
    return {"reference/index.rst": "\n".join(parts), **made}

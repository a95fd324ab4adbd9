"""Links: code that names something public leads to it, and types of Python to Python's pages.

`documented` is the text of a method whose signatures stand apart from it, in tabs.
"""

from __future__ import annotations

import builtins
from functools import cache

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.python._object import PyObject
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docfields import DocFieldTransformer

from docs.website.facades import facades
from docs.website.modules import entries

_PYTHON = "https://docs.python.org/3/library/"
_GRPC = "https://grpc.github.io/grpc/python/grpc.html#"
# Types that signatures name and others document. A type that has no place here, and none on this
# site, fails the build.
_OTHERS = {
    "date": f"{_PYTHON}datetime.html#datetime.date",
    "datetime": f"{_PYTHON}datetime.html#datetime.datetime",
    "timedelta": f"{_PYTHON}datetime.html#datetime.timedelta",
    "Callable": f"{_PYTHON}collections.abc.html#collections.abc.Callable",
    "Iterable": f"{_PYTHON}collections.abc.html#collections.abc.Iterable",
    "AsyncIterable": f"{_PYTHON}collections.abc.html#collections.abc.AsyncIterable",
    "AsyncIterator": f"{_PYTHON}collections.abc.html#collections.abc.AsyncIterator",
    "Sequence": f"{_PYTHON}collections.abc.html#collections.abc.Sequence",
    "Iterator": f"{_PYTHON}collections.abc.html#collections.abc.Iterator",
    "Mapping": f"{_PYTHON}collections.abc.html#collections.abc.Mapping",
    "Path": f"{_PYTHON}pathlib.html#pathlib.Path",
    "TextIO": f"{_PYTHON}typing.html#typing.TextIO",
    "Condition": f"{_PYTHON}threading.html#threading.Condition",
    "pa.Table": "https://arrow.apache.org/docs/python/generated/pyarrow.Table.html",
    "pd.DataFrame": "https://pandas.pydata.org/docs/reference/api/pandas.DataFrame.html",
    "pl.DataFrame": "https://docs.pola.rs/api/python/stable/reference/dataframe/index.html",
    "grpc.StatusCode": f"{_GRPC}grpc.StatusCode",
    "grpc.ChannelCredentials": f"{_GRPC}grpc.ChannelCredentials",
}
# Named in signatures, and documented nowhere on purpose.
_UNLINKED = {
    "T": "a type variable",
    "T_co": "a type variable",
    "Call": "what a signer is shown of a call: users only pass signers on",
    "Endpoint": "made by the client of its URL",
    "Options": "the keyword-only arguments of the client itself",
    "Skipped": "a mark, shown in the example beside it",
    "_Blocking": "any stream or iterator that counts",
    "_Asyncio": "the same with asyncio",
}
# Users do not make these: other functions do. What their constructors take is not public.
_GIVEN = (
    "omni_api.Stream",
    "omni_api_async.Stream",
    "omni_api.ServiceAccountKey",
    "omni_api.UserKey",
    "omni_api.display.Display",
    "omni_api.simulator.Omni",
)


@cache
def public() -> dict[str, str]:
    """What code in a text may name, and where that is documented."""
    names = {one.name: one.path for found in entries().values() for one in found}
    for facade in facades():
        for method, _, _ in facade.methods():
            path = f"omni.{facade.name}.{method}"
            names[path] = names[f"{facade.name}.{method}"] = f"omni_api.{path}"
    return names


class LinkCode(SphinxTransform):
    """Make a link of code that is exactly a public name."""

    default_priority = 400

    def apply(self, **_: object) -> None:
        """Go through a page."""
        for literal in list(self.document.findall(nodes.literal)):
            target = public().get(literal.astext().removesuffix("()"))
            if target and not _inside(literal, nodes.title, nodes.reference, addnodes.pending_xref):
                link = addnodes.pending_xref(
                    "",
                    refdomain="py",
                    reftype="obj",
                    reftarget=target,
                    refexplicit=True,
                    refwarn=True,
                    refdoc=self.env.docname,
                )
                literal.replace_self(link)
                link += literal


class PlainBuiltins(SphinxPostTransform):
    """Leave types such as `bytes` without link, though some values have a field of this name."""

    default_priority = 5  # Before Sphinx looks for targets.

    def run(self, **_: object) -> None:
        """Go through a page."""
        for reference in list(self.document.findall(addnodes.pending_xref)):
            name = reference.get("reftarget", "").removeprefix("builtins.")
            if reference.get("reftype") == "class" and hasattr(builtins, name):
                reference.replace_self(reference.children)


class Documented(PyObject):
    """The text of a method. Fields such as parameters look as they do below a signature."""

    required_arguments = 0

    def run(self) -> list[nodes.Node]:
        """Return the text."""
        text = nodes.container("", *self.parse_content_to_nodes(), classes=["documented"])
        self.domain, self.objtype = "py", "method"
        DocFieldTransformer(self).transform_all(text)
        return [text]


def _inside(node: nodes.Node, *kinds: type[nodes.Node]) -> bool:
    parent = node.parent
    while parent is not None:
        if isinstance(parent, kinds):
            return True
        parent = parent.parent
    return False


def _elsewhere(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.TextElement
) -> nodes.Node | None:
    """Resolve the name of a type that Sphinx does not know under this name."""
    target: str = node.get("reftarget", "")
    name = target.rpartition(".")[2]
    if node.get("refdomain") != "py":
        return None
    if name in _UNLINKED:
        return content
    if uri := _OTHERS.get(target) or _OTHERS.get(name):
        return nodes.reference("", "", content, refuri=uri, classes=["external"])
    made = {facade.kind.__name__: facade.kind.__module__ for facade in facades()}
    path = f"{made[name]}.{name}" if name in made else public().get(name)
    if path is None:
        return None
    python = env.domains.python_domain
    return python.resolve_xref(env, node["refdoc"], app.builder, "obj", path, node, content)


def _skip(_app: Sphinx, _what: str, name: str, *_: object) -> bool | None:
    # Values and messages become each other in the client alone, and messages are no public type.
    return True if name in {"from_proto", "to_proto"} else None


def _without_constructor(_app: Sphinx, _what: str, name: str, *_: object) -> tuple[str, str] | None:
    return ("", "") if name in _GIVEN else None


def setup(app: Sphinx) -> None:
    """Join Sphinx."""
    app.add_transform(LinkCode)
    app.add_post_transform(PlainBuiltins)
    app.add_directive("documented", Documented)
    app.connect("missing-reference", _elsewhere)
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-signature", _without_constructor)

"""Writes a page for every facade of a client: each method with both signatures, its text once.

Which facades there are, and in which order, is read from the client itself.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from functools import cached_property

import attrs
from sphinx.util.inspect import stringify_signature

from docs.website.docstrings import body, summary
from omni_api._gen.facades import Facades

_METHOD = """
{heading}

.. tab-set::
   :sync-group: package
   :class: signatures

   .. tab-item:: blocking
      :sync: blocking

      .. py:currentmodule:: omni_api
      .. py:method:: {name}{signature}

   .. tab-item:: asyncio
      :sync: asyncio

      .. py:currentmodule:: omni_api_async
      .. py:method:: {name}{twin_signature}
{asynchronous}
.. py:currentmodule:: omni_api
.. documented::

{text}
"""


@attrs.frozen
class Facade:
    """A facade of both packages."""

    name: str
    kind: type
    twin: type

    @property
    def text(self) -> str:
        """What it holds, in a sentence."""
        return inspect.getdoc(getattr(Facades, self.name)) or ""

    def methods(self) -> Iterator[tuple[str, Callable[..., object], Callable[..., object]]]:
        """Every public method with its twin, in the order of the source."""
        for name, method in vars(self.kind).items():
            if inspect.isfunction(method) and not name.startswith("_"):
                yield name, method, getattr(self.twin, name)


def facades() -> tuple[Facade, ...]:
    """Every facade of a client."""
    return tuple(
        Facade(name, _class("omni_api", name, member), _class("omni_api_async", name, member))
        for name, member in vars(Facades).items()
        if isinstance(member, cached_property)
    )


def pages() -> dict[str, str]:
    """Return the pages of all facades, by their path in the site."""
    return {f"reference/{one.name}.rst": page(one) for one in facades()}


def page(facade: Facade) -> str:
    """Return the page of one facade."""
    methods = list(facade.methods())
    kind = facade.kind
    return "\n".join(
        [
            titled(f"omni.{facade.name}", "="),
            f".. py:class:: {kind.__module__}.{kind.__name__}",
            "   :no-typesetting:",
            "",
            summary(facade.text),
            "",
            table((f":py:meth:`~{_path(facade, name)}`", summary(one.__doc__))
                  for name, one, _ in methods),
            *(_method(facade, *each) for each in methods),
        ]
    )  # fmt: skip


def titled(title: str, line: str) -> str:
    """Return a heading."""
    return f"{title}\n{line * len(title)}\n"


def table(rows: Iterator[tuple[str, str]]) -> str:
    """Return a table of two columns: what there is, and what it is."""
    cells = "\n".join(f"   * - {left}\n     - {right}" for left, right in rows)
    return f".. list-table::\n   :widths: auto\n   :class: members\n\n{cells}\n"


def _class(package: str, name: str, member: cached_property[object]) -> type:
    found: type = getattr(
        importlib.import_module(f"{package}._gen.{name}"), member.func.__annotations__["return"]
    )
    return found


def _path(facade: Facade, method: str) -> str:
    return f"omni_api.omni.{facade.name}.{method}"


def _method(
    facade: Facade, name: str, method: Callable[..., object], twin: Callable[..., object]
) -> str:
    return _METHOD.format(
        heading=titled(name, "-"),
        name=f"omni.{facade.name}.{name}",
        signature=_signature(method),
        twin_signature=_signature(twin),
        asynchronous="         :async:\n" if inspect.iscoroutinefunction(twin) else "",
        text="\n".join(f"   {line}".rstrip() for line in body(method.__doc__ or "").split("\n")),
    )


def _signature(method: Callable[..., object]) -> str:
    """Return arguments and answer as the source writes them, without `self`."""
    found = inspect.signature(method)
    _, *parameters = found.parameters.values()
    return stringify_signature(found.replace(parameters=parameters))

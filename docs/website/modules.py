"""Writes a page for every public module: its classes, errors, functions and types.

What is public is read from the packages. A name of `omni_api` whose module is not public, as those
of the generated values, stands on the page of values: so every name has one place.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import attrs
from sphinx.pycode import ModuleAnalyzer

import omni_api
import omni_api_async
from docs.website.docstrings import restructured, summary
from docs.website.facades import table, titled

VALUES = "values"
_PROGRAM = "cli"  # The terminal has pages of its own.
_TWINS = """.. tab-set::
   :sync-group: package

   .. tab-item:: blocking
      :sync: blocking

      .. autoclass:: omni_api.{name}
         :members:
         :inherited-members: Generic

   .. tab-item:: asyncio
      :sync: asyncio

      .. autoclass:: omni_api_async.{name}
         :members:
         :inherited-members: Generic
"""


@attrs.frozen
class Entry:
    """A public name: where users import it from, where it is made, and what it is."""

    name: str
    package: str
    home: str
    value: object

    @property
    def path(self) -> str:
        """Its full name, for users."""
        return f"{self.package}.{self.name}"


def entries() -> dict[str, list[Entry]]:
    """Every public name by the module on whose page it stands."""
    placed: dict[str, list[Entry]] = {VALUES: []}
    root = {name: getattr(omni_api, name) for name in omni_api.__all__}
    for module in _public_modules():
        short = module.__name__.removeprefix("omni_api.")
        for name in module.__all__:
            value = getattr(module, name)
            package = "omni_api" if name in root else module.__name__
            placed.setdefault(short, []).append(_entry(name, package, module, value))
    known = {entry.path for found in placed.values() for entry in found}
    for name, value in root.items():
        if f"omni_api.{name}" not in known:
            placed[VALUES].append(_entry(name, "omni_api", omni_api, value))
    return placed


def pages() -> dict[str, str]:
    """Return the pages of all modules, by their path in the site."""
    return {f"reference/{_file(name)}.rst": page(name, found) for name, found in entries().items()}


def about(module: str) -> str:
    """Return what a module is for, in a sentence."""
    if module == VALUES:
        return "What calls answer, what some of them take, and the types of arguments."
    return summary(importlib.import_module(f"omni_api.{module}").__doc__)


def title(module: str) -> str:
    """Return what a page is called."""
    return "Values" if module == VALUES else f"omni_api.{module}"


def page(module: str, found: list[Entry]) -> str:
    """Return the page of one module."""
    parts = [titled(title(module), "="), ".. py:currentmodule:: omni_api\n", about(module), ""]
    if len(found) > 1:
        parts.append(table((f":py:obj:`~{one.path}`", _first(one)) for one in found))
    for one in found:
        parts += [titled(one.name, "-"), _described(one)]
    return "\n".join(parts)


def _public_modules() -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(omni_api.__path__):
        if not found.name.startswith("_") and found.name != _PROGRAM:
            module = importlib.import_module(f"omni_api.{found.name}")
            if hasattr(module, "__all__"):
                yield module


def _entry(name: str, package: str, module: ModuleType, value: object) -> Entry:
    lazy: dict[str, str] = getattr(module, "_MODULES", {})
    home = getattr(value, "__module__", "") if callable(value) else ""
    if not home.startswith("omni_api"):
        home = lazy.get(name, module.__name__)
        home = home if home.startswith("omni_api") else f"{module.__name__}.{home}"
    return Entry(name, package, home, value)


def _file(module: str) -> str:
    # Facades have the names of some modules, for example `support`.
    return module if module == VALUES else f"module-{module}"


def _first(entry: Entry) -> str:
    if inspect.isclass(entry.value) or inspect.isfunction(entry.value):
        return summary(entry.value.__doc__)
    return summary(_comment(entry))


def _comment(entry: Entry) -> str:
    """Return the docstring that the source has behind an assignment."""
    comments = ModuleAnalyzer.for_module(entry.home).find_attr_docs()
    return "\n".join(comments.get(("", entry.name), ()))


def _described(entry: Entry) -> str:
    if inspect.isclass(entry.value):
        if getattr(omni_api_async, entry.name, entry.value) is not entry.value:
            return _TWINS.format(name=entry.name)
        base = "   :show-inheritance:\n" if issubclass(entry.value, Exception) else ""
        return f".. autoclass:: {entry.path}\n   :members:\n{base}"
    if inspect.isfunction(entry.value):
        return f".. autofunction:: {entry.path}\n"
    shown = str(entry.value).replace("typing.", "")
    text = restructured(_comment(entry)).replace("\n", "\n   ")
    return (
        f".. py:data:: {entry.name}\n   :module: {entry.package}\n   :value: {shown}\n\n   {text}\n"
    )

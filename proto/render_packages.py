"""Render what each package shows: its lazy `__init__`, and the facades of its client."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from contract import Contract
from render_calls import BANNER
from render_facades import SERVICES, WORLDS, World
from render_models import exported

ABOUT = {
    "omni_api": "Client of Sidero Omni's Management API, blocking. Its twin is omni_api_async.",
    "omni_api_async": "Client of Sidero Omni's Management API for asyncio. Its twin is omni_api.",
}


def modules(contract: Contract, root: Path) -> Iterator[tuple[str, str]]:
    """Yield (path, text) for both packages."""
    for world in WORLDS:
        yield f"{world.package}/__init__.py", _init(contract, world, root)
        yield f"{world.package}/_gen/facades.py", _facades(contract, world, root)


def _facades(contract: Contract, world: World, root: Path) -> str:
    found = [
        (title.lower(), title, f"Every rpc of `{service}`.") for service, title in SERVICES.items()
    ]
    for name, entry in contract.composed.items():
        about = (
            ast.get_docstring(ast.parse((root / entry["file"]).read_text(encoding="utf-8"))) or ""
        )
        found.append((name, entry["class"], about.partition("\n")[0]))
    lines = [
        BANNER
        + '"""What hangs below a client: one property per facade, imported when first used."""',
        "",
        "from __future__ import annotations",
        "",
        "from functools import cached_property",
        "from typing import TYPE_CHECKING",
        "",
        "if TYPE_CHECKING:",
        f"    from {world.package}._driver import Driver",
        *(f"    from {world.package}._gen.{name} import {kind}" for name, kind, _ in found),
        "",
        "",
        "class Facades:",
        '    """The facades of a client, over its driver."""',
        "",
        "    _driver: Driver",
    ]
    for name, kind, about in found:
        lines += [
            "",
            "    @cached_property",
            f"    def {name}(self) -> {kind}:",
            f'        """{about}"""',
            f"        from {world.package}._gen.{name} import {kind}",
            "",
            f"        return {kind}(self._driver)",
        ]
    return "\n".join(lines) + "\n"


def _init(contract: Contract, world: World, root: Path) -> str:
    names = _names(contract, world, root)
    lines = [
        BANNER + f'"""{ABOUT[world.package]}',
        "",
        "Names are imported when first used, so that a script pays for what it needs.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "import importlib",
        "from typing import TYPE_CHECKING",
        "",
        "if TYPE_CHECKING:",
    ]
    for module in sorted(set(names.values())):
        shown = ", ".join(f"{n} as {n}" for n in sorted(names) if names[n] == module)
        lines.append(f"    from {module} import {shown}")
    lines += ["    __version__: str", "else:", "    _MODULES = {"]
    lines += [f'        "{name}": "{names[name]}",' for name in sorted(names)]
    lines += [
        "    }",
        "",
        "    def __getattr__(name):",
        '        """Import a public name on its first use."""',
        '        if name == "__version__":',
        "            from omni_api._version import VERSION",
        "",
        "            return VERSION",
        "        module = _MODULES.get(name)",
        "        if module is None:",
        '            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")',
        "        value = getattr(importlib.import_module(module), name)",
        "        globals()[name] = value",
        "        return value",
        "",
        "    def __dir__():",
        '        return sorted([*globals(), *_MODULES, "__version__"])',
        "",
        "",
        "__all__ = [",
        *(f'    "{name}",' for name in sorted(names)),
        "]",
    ]
    return "\n".join(lines) + "\n"


def _names(contract: Contract, world: World, root: Path) -> dict[str, str]:
    """Public name -> module."""
    names = dict.fromkeys(exported(contract), "omni_api._gen.models")
    tree = ast.parse((root / "omni_api/errors.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names |= dict.fromkeys(ast.literal_eval(node.value), "omni_api.errors")
    for module, public in contract.exports.items():
        names |= dict.fromkeys(public, module)
    names["OmniClient"] = f"{world.package}.client"
    names["Stream"] = f"{world.package}.streams"
    return names

"""Render the facades of both packages: typed methods with docstrings, that only hand on."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
from contract import Contract, ContractError, Rpc
from docstrings import example, section, wrap
from render_calls import BANNER, parameters, result_type, signature
from render_models import exported

TIMEOUT_DOC = (
    "Seconds or timedelta for the whole call, waits between attempts included; None for no "
    "limit. Default: the client's timeout."
)
STREAM_TIMEOUT_DOC = "Seconds or timedelta for the whole stream, None for no limit (the default)."
SERVICES = {"management.ManagementService": "Management", "auth.AuthService": "Auth"}


@attrs.frozen(kw_only=True)
class World:
    """What differs between the two packages."""

    package: str
    awaits: bool

    @property
    def define(self) -> str:
        return "async def" if self.awaits else "def"

    @property
    def wait(self) -> str:
        return "await " if self.awaits else ""


WORLDS = (World(package="omni_api", awaits=False), World(package="omni_api_async", awaits=True))


@attrs.frozen(kw_only=True)
class Composed:
    """A function of omni_api/_composed, as its source says."""

    name: str
    node: ast.FunctionDef
    docstring: str
    result: str
    stream: bool


def modules(contract: Contract, root: Path) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every facade."""
    composed = {
        name: (entry, list(_composed(root / entry["file"])))
        for name, entry in contract.composed.items()
    }
    streams = frozenset(
        [
            f"{SERVICES[rpc.service].lower()}.{rpc.notes['name']}"
            for rpc in contract.rpcs
            if rpc.server_streaming
        ]
        + [
            f"{name}.{function.name}"
            for name, (_, found) in composed.items()
            for function in found
            if function.stream
        ]
    )
    for world in WORLDS:
        for service, title in SERVICES.items():
            path = f"{world.package}/_gen/{title.lower()}.py"
            yield path, _service(contract, service, title, world, streams)
        for name, (entry, functions) in composed.items():
            path = f"{world.package}/_gen/{name}.py"
            source = ast.parse((root / entry["file"]).read_text(encoding="utf-8"))
            yield path, _composition(name, entry, source, functions, world, streams)


def _service(
    contract: Contract, service: str, title: str, world: World, streams: frozenset[str]
) -> str:
    lines = [
        BANNER + f'"""The rpcs of {service}, {"to be awaited" if world.awaits else "blocking"}."""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping, Sequence",
        "from datetime import datetime",
        "",
        "from omni_api._core.dates import Day",
        "from omni_api._core.durations import UNSET, Seconds, Timeout",
        "from omni_api._gen import calls",
        f"from omni_api._gen.models import {', '.join(exported(contract))}",
        *sorted(f"from {r['module']} import {r['type']}" for r in contract.results.values()),
        f"from {world.package}._driver import Driver",
        f"from {world.package}.streams import Stream",
        "",
        f"\nclass {title}:",
        f'    """Every rpc of `{service}`, one method each; `omni.{title.lower()}` of a client."""',
        "",
        "    def __init__(self, driver: Driver) -> None:",
        "        self._driver = driver",
    ]
    for rpc in contract.service(service):
        lines += _method(contract, rpc, world, streams)
    return "\n".join(lines) + "\n"


def _method(contract: Contract, rpc: Rpc, world: World, streams: frozenset[str]) -> Iterator[str]:
    kind, name = result_type(contract, rpc), rpc.notes["name"]
    result = f"Stream[{kind}]" if rpc.server_streaming else kind
    define = "def" if rpc.server_streaming else world.define
    yield f"\n    {define} {name}("
    yield "        self,"
    yield "        *,"
    yield from (f"        {line}," for line in signature(contract, rpc))
    yield f"    ) -> {result}:"
    yield _docstring(contract, rpc, world, streams)
    names = [shown.name for shown, _ in parameters(contract, rpc)]
    how = "stream" if rpc.server_streaming else "unary"
    yield f"        return {'' if rpc.server_streaming else world.wait}self._driver.{how}("
    yield f"            calls.{name}("
    yield from (f"                {name}={name}," for name in [*names, "timeout"])
    yield "            )"
    yield "        )"


def _docstring(contract: Contract, rpc: Rpc, world: World, streams: frozenset[str]) -> str:
    kind = result_type(contract, rpc)
    timeout = STREAM_TIMEOUT_DOC if rpc.server_streaming else TIMEOUT_DOC
    if rpc.notes["deadline"] == "none" and not rpc.server_streaming:
        timeout = "Seconds or timedelta for the whole call, None for no limit (the default)."
    items = [(shown.name, shown.doc) for shown, _ in parameters(contract, rpc)]
    sections = [section("Args", [*items, ("timeout", timeout)], 8)]
    if kind != "None":
        inside = "async with" if world.awaits else "with"
        answer = (
            f"A stream of `{kind}`: iterate it, inside `{inside}`."
            if rpc.server_streaming
            else f"The answer: `{kind}`."
        )
        sections.append("        Returns:\n" + wrap(answer, 12))
    sections.append(section("Raises", _raises(rpc), 8))
    sections.append(example(rpc.notes["example"], 8, streams, awaited=world.awaits))
    body = "\n\n".join([wrap(rpc.doc, 8), *sections]).replace("\\", "\\\\")
    return f'        """{body.lstrip()}\n        """'


def _raises(rpc: Rpc) -> list[tuple[str, str]]:
    notes, items = rpc.notes, []
    items.append(("InvalidInputError", "An argument is malformed. Nothing was sent."))
    if notes["changes"] != "never":
        when = "" if notes["changes"] == "always" else f", {notes['changes'].replace(' ', ' `')}`"
        items.append(("ReadOnlyError", f"The client is read-only{when}. Nothing was sent."))
    if isinstance(notes["role"], list):
        allowed = " or ".join(f"`{role}`" for role in notes["role"])
        items.append(("PermissionDeniedError", f"The role is not exactly {allowed}."))
    elif notes["role"] not in {"signed", "unsigned"}:
        items.append(("PermissionDeniedError", f"The role is below `{notes['role']}`."))
    if notes["until"]:
        items.append(("UnimplementedError", f"The server is newer than Omni {notes['until']}."))
    elif notes["since"] not in {"1.0", "main"}:
        items.append(("UnimplementedError", f"The server is older than Omni {notes['since']}."))
    elif notes["since"] == "main":
        items.append(("UnimplementedError", "The server is a release up to Omni 1.10."))
    broke = ", or the stream broke" if rpc.server_streaming else ""
    items.append(("CallError", f"The server refused or could not be reached{broke}."))
    return items


def _composed(path: Path) -> Iterator[Composed]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        docstring, returns = (
            ast.get_docstring(node),
            ast.unparse(node.returns) if node.returns else "",
        )
        if not docstring:
            raise ContractError(f"{path}: {node.name} has no docstring")
        result, stream = _result(returns)
        if result is None:
            raise ContractError(
                f"{path}: {node.name} returns {returns}, which is no Call, StreamCall, Composite "
                "or Steps"
            )
        yield Composed(name=node.name, node=node, docstring=docstring, result=result, stream=stream)


def _result(returns: str) -> tuple[str | None, bool]:
    """What the method returns in the end, None if nothing fits, and whether it is a stream."""
    found = re.fullmatch(r"(Call|StreamCall|Composite|Steps)\[(.+)\]", returns)
    return (found[2], found[1] in {"StreamCall", "Composite"}) if found else (None, False)


def _composition(  # noqa: PLR0917 - private, one caller
    name: str,
    entry: Mapping[str, str],
    source: ast.Module,
    functions: list[Composed],
    world: World,
    streams: frozenset[str],
) -> str:
    about = (ast.get_docstring(source) or "").partition("\n")[0]
    lines = [
        f"# Generated by proto/generate.py from {entry['file']}. Do not edit.",
        f'"""{about}"""',
        "",
        "from __future__ import annotations",
        "",
        *_imports(source, functions),
        f"from omni_api._composed import {name} as composed",
        f"from {world.package}._driver import Driver",
    ]
    if any(function.stream for function in functions):
        lines.append(f"from {world.package}.streams import Stream")
    lines += [
        f"\n\nclass {entry['class']}:",
        f'    """{about} `omni.{name}` of a client."""',
        "",
        "    def __init__(self, driver: Driver) -> None:",
        "        self._driver = driver",
    ]
    for function in functions:
        lines += _forward(function, world, streams)
    return "\n".join(lines) + "\n"


def _forward(function: Composed, world: World, streams: frozenset[str]) -> Iterator[str]:
    node = function.node
    result = f"Stream[{function.result}]" if function.stream else function.result
    yield f"\n    {'def' if function.stream else world.define} {function.name}("
    yield f"        self, {ast.unparse(node.args)}"
    yield f"    ) -> {result}:"
    text, _, source = inspect.cleandoc(function.docstring).partition("\nExample:\n")
    shown = example(inspect.cleandoc(source), 8, streams, awaited=world.awaits)
    body = "\n".join(f"        {line}".rstrip() for line in text.rstrip().splitlines())
    body = f"{body}\n\n{shown}".replace("\\", "\\\\")
    yield f'        """{body.lstrip()}\n        """'
    positional = [argument.arg for argument in node.args.args]
    keywords = [f"{argument.arg}={argument.arg}" for argument in node.args.kwonlyargs]
    how = "stream" if function.stream else "compose"
    yield f"        return {'' if function.stream else world.wait}self._driver.{how}("
    yield f"            composed.{function.name}({', '.join([*positional, *keywords])})"
    yield "        )"


def _imports(source: ast.Module, functions: list[Composed]) -> Iterator[str]:
    """The imports of the source that its signatures need."""
    used: set[str] = set()
    for function in functions:
        for part in (function.node.args, function.node.returns):
            if part is not None:
                used |= {n.id for n in ast.walk(part) if isinstance(n, ast.Name)}
    used -= {"Call", "StreamCall", "Composite", "Steps"}
    used &= {
        word
        for f in functions
        for word in re.findall(r"\w+", f"{ast.unparse(f.node.args)} {f.result}")
    }
    for node in source.body:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            names = [alias.name for alias in node.names if alias.name in used]
            if names:
                yield f"from {node.module} import {', '.join(names)}"

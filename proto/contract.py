"""Read the contract: the .proto files and methods.toml, checked against each other.

This file decides what is a mistake in the two (and says which line to mend); what to make of
them is left to the modules that render.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from google.protobuf import descriptor_pb2
from grpc_tools import __file__ as grpc_tools_init
from grpc_tools import protoc

Field = descriptor_pb2.FieldDescriptorProto

WELL_KNOWN = Path(grpc_tools_init).parent / "_proto"


class ContractError(Exception):
    """The protos and the annotations do not fit together; nothing was generated."""


@attrs.frozen(kw_only=True)
class Enum:
    full_name: str
    doc: str
    values: tuple[tuple[str, int, str], ...]

    @property
    def name(self) -> str:
        return self.full_name.rsplit(".", 1)[1]


@attrs.frozen(kw_only=True)
class Message:
    full_name: str
    file: str
    doc: str
    fields: tuple[tuple[Field, str], ...]
    """Each field with its comment."""
    map_entry: bool


@attrs.frozen(kw_only=True)
class Rpc:
    service: str
    name: str
    doc: str
    request: str
    response: str
    server_streaming: bool
    client_streaming: bool
    notes: Mapping[str, Any]
    """The rpc's table of methods.toml."""

    @property
    def full_name(self) -> str:
        return f"{self.service}.{self.name}"

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.name}"


@attrs.frozen(kw_only=True)
class Contract:
    files: tuple[descriptor_pb2.FileDescriptorProto, ...]
    stubs: Mapping[str, str]
    """What protoc writes as type stub for each file."""
    messages: Mapping[str, Message]
    enums: Mapping[str, Enum]
    rpcs: tuple[Rpc, ...]
    internal: tuple[Rpc, ...]
    """Rpcs that only composed calls send."""
    secrets: Mapping[str, str]
    types: Mapping[str, str]
    required: Mapping[str, list[str]]
    names: Mapping[str, str]
    results: Mapping[str, Mapping[str, str]]
    checks: Mapping[str, Mapping[str, str]]
    composed: Mapping[str, Mapping[str, str]]
    exports: Mapping[str, list[str]]

    def service(self, name: str) -> tuple[Rpc, ...]:
        return tuple(rpc for rpc in self.rpcs if rpc.service == name)


def read(root: Path) -> Contract:
    """Compile every .proto below `root` and join it with `root`/methods.toml."""
    files, stubs = _compile(root)
    messages: dict[str, Message] = {}
    enums: dict[str, Enum] = {}
    services: list[tuple[str, Any, str, str]] = []
    for file in files:
        comments = {
            tuple(location.path): location.leading_comments
            for location in file.source_code_info.location
        }
        for enum in _enums(file.enum_type, (5,), file.package, comments):
            enums[enum.full_name] = enum
        for message, nested in _messages(file, file.message_type, (4,), file.package, comments):
            messages[message.full_name] = message
            enums.update({enum.full_name: enum for enum in nested})
        for s, service in enumerate(file.service):
            for m, method in enumerate(service.method):
                services.append(
                    (
                        f"{file.package}.{service.name}",
                        method,
                        _text(comments.get((6, s, 2, m), "")),
                        file.name,
                    )
                )
    notes = tomllib.loads((root / "methods.toml").read_text(encoding="utf-8"))
    secrets, types = notes.pop("secrets"), notes.pop("types")
    required, unserved = notes.pop("required_in_messages"), notes.pop("simulator_only")
    names, results = notes.pop("names"), notes.pop("results")
    checks, composed = notes.pop("checks"), notes.pop("composed")
    exports, unshown = notes.pop("exports"), notes.pop("internal")
    tables = {
        f"{package}.{service}.{rpc}": table
        for package, body in notes.items()
        for service, rpcs in body.items()
        for rpc, table in rpcs.items()
    }
    rpcs: list[Rpc] = []
    internal: list[Rpc] = []
    for service_name, method, doc, file_name in services:
        full_name = f"{service_name}.{method.name}"
        hidden = service_name in unserved
        if hidden and full_name not in unshown:
            continue
        if not hidden and full_name not in tables:
            raise ContractError(
                f"{file_name}: {full_name} has no table [{full_name}] in methods.toml; "
                "say there whether it changes something and may be retried"
            )
        rpc = Rpc(
            service=service_name,
            name=method.name,
            doc=doc,
            request=method.input_type.lstrip("."),
            response=method.output_type.lstrip("."),
            server_streaming=method.server_streaming,
            client_streaming=method.client_streaming,
            notes=(unshown if hidden else tables).pop(full_name),
        )
        (internal if hidden else rpcs).append(rpc)
    tables |= unshown
    if tables:
        raise ContractError(f"methods.toml describes rpcs that no proto has: {sorted(tables)}")
    if lost := (results.keys() | checks.keys()) - {rpc.full_name for rpc in rpcs}:
        raise ContractError(f"methods.toml names rpcs that no proto has: {sorted(lost)}")
    if lost := (names.keys() | required.keys()) - (messages.keys() | enums.keys()):
        raise ContractError(f"methods.toml names messages that no proto has: {sorted(lost)}")
    known = {f"{m.full_name}.{f.name}" for m in messages.values() for f, _ in m.fields}
    if lost := (secrets.keys() | types.keys()) - known:
        raise ContractError(f"methods.toml names fields that no proto has: {sorted(lost)}")
    return Contract(
        files=files,
        stubs=stubs,
        messages=messages,
        enums=enums,
        rpcs=tuple(rpcs),
        internal=tuple(internal),
        secrets=secrets,
        types=types,
        required=required,
        names=names,
        results=results,
        checks=checks,
        composed=composed,
        exports=exports,
    )


def _compile(root: Path) -> tuple[tuple[descriptor_pb2.FileDescriptorProto, ...], dict[str, str]]:
    sources = sorted(path.name for path in root.glob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch, "contract.binpb")
        code = protoc.main(
            [
                "protoc",
                f"-I{root}",
                f"-I{WELL_KNOWN}",
                "--include_source_info",
                "--include_imports",
                f"--pyi_out={scratch}",
                f"-o{target}",
                *sources,
            ]
        )
        if code:
            raise ContractError(f"protoc refuses the files of {root}")
        compiled = descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes())
        stubs = {
            name: Path(scratch, name.replace(".proto", "_pb2.pyi")).read_text(encoding="utf-8")
            for name in sources
        }
    # protoc lists a file after all that it imports, so the order is one in which they load.
    return tuple(f for f in compiled.file if f.package != "google.protobuf"), stubs


def _text(comment: str) -> str:
    return "\n".join(line.removeprefix(" ") for line in comment.rstrip().splitlines()).strip()


def _enums(
    enums: Any, path: tuple[int, ...], scope: str, comments: Mapping[tuple[int, ...], str]
) -> Iterator[Enum]:
    for e, enum in enumerate(enums):
        yield Enum(
            full_name=f"{scope}.{enum.name}",
            doc=_text(comments.get((*path, e), "")),
            values=tuple(
                (value.name, value.number, _text(comments.get((*path, e, 2, v), "")))
                for v, value in enumerate(enum.value)
            ),
        )


def _messages(
    file: descriptor_pb2.FileDescriptorProto,
    messages: Any,
    path: tuple[int, ...],
    scope: str,
    comments: Mapping[tuple[int, ...], str],
) -> Iterator[tuple[Message, tuple[Enum, ...]]]:
    for m, message in enumerate(messages):
        here, full_name = (*path, m), f"{scope}.{message.name}"
        yield (
            Message(
                full_name=full_name,
                file=file.name,
                doc=_text(comments.get(here, "")),
                fields=tuple(
                    (field, _text(comments.get((*here, 2, f), "")))
                    for f, field in enumerate(message.field)
                ),
                map_entry=message.options.map_entry,
            ),
            tuple(_enums(message.enum_type, (*here, 4), full_name, comments)),
        )
        yield from _messages(file, message.nested_type, (*here, 3), full_name, comments)

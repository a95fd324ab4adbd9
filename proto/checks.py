"""Refuse what the generator would turn into wrong code: bad annotations, unsupported shapes.

Every error names the place and says what is allowed. A shape that is refused here is one that
Omni's management API does not use; support for it begins in python_names.py.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping

from contract import Contract, ContractError, Field, Message, Rpc
from python_names import INTEGERS, SCALARS

KEYS: Mapping[str, type | tuple[type, ...]] = {
    "name": str,
    "changes": str,
    "retry": str,
    "metadata": str,
    "role": (str, list),
    "stream": str,
    "deadline": str,
    "since": str,
    "until": str,
    "required": list,
    "mandatory": list,
    "defaults": dict,
    "payload": list,
    "example": str,
}
INTERNAL_KEYS = ("name", "changes", "retry", "role", "since")
CHOICES = {
    "retry": {"read", "never"},
    "metadata": {"none", "cluster", "cluster?"},
    "deadline": {"default", "none"},
}
ROLES = ("None", "InfraProvider", "Reader", "Auditor", "Operator", "Admin")
_SIZED = {Field.TYPE_STRING, Field.TYPE_BYTES}
RELEASE = re.compile(r"main|[0-9]+\.[0-9]+")
RESERVED = {"self", "timeout", "request", "arguments", "models", "table"}
"""Names that the generated methods use themselves."""


def check(contract: Contract) -> None:
    """Raise ContractError at the first thing that is wrong."""
    seen: dict[str, str] = {}
    for rpc in contract.internal:
        _check_internal(rpc)
    for rpc in contract.rpcs:
        _check_notes(rpc, contract)
        _check_shape(rpc, contract)
        name = f"{rpc.service} {rpc.notes['name']}"
        if name in seen:
            raise ContractError(f"{rpc.full_name} and {seen[name]} have the same Python name")
        seen[name] = rpc.full_name
    sent = {m.full_name for rpc in contract.rpcs for m in _inside(contract, rpc.request)}
    for rpc in contract.rpcs:
        for message in (*_named(contract, rpc.response), *_inside(contract, rpc.response)):
            if message.full_name in sent and not message.map_entry:
                raise ContractError(
                    f"{message.full_name} is both sent and answered; a model goes one way only"
                )


def _check_internal(rpc: Rpc) -> None:
    where, notes = f"methods.toml [internal.{rpc.full_name}]", rpc.notes
    if notes.keys() ^ set(INTERNAL_KEYS):
        raise ContractError(f"{where}: the keys are {', '.join(INTERNAL_KEYS)}, and no others")
    if (notes["changes"], notes["retry"]) not in {("never", "read"), ("always", "never")}:
        raise ContractError(f"{where}: what changes nothing is retried, what changes is not")


def _check_notes(rpc: Rpc, contract: Contract) -> None:
    where, notes = f"methods.toml [{rpc.full_name}]", rpc.notes
    if missing := KEYS.keys() - notes.keys():
        raise ContractError(f"{where}: missing {sorted(missing)}; nothing has a default")
    if unknown := notes.keys() - KEYS.keys():
        raise ContractError(f"{where}: unknown {sorted(unknown)}")
    for key, kind in KEYS.items():
        if not isinstance(notes[key], kind):
            raise ContractError(f"{where}: {key} = {notes[key]!r} has the wrong type")
    for key, allowed in CHOICES.items():
        if notes[key] not in allowed:
            raise ContractError(f"{where}: {key} = {notes[key]!r} is none of {sorted(allowed)}")
    _check_name(where, notes["name"])
    roles = notes["role"] if isinstance(notes["role"], list) else [notes["role"]]
    if bad := set(roles) - {*ROLES, "signed", "unsigned"}:
        raise ContractError(f"{where}: role names {sorted(bad)}, which Omni does not have")
    if not roles:
        raise ContractError(f"{where}: role = [] lets nobody call it")
    if not RELEASE.fullmatch(notes["since"]) or not RELEASE.fullmatch(notes["until"] or "main"):
        raise ContractError(f'{where}: since and until are releases such as "1.8", or "main"')
    request, response = _fields(contract, rpc.request), _fields(contract, rpc.response)
    _check_flags(where, rpc, request)
    for key in ("required", "mandatory", "defaults"):
        if lost := set(notes[key]) - request.keys():
            raise ContractError(f"{where}: {key} names {sorted(lost)}, which its message lacks")
    lists = [set(notes["required"]), set(notes["mandatory"]), set(notes["defaults"])]
    if len(set().union(*lists)) != sum(map(len, lists)):
        raise ContractError(f"{where}: required, mandatory and defaults exclude each other")
    sized = {name for name, field in response.items() if field.type in _SIZED}
    if lost := set(notes["payload"]) - sized:
        raise ContractError(
            f"{where}: payload names {sorted(lost)}, no text or bytes of its message"
        )
    if notes["payload"] and not rpc.server_streaming:
        raise ContractError(f"{where}: payload is for streams")
    if not rpc.doc:
        raise ContractError(
            f"{rpc.full_name} has no comment in its proto; it becomes the docstring"
        )


def _check_flags(where: str, rpc: Rpc, request: Mapping[str, Field]) -> None:
    notes = rpc.notes
    flags = {name for name, field in request.items() if field.type == Field.TYPE_BOOL}
    when, _, flag = notes["changes"].partition(" ")
    if notes["changes"] not in {"never", "always"} and (
        when not in {"if", "unless"} or flag not in flags
    ):
        raise ContractError(
            f'{where}: changes is "never", "always", "if FIELD" or "unless FIELD" with a bool FIELD'
        )
    if notes["changes"] == "always" and notes["retry"] != "never":
        raise ContractError(f'{where}: it changes something, so retry must be "never"')
    kind, _, flag = notes["stream"].partition(" if ")
    if kind not in {"none", "bulk", "live"} or (flag and (kind != "live" or flag not in flags)):
        raise ContractError(f'{where}: stream is "none", "bulk", "live" or "live if FIELD"')
    if (notes["stream"] == "none") == rpc.server_streaming:
        raise ContractError(f"{where}: stream = {notes['stream']!r} contradicts the proto")
    if rpc.server_streaming and notes["deadline"] != "none":
        raise ContractError(f'{where}: a stream has deadline = "none"')


def _check_shape(rpc: Rpc, contract: Contract) -> None:
    if "cluster" in _fields(contract, rpc.request) and rpc.notes["metadata"] != "none":
        raise ContractError(f"{rpc.full_name} takes a cluster in its request and in the metadata")
    if rpc.client_streaming:
        raise ContractError(f"{rpc.full_name} streams requests, which no facade can send")
    for message in _named(contract, rpc.request):
        for field, _ in message.fields:
            _check_name(f"{message.full_name}.{field.name}", field.name)
    for message in (
        *_named(contract, rpc.request),
        *_inside(contract, rpc.request),
        *_named(contract, rpc.response),
        *_inside(contract, rpc.response),
    ):
        for field, _ in message.fields:
            _check_field(message, field, contract)


def _check_field(message: Message, field: Field, contract: Contract) -> None:
    where, kind = f"{message.full_name}.{field.name}", field.type_name.lstrip(".")
    if field.HasField("oneof_index"):
        raise ContractError(f"{where} is optional or part of a oneof, which no model can tell")
    known = field.type in {*SCALARS, Field.TYPE_ENUM, Field.TYPE_MESSAGE}
    if not known or (
        field.type in SCALARS and SCALARS[field.type] == "int" and field.type not in INTEGERS
    ):
        raise ContractError(f"{where} has a type that python_names.py does not know")
    repeated = field.label == Field.LABEL_REPEATED
    plain = field.type == Field.TYPE_STRING or kind in contract.messages or kind.endswith(".Any")
    if repeated and not plain:
        raise ContractError(f"{where} is repeated; only text and messages may be")


def _check_name(where: str, name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name in RESERVED:
        raise ContractError(f"{where}: {name!r} cannot be the name of a Python method or parameter")


def _fields(contract: Contract, full_name: str) -> Mapping[str, Field]:
    message = contract.messages.get(full_name)
    return {} if message is None else {field.name: field for field, _ in message.fields}


def _named(contract: Contract, full_name: str) -> tuple[Message, ...]:
    """The message of that name; none where it is a well-known one."""
    return (contract.messages[full_name],) if full_name in contract.messages else ()


def _inside(contract: Contract, full_name: str) -> Iterator[Message]:
    """Every message within the message of that name."""
    waiting, seen = [full_name], {full_name}
    while waiting:
        for message in _named(contract, waiting.pop()):
            for field, _ in message.fields:
                kind = field.type_name.lstrip(".")
                if kind in contract.messages and kind not in seen:
                    seen.add(kind)
                    waiting.append(kind)
                    yield contract.messages[kind]

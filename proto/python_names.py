"""How a field, message or enum of the contract looks in Python: names, types, conversions.

One row per kind of field; the renderers ask here and decide nothing about types themselves.
"""

from __future__ import annotations

import re

import attrs
from contract import Contract, Enum, Field, Message

SCALARS = {
    Field.TYPE_STRING: "str",
    Field.TYPE_BYTES: "bytes",
    Field.TYPE_BOOL: "bool",
    Field.TYPE_INT32: "int",
    Field.TYPE_INT64: "int",
    Field.TYPE_UINT32: "int",
    Field.TYPE_UINT64: "int",
}
INTEGERS = {
    Field.TYPE_INT32: "int32",
    Field.TYPE_INT64: "int64",
    Field.TYPE_UINT32: "uint32",
    Field.TYPE_UINT64: "uint64",
}
ZERO = {"str": '""', "bytes": 'b""', "bool": "False", "int": "0"}
DURATION, TIMESTAMP, ANY = (f"google.protobuf.{name}" for name in ("Duration", "Timestamp", "Any"))


def module_of(contract: Contract, full_name: str) -> str:
    """The _pb2 module that has a message."""
    return contract.messages[full_name].file.replace(".proto", "_pb2")


def class_name(contract: Contract, full_name: str) -> str:
    return contract.names.get(full_name, full_name.rsplit(".", 1)[1])


def proto_path(contract: Contract, full_name: str) -> str:
    """How code refers to a protobuf class: `management_pb2.ListUsersResponse.User`."""
    if full_name.startswith("google.protobuf."):
        return f'_pool.message_class("{full_name}")'
    file = contract.messages[full_name].file
    package = next(f.package for f in contract.files if f.name == file)
    return f"{module_of(contract, full_name)}.{full_name.removeprefix(package + '.')}"


def members(enum: Enum) -> list[tuple[str, int, str]]:
    """The values of an enum without the prefix that all share (`BOOT_ASSET_KIND_`)."""
    prefix = ""
    while True:
        candidate = re.match(re.escape(prefix) + r"[^_]*_", enum.values[0][0])
        if candidate is None or not all(
            re.match(r"[A-Z]", name.removeprefix(candidate[0])) and name.startswith(candidate[0])
            for name, _, _ in enum.values
        ):
            break
        prefix = candidate[0]
    return [(name.removeprefix(prefix), number, doc) for name, number, doc in enum.values]


@attrs.frozen(kw_only=True)
class FieldView:
    """One field, as Python sees it.

    Attributes:
        name: Name of the field.
        doc: Its comment.
        value_type: Type of the attribute of a model.
        read: Expression that turns the field of `message` into that.
        parameter_type: Type of a parameter.
        default: Default of a parameter that has one.
        write: Statement that checks a parameter and puts it into `request`.
        secret: Whether it is hidden in reprs.
    """

    name: str
    doc: str
    value_type: str
    read: str
    parameter_type: str
    default: str
    write: str
    secret: bool


def view(
    contract: Contract,
    message: Message,
    field: Field,
    doc: str,
    *,
    nonempty: bool = False,
    owner: str = "",
) -> FieldView:
    """Describe one field.

    `nonempty` refuses an empty parameter; `owner` is what the parameter is an attribute of:
    "self." in a model.
    """
    name, full_name = field.name, f"{message.full_name}.{field.name}"
    kind = field.type_name.lstrip(".")
    special = contract.types.get(full_name)
    secret = full_name in contract.secrets
    hide = ", secret=True" if secret else ""
    full = ", empty=False" if nonempty else ""
    parameter_name = f"{owner}{name}"
    arguments = f'"{name}", {parameter_name}'
    repeated = field.label == Field.LABEL_REPEATED
    assign = f"request.{name} = {{}}"
    read = f"message.{name}"
    if kind in contract.messages and contract.messages[kind].map_entry:
        key, value = (SCALARS[f.type] for f, _ in contract.messages[kind].fields)
        check = "number_map" if key == "int" else "text_map"
        value_type = f"Mapping[{key}, {value}]"
        parameter, default = f"{value_type} | None", "None"
        read = f"dict({read})"
        hidden = "" if key == "int" else hide
        write = (
            f"if {parameter_name} is not None:\n"
            f"    request.{name}.update(arguments.{check}({arguments}{hidden}))"
        )
    elif field.type == Field.TYPE_ENUM:
        enum = class_name(contract, kind)
        value_type = parameter = f"{enum} | int"
        default = f"{enum}.{members(contract.enums[kind])[0][0]}"
        read = f"enum_value({enum}, {read})"
        # The stubs want the enum's own class; a number is what a newer server may know.
        checked = f"arguments.enumeration({arguments}, models.{enum})"
        write = f"request.{name} = {checked}  # type: ignore[assignment]"
    elif kind in (DURATION, TIMESTAMP):
        function = "duration" if kind == DURATION else "moment"
        base = "timedelta" if kind == DURATION else "datetime"
        value_type, default = f"{base} | None", "None"
        parameter = "Seconds | None" if kind == DURATION else "datetime | None"
        method = "FromTimedelta" if kind == DURATION else "FromDatetime"
        read = f'{function}({read}) if message.HasField("{name}") else None'
        write = (
            f"if {parameter_name} is not None:\n"
            f"    request.{name}.{method}(arguments.{function}({arguments}))"
        )
    elif kind == ANY:
        value_type, read = "tuple[AnyMessage, ...]", f"tuple(map(any_message, {read}))"
        parameter = default = write = ""
    elif field.type == Field.TYPE_MESSAGE:
        other = class_name(contract, kind)
        if repeated:
            value_type = f"Rows[{other}]"
            read = f"Rows(map({other}.from_proto, {read}), of={other})"
            parameter = default = write = ""
        else:
            value_type = parameter = f"{other} | None"
            default = "None"
            read = f'{other}.from_proto({read}) if message.HasField("{name}") else None'
            write = (
                f"if {parameter_name} is not None:\n"
                f"    request.{name}.CopyFrom("
                f"arguments.model({arguments}, models.{other}).to_proto())"
            )
    elif repeated:
        value_type, parameter, default = "tuple[str, ...]", "Sequence[str]", "()"
        read = f"tuple({read})"
        write = f"request.{name}.extend(arguments.texts({arguments}{hide}))"
    else:
        value_type = parameter = SCALARS[field.type]
        default = ZERO[value_type]
        if special == "rfc3339":
            value_type, read, write = "datetime | None", f"rfc3339({read})", ""
        elif special == "day":
            parameter, default = "Day | None", "None"
            write = (
                f"if {parameter_name} is not None:\n    request.{name} = arguments.day({arguments})"
            )
        elif value_type == "str":
            write = assign.format(f"arguments.text({arguments}{hide}{full})")
        elif value_type == "bytes":
            write = assign.format(f"arguments.data({arguments}{full})")
        elif value_type == "bool":
            write = assign.format(f"arguments.boolean({arguments})")
        else:
            write = assign.format(f'arguments.integer({arguments}, "{INTEGERS[field.type]}")')
    return FieldView(
        name=name,
        doc=doc,
        value_type=value_type,
        read=read,
        parameter_type=parameter,
        default=default,
        write=write,
        secret=secret,
    )

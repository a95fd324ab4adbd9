"""Checks of arguments, before anything is sent: one function per kind of parameter.

Each names the argument, the value and the allowed form. Protobuf would refuse some of these too,
but with a text that names neither. Values of secret parameters are not repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Protocol, TypeVar

from omni_api._core.call import Metadata
from omni_api._core.dates import Day, to_date
from omni_api._core.durations import Seconds, to_seconds
from omni_api.errors import InvalidInputError

_PRINTABLE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}

FunctionT = TypeVar("FunctionT")
ModelT = TypeVar("ModelT", bound="ToProto")


class ToProto(Protocol):
    """A model that can be sent."""

    def to_proto(self) -> object: ...


def _shown(value: object, secret: bool) -> str:  # noqa: FBT001 - private
    return f"a {type(value).__name__}" if secret else repr(value)


def text(name: str, value: str, *, secret: bool = False, empty: bool = True) -> str:
    """Return `value` if it is a str that protobuf can carry."""
    if not isinstance(value, str):
        raise InvalidInputError(f"{name} must be a str, not {_shown(value, secret)}")
    if not empty and not value.strip():
        raise InvalidInputError(f"{name} must not be empty, but is {value!r}")
    # Found by pattern: the error of str.encode would carry the whole value, secrets included.
    if lone := _LONE_SURROGATE.search(value):
        raise InvalidInputError(
            f"{name} must be valid Unicode text: surrogates not allowed at character {lone.start()}"
        )
    return value


def texts(name: str, value: Sequence[str], *, secret: bool = False) -> Sequence[str]:
    """Return `value` if it is a sequence of str (and not one str by mistake)."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidInputError(f"{name} must be a list of str, not {_shown(value, secret)}")
    return [text(f"{name}[{i}]", item, secret=secret) for i, item in enumerate(value)]


def boolean(name: str, value: bool) -> bool:  # noqa: FBT001 - it is the value
    """Return `value` if it is True or False."""
    if not isinstance(value, bool):
        raise InvalidInputError(f"{name} must be True or False, not {value!r}")
    return value


def function(name: str, value: FunctionT) -> FunctionT:
    """Return `value` if it is None or can be called."""
    if value is not None and not callable(value):
        raise InvalidInputError(f"{name} must be a function of one argument or None, not {value!r}")
    return value


def integer(name: str, value: int, kind: str) -> int:
    """Return `value` if it is an int that fits `kind` (int32, int64 or uint32)."""
    low, high = _RANGES[kind]
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInputError(f"{name} must be an int, not {value!r}")
    if not low <= value <= high:
        raise InvalidInputError(f"{name} must be from {low} to {high}, not {value}")
    return int(value)


def data(name: str, value: bytes, *, empty: bool = True) -> bytes:
    """Return `value` as bytes."""
    if not isinstance(value, bytes | bytearray | memoryview):
        raise InvalidInputError(f"{name} must be bytes, not {type(value).__name__}")
    if not empty and not value:
        raise InvalidInputError(f"{name} must not be empty")
    return bytes(value)


def enumeration(name: str, value: int, kind: type[IntEnum]) -> int:
    """Return the number of a member of `kind`, or a number that a newer server may know."""
    if isinstance(value, bool) or not isinstance(value, int):
        members = ", ".join(member.name for member in kind)
        raise InvalidInputError(
            f"{name} must be a {kind.__name__} ({members}) or a number, not {value!r}; "
            f"import {kind.__name__} from omni_api"
        )
    if isinstance(value, IntEnum) and not isinstance(value, kind):
        raise InvalidInputError(f"{name} must be a {kind.__name__}, not {value!r}")
    return integer(name, value, "int32")


def duration(name: str, value: Seconds) -> timedelta:
    """Return `value`, seconds or timedelta, as timedelta."""
    seconds = to_seconds(name, value)
    try:
        length = timedelta(seconds=seconds)
    except OverflowError as error:
        raise InvalidInputError(f"{name} is too long: {value!r}") from error
    if not length:
        raise InvalidInputError(f"{name} must be at least a microsecond, not {value!r}")
    return length


def moment(name: str, value: datetime) -> datetime:
    """Return `value` in UTC if it is an aware datetime."""
    if not isinstance(value, datetime):
        raise InvalidInputError(f"{name} must be a datetime, not {value!r}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidInputError(
            f"{name} must say its time zone: {value.isoformat()} has none; "
            "use datetime(..., tzinfo=UTC) or value.astimezone()"
        )
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInputError(
            f"{name} is beyond the calendar in UTC: {value.isoformat()}"
        ) from error


def day(name: str, value: Day) -> str:
    """Return a calendar day in the form the server reads."""
    return to_date(name, value).isoformat()


def text_map(name: str, value: Mapping[str, str], *, secret: bool = False) -> Mapping[str, str]:
    """Return `value` if it maps str to str."""
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{name} must map str to str, not {_shown(value, secret)}")
    return {
        text(f"key of {name}", k): text(f"{name}[{k!r}]", v, secret=secret)
        for k, v in value.items()
    }


def number_map(name: str, value: Mapping[int, str]) -> Mapping[int, str]:
    """Return `value` if it maps uint32 to str."""
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{name} must map int to str, not {value!r}")
    return {
        integer(f"key of {name}", k, "uint32"): text(f"{name}[{k}]", v) for k, v in value.items()
    }


def model(name: str, value: ModelT, kind: type[ModelT]) -> ModelT:
    """Return `value` if it is a `kind`."""
    if not isinstance(value, kind):
        raise InvalidInputError(f"{name} must be a {kind.__name__}, not {type(value).__name__}")
    return value


def cluster(value: str) -> Metadata:
    """Return the metadata that names a cluster; gRPC metadata is printable ASCII."""
    text("cluster", value, empty=False)
    if not _PRINTABLE.fullmatch(value):
        raise InvalidInputError(
            f"cluster must be the name of a cluster (letters, digits, '-', '_'), not {value!r}"
        )
    return (("context", value),)

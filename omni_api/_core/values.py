"""Conversions of answers, as the generated models need them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, TypeVar

import attrs

from omni_api.rows import Value

if TYPE_CHECKING:
    from google.protobuf.any_pb2 import Any as AnyProto
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.timestamp_pb2 import Timestamp

EnumT = TypeVar("EnumT", bound=IntEnum)

# In a URL; or 32 bytes in base62 (recorded from Omni 1.10), which are no piece of some base64. The
# encoder gives 5 or 6 bits to a character, so a few have 45.
_JOIN_TOKEN = re.compile(r"(?<=jointoken=)[^\s&\"'\\]+|(?<![\w+/=-])[0-9A-Za-z]{43,45}(?![\w+/=-])")


@attrs.frozen(kw_only=True)
class AnyMessage(Value):
    """A message of a type that is named instead of known.

    Attributes:
        type_url: URL of the type, for example `type.googleapis.com/google.rpc.DebugInfo`.
        value: The message, serialized.
    """

    type_url: str
    value: bytes


def any_message(message: AnyProto) -> AnyMessage:
    """Return a google.protobuf.Any as value."""
    return AnyMessage(type_url=message.type_url, value=message.value)


def enum_value(kind: type[EnumT], number: int) -> EnumT | int:
    """Return the member with `number`, or the number where a newer server knows more members."""
    try:
        return kind(number)
    except ValueError:
        return number


def moment(stamp: Timestamp) -> datetime:
    """Return a Timestamp as aware UTC datetime; nanoseconds below a microsecond are cut."""
    return stamp.ToDatetime(tzinfo=UTC)


def duration(value: Duration) -> timedelta:
    """Return a Duration as timedelta."""
    return value.ToTimedelta()


def rfc3339(text: str) -> datetime | None:
    """Return the moment that `text` names, None for the empty text that stands for "never"."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def redacted(value: object) -> str:
    """Stand in for a secret in a repr: how much there is, not what."""
    if not value:
        return repr(value)
    size = f"{len(value)} " if isinstance(value, bytes | str | tuple | dict) else ""
    return f"<{size}hidden>"


def masked(text: str) -> str:
    """Return a text that is shown without its join tokens: logs and events may have some."""
    return _JOIN_TOKEN.sub("<hidden>", text)

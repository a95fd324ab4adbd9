"""Readers of answers: from received bytes to a value. One is made per call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from omni_api.errors import InternalError

T = TypeVar("T")
MessageT = TypeVar("MessageT", bound=Message)


def value(
    kind: type[Message], convert: Callable[[Any], T], path: str
) -> Callable[[], Callable[[bytes], T]]:
    """Return the maker of readers that parse a `kind` and convert it."""
    parse = kind.FromString

    def read(data: bytes) -> T:
        try:
            return convert(parse(data))
        except (DecodeError, ValueError) as error:
            raise InternalError(
                f"the answer cannot be read as {kind.DESCRIPTOR.full_name}: {error}",
                code=grpc.StatusCode.INTERNAL,
                method=path,
            ) from error

    return lambda: read


def message(kind: type[MessageT], path: str) -> Callable[[], Callable[[bytes], MessageT]]:
    """Return the maker of readers that parse a `kind` and hand it on as it is."""
    return value(kind, lambda parsed: parsed, path)


def nothing() -> Callable[[bytes], None]:
    """Return the reader of answers that say nothing but OK."""
    return lambda _: None

"""Operations on something whose name is a secret: their errors must not tell it."""

from __future__ import annotations

from typing import TypeVar

from omni_api._core.steps import Steps
from omni_api.errors import CallError

T = TypeVar("T")


def hiding(secret: str, steps: Steps[T]) -> Steps[T]:
    """Carry `steps` out; where the server's words in an error repeat `secret`, it is taken out."""
    try:
        return (yield from steps)
    except CallError as error:
        if secret not in error.details:
            raise
        error.details = error.details.replace(secret, "<hidden>")
        error.args = (error.details,)
        # That is gRPC's own error, with the words as they came.
        error.__context__ = None
        raise error from None

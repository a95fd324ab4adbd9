"""What messages are like on the wire, for every version of protobuf that is allowed."""

from __future__ import annotations

from typing import Any


def is_repeated(message: Any, name: str) -> bool:
    """Whether a field holds any number of values; newer versions say it of its descriptor."""
    return any(hasattr(getattr(message, name), method) for method in ("append", "keys"))

"""How the members of a JSON object become the fields of a typed value, and stay out of its repr.

The annotations of a class are the table: they say which JSON type each field has. A member of
another type, or without a field, is kept in `extra`, so a newer server never breaks a reader and
nothing is lost. Which classes there are stands in `payloads.py` and `event.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import attrs

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen(kw_only=True, repr=False)
class Record:
    """Base of the values that are made of JSON objects.

    Attributes:
        extra: Members that this version has no field for, or whose type is not the expected one.
    """

    extra: Mapping[str, object] = attrs.field(factory=dict, hash=False)

    @classmethod
    def from_members(cls, members: Mapping[str, object]) -> Self:
        """Return the value of a decoded JSON object.

        Args:
            members: The object. Absent members get the field's default.

        Example:
            >>> from omni_api.audit import ClusterChange
            >>> change = ClusterChange.from_members({"id": "prod", "talos_version": 1, "new": 2})
            >>> change.id, change.talos_version, change.extra
            ('prod', '', {'talos_version': 1, 'new': 2})
        """
        known: dict[str, Any] = {}
        extra = dict(members)
        for field in attrs.fields(cls):
            name = field.name
            if name != "extra" and name in extra:
                value = _CONVERTERS[str(field.type)](extra[name])
                if value is not None:
                    known[name] = value
                    del extra[name]
        return cls(**known, extra=extra)

    def __repr__(self) -> str:
        # Event contents may be secret: a join token is the id of its own resource.
        filled = [field.name for field in attrs.fields(type(self)) if getattr(self, field.name)]
        return f"<{type(self).__name__} with {', '.join(filled) or 'nothing'}>"


# From a decoded JSON value to a field of the annotated type; None when it does not fit.


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _object(value: object) -> Mapping[str, object] | None:
    return value if isinstance(value, dict) else None


def _texts(value: object) -> Mapping[str, str] | None:
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        return value
    return None


def _list(value: object) -> tuple[object, ...] | None:
    return tuple(value) if isinstance(value, list) else None


def _moment(value: object) -> datetime | None:
    """Read RFC 3339, or whole seconds since 1970: the server writes both."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return None if moment.tzinfo is None else moment.astimezone(UTC)
        seconds = _number(value)
        return None if seconds is None else EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return None


_CONVERTERS: Mapping[str, Callable[[object], object]] = {
    "str": _text,
    "bool": _flag,
    "int": _number,
    "Mapping[str, str]": _texts,
    "Mapping[str, object]": _object,
    "tuple[object, ...]": _list,
    "datetime | None": _moment,
}

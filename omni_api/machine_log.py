"""One line of a machine's log, read as far as somebody asks for.

Decides what the fields of a line mean. Which lines come, and in which order, is decided by
`_core/log_history.py` and `_core/log_following.py`.

Talos writes lines as JSON objects. Recorded from Omni 1.10 are `talos-time`, `talos-level` and
`msg` in every line, beside fields of the message itself; the kernel's lines also have `facility`,
`clock`, `priority` and `seq`. But any bytes are possible, so nothing here is ever an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar, Literal

import attrs

from omni_api._core.values import redacted
from omni_api.errors import InvalidInputError
from omni_api.rows import Value

__all__ = ["LogFormat", "LogRecord"]

LogFormat = Literal["raw", "omni", "dmesg"]
"""How to show a line: `raw` as it came, `omni` for people, `dmesg` as the kernel's tool does."""

_SERVICE_FIELDS = ("talos-service", "service", "component", "facility")
_MICROSECONDS = 1_000_000


@attrs.frozen(kw_only=True)
class _Entry:
    """What a line says."""

    text: str
    time: datetime | None = None
    level: str = ""
    service: str = ""
    message: str
    fields: Mapping[str, object]


@attrs.frozen(kw_only=True)
class LogRecord(Value):
    r"""One line of the log of a machine.

    `str(record)` is one line for a person. Control characters in it are escaped, since a machine
    decides what stands in its log.

    Attributes:
        raw: The line exactly as it came, without its newline. Not shown in the repr.
        machine_id: Whose line it is.
        after_gap: Whether lines may be missing, or come a second time, from here on: following
            was interrupted and the log did not say where to go on.

    Example:
        >>> from omni_api import LogRecord
        >>> record = LogRecord(
        ...     raw=b'{"facility": "kern", "clock": 1231337, "msg": "link up\\n", '
        ...     b'"talos-level": "info", "talos-time": "2026-11-24T00:16:14.425811736Z"}'
        ... )
        >>> print(record)
        2026-11-24T00:16:14.425Z info  kern: link up
        >>> print(record.format("dmesg"))
        [    1.231337] kern: link up
    """

    _columns: ClassVar = ("time", "level", "service", "message", "machine_id", "after_gap")

    raw: bytes = attrs.field(repr=redacted)
    machine_id: str = ""
    after_gap: bool = False
    _known: _Entry | None = attrs.field(default=None, init=False, eq=False, repr=False)

    @property
    def text(self) -> str:
        """The line as text; bytes that are no UTF-8 are replaced."""
        return self._entry.text

    @property
    def time(self) -> datetime | None:
        """When it was written, in UTC, with nanoseconds cut; None if the line does not say."""
        return self._entry.time

    @property
    def level(self) -> str:
        """The level as Talos writes it: `debug`, `info`, `warn`, `error` ...; "" if unknown."""
        return self._entry.level

    @property
    def service(self) -> str:
        """What wrote it: a service, component or facility such as `kern`; "" if unknown."""
        return self._entry.service

    @property
    def message(self) -> str:
        """The message without its newline; the whole text where the line is no JSON object."""
        return self._entry.message

    @property
    def fields(self) -> Mapping[str, object]:
        """All other fields of the line; empty where it is no JSON object."""
        return self._entry.fields

    def __str__(self) -> str:
        return _shown(self._entry)

    def format(self, name: LogFormat) -> str:
        """Return the line in one of the formats that the official tool knows.

        Args:
            name: `raw`: the text as it came. `omni`: what `str` gives. `dmesg`: the kernel's
                clock, facility and message; a line without clock has no bracket.

        Raises:
            InvalidInputError: There is no such format.

        Example:
            >>> from omni_api import LogRecord
            >>> LogRecord(raw=b"plain text").format("dmesg")
            'plain text'
        """
        if name == "raw":
            return self.text
        if name == "omni":
            return _shown(self._entry)
        if name == "dmesg":
            return _as_dmesg(self._entry)
        raise InvalidInputError(f'format must be "raw", "omni" or "dmesg", not {name!r}')

    @property
    def _entry(self) -> _Entry:
        if self._known is None:
            # Two threads may both do this: they find the same.
            object.__setattr__(self, "_known", _read(self.raw))
        assert self._known is not None  # noqa: S101 - for the type checker
        return self._known


def _read(raw: bytes) -> _Entry:
    import orjson

    text = raw.decode("utf-8", errors="replace")
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        return _Entry(text=text, message=text.rstrip("\n"), fields={})
    # What does not have the form that is expected stays among the other fields.
    time = _moment(fields.get("talos-time"))
    if time is not None:
        del fields["talos-time"]
    level = _taken(fields, "talos-level")
    service = ""
    for name in _SERVICE_FIELDS:
        service = service or _taken(fields, name)
    message = fields.pop("msg") if isinstance(fields.get("msg"), str) else text
    return _Entry(
        text=text,
        time=time,
        level=level,
        service=service,
        message=message.rstrip("\n"),
        fields=fields,
    )


def _taken(fields: dict[str, object], name: str) -> str:
    """Take a field out if it is a text that says something."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        return ""
    del fields[name]
    return value


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _shown(entry: _Entry) -> str:
    parts = []
    if entry.time is not None:
        parts.append(entry.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    if entry.level:
        parts.append(f"{_one_line(entry.level):5}")
    parts.append(_said(entry))
    return " ".join(parts)


def _as_dmesg(entry: _Entry) -> str:
    clock = entry.fields.get("clock")
    if isinstance(clock, bool) or not isinstance(clock, int) or clock < 0:
        return _said(entry)
    seconds, microseconds = divmod(clock, _MICROSECONDS)
    return f"[{seconds:5d}.{microseconds:06d}] {_said(entry)}"


def _said(entry: _Entry) -> str:
    message = _one_line(entry.message.rstrip())
    return f"{_one_line(entry.service)}: {message}" if entry.service else message


def _one_line(text: str) -> str:
    """Escape what would break the line or steer a terminal."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text
    )

"""How single values are written in YAML, and what a plain one means."""

from __future__ import annotations

import contextlib
import functools
import json
import re
from typing import Any

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {
    word: kind
    for kind in (True, False)
    for word in (str(kind), str(kind).lower(), str(kind).upper())
}
_NUMBER = re.compile(r"-?[0-9][0-9.]{0,15}")
# What some reader may take for a number or a time.
_LIKE_A_NUMBER = re.compile(r"[-+.0-9][0-9a-fA-FxXoO._:+-]*")
# What JSON allows in a text and YAML does not, or takes for the end of a line.
_FOREIGN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def resolved(plain: str) -> str | int | float | bool | None:
    """Return what a scalar without quotes means; to YAML 1.2 and Go, `yes` and `on` are texts."""
    if plain in _NULL:
        return None
    if plain in _BOOL:
        return _BOOL[plain]
    if _NUMBER.fullmatch(plain):
        for kind in (int, float):
            with contextlib.suppress(ValueError):
                # `1.10` is a version, and `007` a name: what would not come back is a text.
                if str(number := kind(plain)) == plain:
                    return number
    return plain


def flow(value: Any) -> str:
    """Write a value in one line; JSON is YAML, and files in JSON stay that."""
    text = json.dumps(value, ensure_ascii=False)
    return _FOREIGN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def scalar(value: Any) -> str:
    """Write a value that has nothing inside, without quotes where it needs none."""
    return flow(value) if isinstance(value, dict | list) else block(value)


def block(value: Any) -> str:
    """Write a value in lines, from column 0; no line end at the end."""
    import yaml

    text = str(
        yaml.dump(
            value,
            Dumper=_dumper(),
            sort_keys=False,
            default_flow_style=False,
            allow_unicode=True,
            width=float("inf"),
        )
    )
    return text.removesuffix("\n").removesuffix("\n...")


@functools.cache
def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts so that neither YAML 1.1 nor 1.2 takes them for something else."""

        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
            return True

    def text(dumper: Any, data: str) -> Any:
        plain = data.isprintable() and resolved(data) == data and not _LIKE_A_NUMBER.fullmatch(data)
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=None if plain else '"')

    Dumper.add_representer(str, text)
    return Dumper

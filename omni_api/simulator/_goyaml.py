"""YAML as Go's yaml.v3 writes and reads it: four spaces, indented lists, no surprising types.

Omni's answers are compared byte for byte (a schematic's id is the hash of its YAML), and PyYAML
cannot be talked into that layout; so the writing is done here and only the question "would this
plain text be read back as a string?" is left to PyYAML's resolver. Reading is PyYAML's, with the
differences to Go taken out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

_RESOLVER = yaml.SafeLoader("")
_STRING_TAG = "tag:yaml.org,2002:str"
_SPECIAL_START = tuple("!&*-?|>@`%#,[]{}\"' ")


class GoLoader(yaml.SafeLoader):
    """Refuses a key given twice; keeps dates, `yes` and `off` as text, as Go does."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - PyYAML's signature
    ) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f'mapping key "{key.value}" already defined', key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


GoLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)
GoLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if first in "tTfF" or "bool" not in tag]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str | bytes) -> Any:
    """Read the first document, as Go's decoder does; None when there is none.

    Raises:
        YamlError: With a text in Go's manner.
    """
    try:
        return GoLoader(text).get_data()
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise YamlError(reason(error)) from error


def is_empty(text: str | bytes) -> bool:
    """Is there no document at all, not even `null`? To be asked of what `load` could read."""
    return not GoLoader(text).check_node()


class YamlError(Exception):
    """The text is not YAML."""


def reason(error: Exception) -> str:
    """`yaml: line 3: …`, with PyYAML's words for the problem."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"yaml: line {error.problem_mark.line + 1}: {error.problem}"
    if isinstance(error, RecursionError):
        return "yaml: document contains excessive aliasing"
    return f"yaml: {error}"


def dump(value: Any) -> str:
    """Write `value`; mappings keep their order, an empty mapping is `{}`."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _entry(f"{_scalar(key)}:", item, "    ")
    elif _is_list(value) and value:
        for item in value:
            # A mapping in a list starts on the dash's own line, its other keys below the first.
            first, *rest = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" if line else "" for line in rest)
    else:
        yield from _scalar(value).split("\n")


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if (isinstance(value, Mapping) or _is_list(value)) and value:
        yield head
        yield from (f"{indent}{line}" if line else "" for line in _lines(value))
    elif isinstance(value, str) and "\n" in value and not value.startswith((" ", "\n")):
        yield f"{head} |{_chomping(value)}"
        text = value.removesuffix("\n") if value.endswith("\n") else value
        yield from (f"{indent}{line}" if line else "" for line in text.split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _chomping(text: str) -> str:
    if text.endswith("\n\n"):
        return "+"
    return "" if text.endswith("\n") else "-"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{}"
    if _is_list(value):
        return "[]"
    # Null, true, false and numbers look the same in JSON; bytes and sets are never asked for.
    return json.dumps(value, default=str)


def _text(text: str) -> str:
    if not text or _reads_as_another_type(text) or not text.isprintable():
        return json.dumps(text, ensure_ascii=False)
    if text.startswith(_SPECIAL_START) or text.endswith((" ", ":")) or ": " in text or " #" in text:
        return "'" + text.replace("'", "''") + "'"
    return text


# What Go takes for a number or an old boolean and PyYAML does not.
_ALSO_ANOTHER_TYPE = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|0o[0-7]+|[yYnN]")


def _reads_as_another_type(text: str) -> bool:
    if _ALSO_ANOTHER_TYPE.fullmatch(text):
        return True
    tag: str = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return tag != _STRING_TAG

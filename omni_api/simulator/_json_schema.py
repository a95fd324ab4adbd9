"""JSON Schema violations, flattened and worded as the Go library behind Omni words them.

Checking is left to `jsonschema`. That library reports a flat stream of errors with paths; the Go
library builds a tree, adds an entry for every group of errors below the root, and Omni flattens
that tree, group entries included. So the tree is rebuilt here from the paths.
"""

from __future__ import annotations

import ast
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import jsonschema.validators
import referencing.exceptions
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

from omni_api.simulator import _goyaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_NAMED = {
    "properties",
    "patternProperties",
    "prefixItems",
    "allOf",
    "anyOf",
    "oneOf",
    "dependentSchemas",
}
"""Keywords whose subschemas are one step further down, under a name or number."""
_OF_PARTS = {
    "properties",
    "patternProperties",
    "additionalProperties",
    "items",
    "additionalItems",
    "prefixItems",
}
"""Keywords that apply a subschema to each member or item rather than to the value itself."""


class SchemaError(ValueError):
    """The schema or the data cannot be used at all."""


@attrs.frozen
class Violation:
    schema_path: str
    data_path: str
    cause: str


def violations(schema_text: str, data_text: str) -> list[Violation]:
    """Check `data_text` (YAML or JSON; empty is `{}`) against a schema in JSON."""
    # The real server resolves the schema's name against its working directory, and says so.
    document = (Path.cwd() / "untitled-schema.json").as_uri()
    url = f"{document}#"
    try:
        schema = json.loads(schema_text)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"failed to unmarshal schema: {error}") from error
    data = _data(data_text) if data_text else {}
    # A registry without retrieval: a `$ref` to the network must not make us fetch anything.
    dialect: Any = jsonschema.Draft202012Validator
    if isinstance(schema, dict):
        dialect = jsonschema.validators.validator_for(schema, default=dialect)
    _check_schema(schema, url, dialect)
    try:
        validator = dialect(schema, registry=REGISTRY)
        entries = _entries(validator.iter_errors(data), 0, _Place(document), schema)
        return list(itertools.chain.from_iterable(entries))
    except (referencing.exceptions.Unresolvable, RecursionError, ValueError) as error:
        raise SchemaError(f'failing loading "{url}": {error}') from error


def _data(text: str) -> Any:
    """JSON first: it is YAML too, but a YAML parser in Python takes its time."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return _plain(_goyaml.load(text))
    except _goyaml.YamlError as error:
        raise SchemaError(str(error)) from error
    except RecursionError as error:  # an alias that contains itself
        raise SchemaError(_goyaml.reason(error)) from error


def _plain(value: Any) -> Any:
    """JSON's keys are strings; YAML's need not be."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _plain(v) for key, v in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _check_schema(schema: Any, url: str, dialect: Any) -> None:
    # Of the formats, the Go library insists on patterns that compile.
    formats = jsonschema.FormatChecker(["regex"])
    metaschema = dialect(dialect.META_SCHEMA, registry=REGISTRY, format_checker=formats)
    try:
        found = list(metaschema.iter_errors(schema))
    except RecursionError as error:
        raise SchemaError(f"failed to compile schema: {error}") from error
    if found:
        name = dialect.META_SCHEMA["$id"].removesuffix("#")
        problems = dict.fromkeys(f"at '{_pointer(e.absolute_path)}': {_cause(e)}" for e in found)
        lines = "".join(f"\n- {problem}" for problem in problems)
        raise SchemaError(
            f'"{url}" is not valid against metaschema: '
            f"jsonschema validation failed with '{name}#'{lines}"
        )


def _entries(errors: Iterable[Any], depth: int, at: _Place, root: Any) -> Iterator[list[Violation]]:
    """Yield what each error of the subschema at `at` becomes; `depth` steps of paths are done."""
    own: list[Any] = []
    through_reference: list[Any] = []
    for error in errors:
        path = error.absolute_schema_path
        # The schema `false` fails without any keyword.
        found_here = len(path) <= depth or not at.refers(path[depth], root)
        target = own if found_here else through_reference
        target.append(error)
    below: dict[tuple[Any, ...], list[Any]] = {}
    for error in own:
        rest = list(error.absolute_schema_path)[depth:]
        if len(rest) > 1:
            below.setdefault(_step(error, rest, at), []).append(error)
        else:
            yield from _leaf(error, depth, at, root)
    all_of: list[Violation] = []
    others: list[list[Violation]] = []
    for (names, value), inner in below.items():
        found = _grouped(inner, depth + len(names), at.below(names, value), root)
        if names[0] == "allOf":
            all_of += found
        else:
            others.append(found)
    if all_of:
        yield [Violation(at.url, _pointer(at.value), "'allOf' failed"), *all_of]
    yield from others
    if through_reference:
        # The library leaves `$ref` out of its paths; the Go library has an entry for it.
        behind = _grouped(through_reference, depth, at.referred(root), root)
        yield [Violation(at.url, _pointer(at.value), "validation failed"), *behind]


def _leaf(error: Any, depth: int, at: _Place, root: Any) -> Iterator[list[Violation]]:
    where = _pointer(error.absolute_path)
    if error.validator == "required":
        # One error per missing property; the name is the first thing in the message.
        name = ast.literal_eval(error.message.removesuffix(" is a required property"))
        yield [Violation(at.url, f"{where}/{_escape(name)}", "property is required")]
        return
    entry = [Violation(at.url, where, _cause(error))]
    for number, branch in _branches(error):
        inner = at.below((error.validator, number), at.value)
        entry += _grouped(branch, depth + 2, inner, root)
    yield entry


def _grouped(errors: list[Any], depth: int, at: _Place, root: Any) -> list[Violation]:
    """The errors of one subschema, with an entry before them when there are several."""
    entries = list(_entries(errors, depth, at, root))
    group = [Violation(at.url, _pointer(at.value), "validation failed")]
    return [*(group if len(entries) > 1 else ()), *itertools.chain.from_iterable(entries)]


@attrs.frozen
class _Place:
    """Where a subschema stands, by URL and way inside, and the value it is applied to."""

    document: str
    path: tuple[str, ...] = ()
    value: tuple[Any, ...] = ()

    @property
    def url(self) -> str:
        return f"{self.document}#{_pointer(self.path)}"

    def below(self, names: Sequence[Any], value: tuple[Any, ...]) -> _Place:
        return attrs.evolve(self, path=(*self.path, *map(str, names)), value=value)

    def refers(self, keyword: Any, root: Any) -> bool:
        """Is `keyword` found behind a `$ref` rather than here?"""
        here = self._subschema(root)
        return isinstance(here, dict) and keyword not in here and "$ref" in here

    def referred(self, root: Any) -> _Place:
        reference = str(self._subschema(root)["$ref"])
        document, _, pointer = reference.partition("#")
        parts = pointer.lstrip("/").split("/") if pointer else []
        names = tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)
        return _Place(document or self.document, names, self.value)

    def _subschema(self, root: Any) -> Any:
        for name in self.path:
            try:
                root = root[int(name)] if isinstance(root, list) else root[name]
            except (KeyError, IndexError, TypeError, ValueError):
                return None
        return root


def _branches(error: Any) -> Iterator[tuple[Any, list[Any]]]:
    """The errors inside `anyOf` and `oneOf`, by alternative."""
    branches: dict[Any, list[Any]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).append(inner)
    yield from branches.items()


def _step(error: Any, rest: Sequence[Any], at: _Place) -> tuple[Any, ...]:
    """Which subschema, applied to which value, an error belongs to."""
    names = tuple(rest[:2] if rest[0] in _NAMED else rest[:1])
    steps = len(at.value) + (names[0] in _OF_PARTS)
    return names, tuple(error.absolute_path)[:steps]


def _pointer(path: Iterable[Any]) -> str:
    return "".join(f"/{_escape(str(part))}" for part in path)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _type_name(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {type(None): "null", int: "number", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def _quoted(values: Iterable[Any]) -> str:
    return ", ".join(
        f"'{value}'" if isinstance(value, str) else json.dumps(value) for value in values
    )


def _cause(error: Any) -> str:
    """One violation in the Go library's words."""
    wanted, got = error.validator_value, error.instance
    match error.validator:
        case "type":
            names = [wanted] if isinstance(wanted, str) else wanted
            return f"got {_type_name(got)}, want {' or '.join(names)}"
        case "enum":
            return f"value must be {'one of ' if len(wanted) > 1 else ''}{_quoted(wanted)}"
        case "const":
            return f"value must be {_quoted([wanted])}"
        case "pattern":
            return f"{_quoted([got])} does not match pattern {_quoted([wanted])}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf":
            return f"{error.validator}: got {json.dumps(got)}, want {json.dumps(wanted)}"
        case (
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
        ):
            return f"{error.validator}: got {len(got)}, want {wanted}"
        case "additionalProperties" | "unevaluatedProperties":
            if wanted is False and isinstance(got, dict):
                known = error.schema.get("properties", {})
                return (
                    f"additional properties {_quoted(k for k in got if k not in known)} not allowed"
                )
        case "allOf" | "anyOf" | "not":
            return f"'{error.validator}' failed"
        case "oneOf":
            return "'oneOf' failed" + (", none matched" if error.context else "")
        case "contains":
            return "no items match contains schema"
        case "uniqueItems":
            return "items are not unique"
        case None:
            return "false schema"
    return str(error.message)

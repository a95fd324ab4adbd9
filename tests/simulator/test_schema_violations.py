"""ValidateJSONSchema lists violations flat, group entries included, in the Go library's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator

SERVICE = "management.ManagementService"
GROUP = "validation failed"
REQUIRED = "property is required"


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


def answer(client: RawClient, schema: Any, data: str) -> tuple[str, str, list[dict[str, str]]]:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    request = {"schema": text, "data": data}
    code, message, responses = client.call(SERVICE, "ValidateJSONSchema", request)
    return code, message, responses[0].get("errors", []) if responses else []


def found(client: RawClient, schema: Any, data: str) -> list[tuple[str, str, str]]:
    """(fragment of the schema's path, path in the data, cause) of each violation."""
    code, message, errors = answer(client, schema, data)
    assert (code, message) == ("OK", "")
    return [
        (one["schema_path"].partition("#")[2], one.get("data_path", ""), one["cause"])
        for one in errors
    ]


@pytest.mark.parametrize(
    ("schema", "data", "cause"),
    [
        ({"type": "string"}, "1", "got number, want string"),
        ({"type": ["string", "null"]}, "true", "got boolean, want string or null"),
        ({"type": "object"}, "[]", "got array, want object"),
        ({"type": "array"}, "null", "got null, want array"),
        ({"enum": ["a"]}, "b", "value must be 'a'"),
        ({"enum": ["a", 1]}, "b", "value must be one of 'a', 1"),
        ({"const": {"a": 1}}, "b", 'value must be {"a": 1}'),
        ({"pattern": "^x"}, "abc", "'abc' does not match pattern '^x'"),
        ({"minimum": 4}, "3", "minimum: got 3, want 4"),
        ({"exclusiveMaximum": 3}, "3", "exclusiveMaximum: got 3, want 3"),
        ({"multipleOf": 2}, "3", "multipleOf: got 3, want 2"),
        ({"maxLength": 1}, "abc", "maxLength: got 3, want 1"),
        ({"minItems": 1}, "[]", "minItems: got 0, want 1"),
        ({"minProperties": 1}, "", "minProperties: got 0, want 1"),
        ({"not": {}}, "1", "'not' failed"),
        ({"contains": {"type": "string"}}, "[1]", "no items match contains schema"),
        ({"uniqueItems": True}, "[1, 1]", "items are not unique"),
        ("false", "1", "false schema"),
        (
            {"additionalProperties": False, "properties": {"a": {}}},
            "a: 1\nb: 2\n3: 4\n",
            "additional properties 'b', '3' not allowed",
        ),
        ({"dependentRequired": {"a": ["b"]}}, "a: 1", "'b' is a dependency of 'a'"),
    ],
)
def test_a_violation_says_what_is_wrong(
    client: RawClient, schema: Any, data: str, cause: str
) -> None:
    assert found(client, schema, data) == [("", "", cause)]


def test_missing_properties_are_named_one_by_one_in_their_group(client: RawClient) -> None:
    schema = {"properties": {"m": {"required": ["x", "a/b~c"]}}}
    assert found(client, schema, "m: {}") == [
        ("/properties/m", "/m", GROUP),
        ("/properties/m", "/m/x", REQUIRED),
        ("/properties/m", "/m/a~1b~0c", REQUIRED),
    ]


def test_each_item_has_a_group_of_its_own(client: RawClient) -> None:
    item = {"properties": {"p": {"type": "string"}, "q": {"type": "string"}}}
    schema = {"properties": {"l": {"items": item}}}
    wrong = "got number, want string"
    assert found(client, schema, "l: [{p: 1, q: 1}, {p: a, q: b}, {p: 2}]") == [
        ("/properties/l", "/l", GROUP),
        ("/properties/l/items", "/l/0", GROUP),
        ("/properties/l/items/properties/p", "/l/0/p", wrong),
        ("/properties/l/items/properties/q", "/l/0/q", wrong),
        ("/properties/l/items/properties/p", "/l/2/p", wrong),
    ]


def test_one_violation_far_below_makes_no_group(client: RawClient) -> None:
    schema: Any = {"properties": {"a": {"additionalProperties": {"patternProperties": {"^x": {}}}}}}
    assert found(client, schema, "a: {b: {x: 1}}") == []
    inner = {"patternProperties": {"^x": {"type": "null"}}}
    schema["properties"]["a"]["additionalProperties"] = inner
    assert found(client, schema, "a: {b: {x: 1, y: 1}}") == [
        (
            "/properties/a/additionalProperties/patternProperties/^x",
            "/a/b/x",
            "got number, want null",
        )
    ]


def test_all_of_has_an_entry_above_its_branches(client: RawClient) -> None:
    schema = {
        "properties": {"z": {"type": "null"}},
        "allOf": [{"required": ["a"]}, {"required": ["b", "c"]}],
    }
    assert found(client, schema, "z: 1") == [
        ("", "", "'allOf' failed"),
        ("/allOf/0", "/a", REQUIRED),
        ("/allOf/1", "", GROUP),
        ("/allOf/1", "/b", REQUIRED),
        ("/allOf/1", "/c", REQUIRED),
        ("/properties/z", "/z", "got number, want null"),
    ]


@pytest.mark.parametrize(
    ("keyword", "cause"), [("anyOf", "'anyOf' failed"), ("oneOf", "'oneOf' failed, none matched")]
)
def test_alternatives_are_all_explained(client: RawClient, keyword: str, cause: str) -> None:
    schema = {keyword: [{"type": "string"}, {"minProperties": 1, "required": ["a"]}]}
    assert found(client, schema, "{}") == [
        ("", "", cause),
        (f"/{keyword}/0", "", "got object, want string"),
        (f"/{keyword}/1", "", GROUP),
        (f"/{keyword}/1", "", "minProperties: got 0, want 1"),
        (f"/{keyword}/1", "/a", REQUIRED),
    ]


def test_two_alternatives_that_both_match_are_a_violation_too(client: RawClient) -> None:
    schema = {"oneOf": [{"type": "integer"}, {"minimum": 0}]}
    assert found(client, schema, "1") == [("", "", "'oneOf' failed")]


def test_a_reference_has_an_entry_and_its_violations_stand_where_it_leads(
    client: RawClient,
) -> None:
    schema = {
        "$defs": {"a/b": {"required": ["x", "y"]}},
        "properties": {"p": {"$ref": "#/$defs/a~1b"}},
    }
    assert found(client, schema, "p: {}") == [
        ("/properties/p", "/p", GROUP),
        ("/$defs/a~1b", "/p", GROUP),
        ("/$defs/a~1b", "/p/x", REQUIRED),
        ("/$defs/a~1b", "/p/y", REQUIRED),
    ]
    listed = {"prefixItems": [{"type": "string"}, {"$ref": "#/prefixItems/0"}]}
    assert found(client, listed, "[a, 2]") == [
        ("/prefixItems/1", "/1", GROUP),
        ("/prefixItems/0", "/1", "got number, want string"),
    ]


def test_an_older_draft_is_read_by_its_own_rules(client: RawClient) -> None:
    draft = "http://json-schema.org/draft-07/schema#"
    schema = {"$schema": draft, "items": [{"type": "string"}], "additionalItems": {"type": "null"}}
    assert found(client, schema, "[1, 2]") == [
        ("/items/0", "/0", "got number, want string"),
        ("/additionalItems", "/1", "got number, want null"),
    ]
    code, message, _ = answer(client, {"$schema": draft, "pattern": "("}, "")
    assert code == "UNKNOWN"
    assert f"failed with '{draft}'\n- at '/pattern': " in message


@pytest.mark.parametrize(
    ("schema", "data", "message"),
    [
        ("{not json", "", "failed to unmarshal schema: "),
        ("[" * 100_000, "", "failed to unmarshal schema: "),
        ({"type": 5}, "", 'untitled-schema.json#" is not valid against metaschema: '),
        ({"properties": {"x": {"pattern": "("}}}, "", "- at '/properties/x/pattern': "),
        ({"$ref": "http://nowhere.example/x"}, "", 'failing loading "file:///'),
        ({"$ref": "#"}, "", 'failing loading "file:///'),
        ({}, "a: [", "yaml: line 1: "),
        ({}, "a: &a [*a]", "yaml: document contains excessive aliasing"),
        ({}, "a: 1\na: 2\n", 'yaml: line 2: mapping key "a" already defined'),
    ],
)
def test_what_cannot_be_used_at_all_is_unknown(
    client: RawClient, schema: Any, data: str, message: str
) -> None:
    code, text, _ = answer(client, schema, data)
    assert code == "UNKNOWN"
    assert message in text

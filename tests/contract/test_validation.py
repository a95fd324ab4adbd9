"""ValidateConfig and ValidateJSONSchema: what passes, what is wrong, and how that is said."""

from __future__ import annotations

from typing import Any

import pytest

from omni_api import CallError, InvalidArgumentError, InvalidInputError, UnknownError
from omni_api.simulator import Simulator

GOOD = "machine:\n  network:\n    hostname: node-1\n"


@pytest.mark.parametrize("config", [GOOD, "machine:\n  kubelet:\n    $patch: delete\n"])
def test_a_good_patch_is_answered_with_nothing(omni: Any, config: str) -> None:
    assert omni.management.validate_config(config=config) is None


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ("", "config not found"),
        ("{}", "config not found"),
        ("just text", "expected a YAML document"),
        ("machine:\n  bogus: 1\n", "unknown keys found during decoding:\nmachine:\n    bogus: 1"),
        ("machine: {type: worker}", 'overriding "machine.type" is not allowed'),
        ("cluster: {clusterName: other}", 'overriding "cluster.clusterName" is not allowed'),
        ("apiVersion: v1alpha1\nkind: NopeConfig\n", "not registered"),
    ],
)
def test_a_bad_patch_is_an_invalid_argument_that_lists_the_problems(
    omni: Any, config: str, text: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        omni.management.validate_config(config=config)
    assert text in caught.value.details
    assert not caught.value.outcome_unknown


def test_a_valid_document_has_no_violations(omni: Any) -> None:
    answer = omni.management.validate_json_schema(
        data="name: talos\nport: 80\n",
        schema='{"required": ["name"], "properties": {"port": {"type": "integer"}}}',
    )
    assert answer.errors == ()


def test_violations_are_a_normal_answer_listed_flat(omni: Any) -> None:
    answer = omni.management.validate_json_schema(
        data="port: many\n",
        schema='{"required": ["name"], "properties": {"port": {"type": "integer"}}}',
    )
    missing = [error for error in answer.errors if error.cause == "property is required"]
    assert [error.data_path for error in missing] == ["/name"]
    assert "/port" in {error.data_path for error in answer.errors}
    assert all(error.errors == () for error in answer.errors)
    assert all("#" in error.schema_path for error in answer.errors)


def test_empty_data_is_an_empty_object(omni: Any) -> None:
    answer = omni.management.validate_json_schema(data="", schema='{"required": ["a"]}')
    assert [error.data_path for error in answer.errors] == ["/a"]


@pytest.mark.parametrize(
    ("data", "schema"),
    [("{}", "{not json"), ("a: [", "{}"), ("{}", f'{{"x": "{"y" * 1_000_000}"}}')],
)
def test_what_cannot_be_read_is_unknown(omni: Any, data: str, schema: str) -> None:
    with pytest.raises(UnknownError) as caught:
        omni.management.validate_json_schema(data=data, schema=schema)
    assert isinstance(caught.value, CallError)
    assert caught.value.details


@pytest.mark.parametrize("config", [None, b"bytes", "\ud800"])
def test_what_is_no_text_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, config: Any
) -> None:
    with pytest.raises(InvalidInputError, match="config must be"):
        omni.management.validate_config(config=config)
    assert simulator.calls == []

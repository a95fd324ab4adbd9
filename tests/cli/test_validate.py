"""`omni-api validate`: problems are the answer, and the status says that there are some."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_program import Run

SCHEMA = json.dumps(
    {
        "type": "object",
        "required": ["name"],
        "properties": {"count": {"type": "integer"}, "name": {"type": "string"}},
    }
)


@pytest.fixture
def schema(tmp_path: Path) -> str:
    file = tmp_path / "schema.json"
    file.write_text(SCHEMA)
    return str(file)


def test_a_patch_that_is_right_is_told_so_beside_an_empty_answer(run: Run, tmp_path: Path) -> None:
    patch = tmp_path / "patch.yaml"
    patch.write_text("machine: {network: {hostname: node-1}}\n")
    ended = run("validate", "config", str(patch))
    assert (ended.status, ended.out, ended.err) == (0, "", f"{patch} is valid\n")
    assert run("validate", "config", str(patch), "-o", "json").json == []


def test_every_problem_of_a_patch_has_its_line(run: Run) -> None:
    ended = run("validate", "config", "-", input="machine: {type: worker, token: abc}\n")
    assert ended.status == 1
    assert ended.lines[0] == "PROBLEM"
    assert sorted(ended.lines[1:]) == [
        'overriding "machine.token" is not allowed in the config patch',
        'overriding "machine.type" is not allowed in the config patch',
    ]
    assert "not valid: 2 problems" in ended.err
    assert "abc" not in ended.out + ended.err


def test_programs_get_the_problems_of_a_patch_as_a_list(run: Run) -> None:
    ended = run("validate", "config", "-", "-o", "json", input="- a\n- b\n")
    assert ended.status == 1
    assert ended.json == ["expected a YAML document at line 1"]


def test_a_document_that_fits_its_schema_is_valid(run: Run, schema: str, tmp_path: Path) -> None:
    data = tmp_path / "values.yaml"
    data.write_text("name: a\ncount: 1\n")
    ended = run("validate", "schema", "--schema", schema, "--data", str(data))
    assert (ended.status, ended.out) == (0, "")


def test_violations_are_listed_by_place_without_the_directories_of_the_server(
    run: Run, schema: str
) -> None:
    ended = run("validate", "schema", "--schema", schema, input='{"count": "x"}')
    assert ended.status == 1
    assert ended.lines[0].split() == ["DATA", "PATH", "CAUSE", "SCHEMA", "PATH"]
    assert any(line.startswith("/name ") and "required" in line for line in ended.lines)
    assert any(line.startswith("/count ") for line in ended.lines)
    assert "file://" not in ended.out
    found = run("validate", "schema", "--schema", schema, "-o", "json", input='{"count": "x"}')
    assert {"/name", "/count"} <= {one["data_path"] for one in found.json}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["config", "no-such-file.yaml"], 3, "No such file"),
        (["schema", "--schema", "-", "--data", "-"], 2, "Only one of"),
        (["schema", "--schema", "no-such-file.json"], 3, "cannot read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    run: Run, arguments: list[str], status: int, said: str
) -> None:
    ended = run("validate", *arguments)
    assert ended.status == status
    assert said in ended.err


def test_what_is_no_text_is_refused_without_repeating_it(run: Run, tmp_path: Path) -> None:
    patch = tmp_path / "patch.yaml"
    patch.write_bytes(b"secret: \xff\n")
    ended = run("validate", "config", str(patch))
    assert ended.status == 3
    assert "no text in UTF-8" in ended.err
    assert "secret" not in ended.err


def test_a_schema_that_is_none_is_a_refusal_in_the_servers_words(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "schema.json"
    broken.write_text('{"type": 12}')
    ended = run("validate", "schema", "--schema", str(broken), input="{}")
    assert (ended.status, ended.out) == (1, "")
    assert "not valid against metaschema" in ended.err

"""The generator refuses what it would turn into wrong code, before it writes anything."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grpc_tools")

PROTO = Path(__file__).parents[2] / "proto"
OURS = {file.stem for file in PROTO.glob("*.py")}


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the protos and their annotations, with the generator's modules importable."""
    for file in [*PROTO.glob("*.proto"), PROTO / "methods.toml"]:
        shutil.copy(file, tmp_path)
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(PROTO))
    yield tmp_path
    for name in (set(sys.modules) - before) & OURS:
        del sys.modules[name]


def refusal(copied: Path) -> str:
    """Read and check the copy as the generator does; return why it is refused."""
    contract: Any = importlib.import_module("contract")
    with pytest.raises(contract.ContractError) as caught:
        importlib.import_module("checks").check(contract.read(copied))
    return str(caught.value)


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("rpc ListUsers(google", "rpc ListUsers(stream google", "streams requests"),
        (
            "message CreateUserRequest {",
            "message CreateUserRequest {\n  oneof who { string one = 8; string two = 9; }",
            "CreateUserRequest.one is optional or part of a oneof",
        ),
        (
            "message CreateUserRequest {",
            "message CreateUserRequest {\n  optional string nick = 9;",
            "CreateUserRequest.nick is optional or part of a oneof",
        ),
        (
            "message CreateUserRequest {",
            "message CreateUserRequest {\n  repeated int32 shoes = 9;",
            "CreateUserRequest.shoes is repeated",
        ),
        (
            "message CreateUserRequest {",
            "message CreateUserRequest {\n  double weight = 9;",
            "CreateUserRequest.weight has a type that python_names.py does not know",
        ),
        (
            "message CreateUserRequest {",
            "message CreateUserRequest {\n  string timeout = 9;",
            "'timeout' cannot be the name",
        ),
        (
            "message CreateUserRequest {",
            "message CreateUserRequest {\n  string import = 9;",
            "'import' cannot be the name",
        ),
        (
            "message KubeconfigRequest {",
            "message KubeconfigRequest {\n  string cluster = 99;",
            "takes a cluster in its request and in the metadata",
        ),
        (
            "message CreateUserRequest {",
            "message CreateUserRequest {\n  ListUsersResponse.User like = 9;",
            "ListUsersResponse.User is both sent and answered",
        ),
    ],
    ids=lambda value: value.strip().splitlines()[-1].strip() if isinstance(value, str) else None,
)
def test_a_shape_without_support_is_refused(
    old: str, new: str, expected: str, copied: Path
) -> None:
    replace(copied / "management.proto", old, new)
    assert expected in refusal(copied)


@pytest.mark.parametrize(
    ("table", "old", "new", "expected"),
    [
        ("ListUsers", 'name = "list_users"', 'name = "list users"', "cannot be the name"),
        ("ListUsers", 'name = "list_users"', 'name = "import"', "cannot be the name"),
        ("ListUsers", 'name = "list_users"', 'name = "create_user"', "the same Python name"),
        ("ListUsers", 'role = "Admin"', "role = []", "lets nobody call it"),
        ("ListUsers", 'since = "1.6"', 'since = "yesterday"', "since and until are releases"),
        ("Kubeconfig", '"if break_glass"', '"if grant_type"', "with a bool FIELD"),
        ("Kubeconfig", "payload = []", 'payload = ["kubeconfig"]', "payload is for streams"),
        ("ReadAuditLog", '["audit_log"]', '["id"]', "no text or bytes"),
        ("MachineLogs", "mandatory = []", 'mandatory = ["machine_id"]', "exclude each other"),
        ("MachineLogs", 'deadline = "none"', 'deadline = "default"', 'has deadline = "none"'),
    ],
)
def test_an_annotation_that_contradicts_itself_is_refused(
    table: str, old: str, new: str, expected: str, copied: Path
) -> None:
    file = copied / "methods.toml"
    head, found, tail = file.read_text().partition(f"[management.ManagementService.{table}]")
    assert old in tail.partition("\n[")[0]
    file.write_text(head + found + tail.replace(old, new, 1))
    assert expected in refusal(copied)


def test_the_contract_as_it_stands_is_not_refused(copied: Path) -> None:
    contract: Any = importlib.import_module("contract")
    importlib.import_module("checks").check(contract.read(copied))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('name = "get_resource"\n', "", "the keys are name, changes, retry, role, since"),
        ('name = "get_resource"', 'name = "get_resource"\nstream = "none"', "and no others"),
        (
            'name = "update_resource"\nchanges = "always"\nretry = "never"',
            'name = "update_resource"\nchanges = "always"\nretry = "read"',
            "what changes nothing is retried, what changes is not",
        ),
        ("cosi.resource.State.Get", "cosi.resource.State.Fetch", "rpcs that no proto has"),
    ],
)
def test_an_annotation_of_an_internal_rpc_has_to_be_whole(
    copied: Path, old: str, new: str, expected: str
) -> None:
    replace(copied / "methods.toml", old, new)
    assert expected in refusal(copied)

"""Our messages live in a namespace and a descriptor pool of their own, so nobody collides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from omni_api._gen import _pool, common_pb2, management_pb2

ROOT = Path(__file__).parents[2]
PROTO = ROOT / "proto"

# Both orders of import: whoever comes second must not be refused.
BOTH = """
import sys
sys.path.insert(0, sys.argv[1])
def theirs():
    import common_pb2, management_pb2
    return common_pb2, management_pb2
def ours():
    from omni_api._gen import common_pb2, management_pb2
    return common_pb2, management_pb2
first, second = (theirs, ours) if sys.argv[2] == "theirs first" else (ours, theirs)
pairs = first(), second()
assert pairs[0][0] is not pairs[1][0]
for common, management in pairs:
    data = common.Data(metadata=common.Metadata(hostname="node"), bytes=b"line")
    assert common.Data.FromString(data.SerializeToString()) == data
    assert data.DESCRIPTOR.full_name == "common.Data"
    users = management.ListUsersResponse()
    users.users.add(email="a@example.org", saml_labels={"a": "b"})
    assert management.ListUsersResponse.FromString(users.SerializeToString()) == users
(a, _), (b, _) = pairs
assert type(a.Data()) is not type(b.Data())
assert a.Data.DESCRIPTOR.file.pool is not b.Data.DESCRIPTOR.file.pool
from omni_api._gen import models
print(models.User.from_proto(pairs[0][1].ListUsersResponse.User(email="a@example.org")).email)
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Modules that somebody else made of protos with the same names, with plain protoc."""
    grpc_tools = pytest.importorskip("grpc_tools")
    from grpc_tools import protoc

    target = tmp_path_factory.mktemp("theirs")
    code = protoc.main(
        [
            "protoc",
            f"-I{PROTO}",
            f"-I{Path(grpc_tools.__file__).parent / '_proto'}",
            f"--python_out={target}",
            *sorted(file.name for file in PROTO.glob("*.proto")),
        ]
    )
    assert code == 0
    return target


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("order", ["theirs first", "ours first"])
def test_modules_of_somebody_else_with_the_same_names_work_beside_ours(
    theirs: Path, order: str
) -> None:
    assert (theirs / "common_pb2.py").exists()
    assert run(BOTH, str(theirs), order) == "a@example.org"


def test_importing_both_packages_adds_no_top_level_module_but_them() -> None:
    code = """
import sys, pathlib
import omni_api, omni_api_async
for name in omni_api.__all__:
    getattr(omni_api, name), getattr(omni_api_async, name)
from omni_api._gen import cosi_pb2, management, resources_pb2, specs_pb2
root = str(pathlib.Path.cwd())
files = {n: getattr(m, "__file__", None) or "" for n, m in sys.modules.items() if "." not in n}
print(sorted(n for n, f in files.items() if f.startswith(root + "/omni") or n.endswith("_pb2")))
"""
    assert run(code) == "['omni_api', 'omni_api_async']"


def test_nothing_of_ours_is_in_the_pool_that_all_share() -> None:
    code = """
import google.protobuf.descriptor_pool as pools
from omni_api._gen import auth_pb2, common_pb2, cosi_pb2, management_pb2, resources_pb2
shared = pools.Default()
found = []
for module in (auth_pb2, common_pb2, cosi_pb2, management_pb2, resources_pb2):
    try:
        found.append(shared.FindFileByName(module.DESCRIPTOR.name).name)
    except KeyError:
        pass
print(found)
"""
    assert run(code) == "[]"


def test_our_modules_share_one_pool_with_the_well_known_types() -> None:
    pool = management_pb2.DESCRIPTOR.pool
    assert common_pb2.DESCRIPTOR.pool is pool
    stamp = _pool.message_class("google.protobuf.Timestamp")
    assert stamp.DESCRIPTOR.file.pool is pool
    field = management_pb2.CreateJoinTokenRequest.DESCRIPTOR.fields_by_name["expiration_time"]
    assert field.message_type is stamp.DESCRIPTOR

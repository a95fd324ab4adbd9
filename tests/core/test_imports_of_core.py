"""The decisions are free of I/O: what `_core` may not import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import omni_api

CORE = Path(omni_api.__file__).parent / "_core"
FILES = sorted(CORE.glob("*.py"))
FORBIDDEN = {
    "asyncio", "concurrent", "http", "multiprocessing", "os", "pathlib", "pysequoia", "requests",
    "select", "selectors", "signal", "socket", "ssl", "subprocess", "threading", "urllib", "yaml",
}  # fmt: skip
# A flow may name a status code of gRPC; nothing else of it.
ALLOWED_OF_GRPC = {"StatusCode"}


def _imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where something comes from"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _attributes_of(name: str, tree: ast.AST) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    }


def test_there_is_a_core_to_look_at() -> None:
    assert {"flow.py", "retry.py", "signing.py", "dates.py"} <= {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_a_file_of_the_core_imports_nothing_that_waits_or_talks(file: Path) -> None:
    imported = _imported(ast.parse(file.read_text()))
    assert not {name for name in imported if name.partition(".")[0] in FORBIDDEN}
    assert not {name for name in imported if name.startswith(("grpc.", "omni_api_async"))}
    assert not {
        name for name in imported if name.startswith(("omni_api._driver", "omni_api._chan"))
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_a_file_of_the_core_uses_grpc_for_its_codes_only(file: Path) -> None:
    assert _attributes_of("grpc", ast.parse(file.read_text())) <= ALLOWED_OF_GRPC


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_a_file_of_the_core_neither_waits_nor_reads_files(file: Path) -> None:
    tree = ast.parse(file.read_text())
    assert "sleep" not in _attributes_of("time", tree)
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"open", "input", "print", "exec", "eval"}
    assert not any(isinstance(node, ast.Await | ast.AsyncFunctionDef) for node in ast.walk(tree))

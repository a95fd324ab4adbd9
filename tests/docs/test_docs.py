"""What the documentation says is so: its examples run, its links lead somewhere, its tables fit."""

from __future__ import annotations

import configparser
import doctest
import itertools
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pysequoia
import pytest
from cli_program import options_of_program, parsed
from pages import CONFIGS, MORE_PAGES, PAGES, ROOT, Block, blocks, help_of, name_of, rows
from snippets import Session

from omni_api import OmniClient
from omni_api._core.call import Method
from omni_api._core.retry import PASSING
from omni_api._gen.models import Identity, PublicKey
from omni_api._gen.table import METHODS
from omni_api.errors import BY_CODE
from omni_api.simulator import Simulator

TEST_MODULE = "# test_automation.py\n"
CHECKER = doctest.OutputChecker()
COMMANDS = (
    "omni_api.simulator",
    "omni_api.audit",
    "benchmarks",
    "benchmarks.export_memory",
    "benchmarks.flood",
)


# ---- Python ------------------------------------------------------------------------------------


@pytest.fixture
def _factory(simulator: Simulator) -> Iterator[None]:
    with simulator.image_factory():
        yield


@pytest.fixture
def _reader(
    simulator: Simulator, _factory: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A reader with a key in the environment, and one of an earlier login in the home directory.

    The current directory has a file of the audit daemon.
    """
    for name in ("SIDERO_SERVICE_ACCOUNT_KEY", "OMNI_CA_FILE", "OMNICONFIG", "TALOS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("SIDEROV1_KEYS_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name, value in simulator.environment().items():
        monkeypatch.setenv(name, value)
    identity = "admin@example.org"
    key = pysequoia.Tsk.generate(
        user_id=f"omnictl v1.10.4 (linux/amd64) <{identity}>", validity_seconds=4 * 60 * 60
    )
    with OmniClient(simulator.endpoint) as unsigned:
        registered = unsigned.auth.register_public_key(
            public_key=PublicKey(pgp_data=str(key.extract_certificate()).encode()),
            identity=Identity(email=identity),
        )
    simulator.confirm_login(registered.public_key_id)
    config = tmp_path / ".talos" / "omni" / "config"
    config.parent.mkdir(parents=True)
    config.write_text(
        "context: default\ncontexts:\n  default:\n"
        f"    url: {simulator.endpoint}\n    auth: {{siderov1: {{identity: {identity}}}}}\n"
    )
    (tmp_path / "audit-log-20261124T000013Z-815.jsonl").write_text(
        '{"event_type":"create","resource_type":"Clusters.omni.sidero.dev","resource_id":"prod",'
        '"event_data":{"session":{"email":"ana@example.org"}},"event_ts":1795478413000}\n'
        "no event\n"
    )
    keys = tmp_path / ".talos" / "keys"
    keys.mkdir()
    (keys / f"default-{identity}.pgp").write_text(str(key))


@pytest.mark.usefixtures("_reader")
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.language == "python" for block in blocks(page))],
    ids=name_of,
)
def test_the_examples_of_a_page_run_and_print_what_it_says(page: Path) -> None:
    found = [block for block in blocks(page) if block.language in {"python", "text"}]
    with Session() as session:
        for block, after in itertools.zip_longest(found, found[1:]):
            if block.language == "text" or block.text.startswith(TEST_MODULE):
                continue
            # Empty lines in front, so that a traceback shows the line of the page.
            source = "\n" * (block.line - 1) + block.text
            printed = session.run(source, where=str(page))
            if after is not None and after.language == "text":
                _compare(after, printed)


def _compare(block: Block, printed: str) -> None:
    if not CHECKER.check_output(block.text, printed, doctest.ELLIPSIS):
        example = doctest.Example("", block.text)
        difference = CHECKER.output_difference(example, printed, doctest.ELLIPSIS)
        pytest.fail(f"{block}:\n{difference}")


@pytest.mark.parametrize("page", [*PAGES, *MORE_PAGES], ids=name_of)
def test_every_block_is_of_a_kind_that_is_checked(page: Path) -> None:
    before = ""
    for block in blocks(page):
        assert block.language in {"python", "text", "sh", *CONFIGS}, block
        assert block.language != "text" or before == "python", f"{block}: output of what?"
        assert block.language != "python" or page in PAGES, f"{block} is not run"
        before = block.language


@pytest.mark.parametrize(
    "block",
    [
        block
        for page in PAGES
        for block in blocks(page)
        if block.language == "python" and block.text.startswith(TEST_MODULE)
    ],
    ids=str,
)
def test_a_test_module_for_users_passes(block: Block, tmp_path: Path) -> None:
    (tmp_path / "test_automation.py").write_text(block.text)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_first_example_of_the_readme_prints_a_result_in_ten_lines() -> None:
    first, output, twin, same_output, *_ = (
        block for block in blocks(ROOT / "README.md") if block.language in {"python", "text"}
    )
    assert (first.language, output.language) == ("python", "text")
    assert len(first.text.splitlines()) <= 10
    assert "omni_api_async" in twin.text
    assert len(twin.text.splitlines()) <= 10
    assert same_output.text == output.text


# ---- Commands ----------------------------------------------------------------------------------


def commands() -> Iterator[tuple[Block, list[str]]]:
    """Every command of every `sh` block, split into words."""
    for page in [*PAGES, *MORE_PAGES]:
        for block in blocks(page):
            if block.language == "sh":
                for line in block.text.splitlines():
                    for command in re.split(r"[;|]|&&", line):
                        if words := shlex.split(command.rstrip(" &"), comments=True):
                            yield block, words


def options_of(module: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", help_of(module)))


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_the_commands_of_the_pages_exist() -> None:
    # What a shell has by itself.
    known = {"do", "done", "export", "for", "set", "sleep", "source", "until", "."}
    for block, words in commands():
        match words:
            case ["make", target]:
                assert target in make_targets(), block
            case [program, "install", name] if Path(program).name == "pip":
                name, _, extra = name.rstrip("]").partition("[")
                assert name == _metadata()["metadata"]["name"], block
                assert not extra or extra in _metadata()["options.extras_require"], block
            case ["python", "-m", module, *options] if module in COMMANDS:
                for option in options:
                    assert option[:1] != "-" or option in options_of(module), block
            case ["omni-api", *words]:
                assert parsed(words).command.name, block
            case ["docker" | "kubectl" | "systemctl", *words]:
                for path in (word for word in words if word.startswith("docs/")):
                    assert (ROOT / path).exists(), block
            case ["python", "-m", "venv", _]:
                pass
            case [".ci/run"]:
                assert os.access(ROOT / ".ci" / "run", os.X_OK), block
            case [first, *_]:
                assert first in known, f"{block}: what is {first}?"


@pytest.mark.parametrize("page", [*PAGES, *MORE_PAGES], ids=name_of)
def test_targets_and_options_named_in_the_text_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z]+)`", text):
        assert target in make_targets()
    for option in re.findall(r"`(--[a-z0-9-]+)", text):
        known = (options_of_program(), *map(options_of, COMMANDS))
        assert any(option in options for options in known), option


@pytest.mark.parametrize(
    ("module", "guide"),
    [("omni_api.simulator", "testing-offline.md"), ("omni_api.audit", "audit-daemon.md")],
)
def test_the_guide_of_a_command_lists_its_options(module: str, guide: str) -> None:
    text = (ROOT / "docs" / "guides" / guide).read_text(encoding="utf-8")
    for option in options_of(module) - {"--help"}:
        assert not option.startswith("--") or f"| `{option}" in text


def test_configurations_can_be_read_and_say_something() -> None:
    for page in [*PAGES, *MORE_PAGES]:
        for block in blocks(page):
            if block.language in CONFIGS:
                assert CONFIGS[block.language](block.text), block


# ---- Links and tables --------------------------------------------------------------------------


def links(page: Path) -> Iterator[str]:
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    yield from re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *MORE_PAGES], ids=name_of)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in links(page):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_found_from_the_map() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    assert set(PAGES) - {index} <= linked


@pytest.mark.parametrize("page", [*PAGES, *MORE_PAGES], ids=name_of)
def test_files_named_in_the_text_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:omni_api|omni_api_async|proto|docs|tests)/[\w./*-]*)`", text):
        assert list(ROOT.glob(name.rstrip("/"))), name


def test_the_reference_says_of_every_method_what_the_table_says() -> None:
    page = ROOT / "docs" / "reference" / "methods.md"
    listed = rows(page, "| method | role | changes? | retried? | stream | since |")
    order = ("management", "auth")
    methods = sorted(METHODS, key=lambda method: order.index(method.path[1:].split(".")[0]))
    assert listed == [_row(method) for method in methods]


def _row(method: Method[Any]) -> list[str]:
    notes = _notes()[method.path]
    changes, stream = notes["changes"], notes["stream"]
    assert method.stream == (stream != "none")
    role = method.role
    if isinstance(role, tuple):
        role = f"exactly {', '.join(role[:-1])} or {role[-1]}"
    return [
        f"`{method.name}`",
        {"signed": "any", "unsigned": "not signed"}.get(role, role),
        re.sub(r"(\w+) (\w+)", _argument, changes)
        if " " in changes
        else {"never": "no", "always": "yes"}[changes],
        "no"
        if method.retry == "never"
        else "yes"
        if changes == "never"
        else "if it changes nothing",
        "no" if stream == "none" else re.sub(r"live if (\w+)", r"bulk, live with `\1`", stream),
        f"{method.since} only" if method.until == method.since else method.since,
    ]


def _argument(found: re.Match[str]) -> str:
    return f"{'with' if found[1] == 'if' else 'without'} `{found[2]}`"


@cache
def _notes() -> dict[str, dict[str, Any]]:
    """The annotations that the generator reads, by path."""
    notes = tomllib.loads((ROOT / "proto" / "methods.toml").read_text(encoding="utf-8"))
    return {
        f"/{package}.{service}/{rpc}": table
        for package, service in (("management", "ManagementService"), ("auth", "AuthService"))
        for rpc, table in notes[package][service].items()
    }


def test_the_readme_names_class_and_retry_of_every_code() -> None:
    listed = rows(ROOT / "README.md", "| gRPC code | class | retried? | what to do |")
    assert [row[:3] for row in listed] == [
        [code.name, f"`{kind.__name__}`", "reads" if code in PASSING else "no"]
        for code, kind in BY_CODE.items()
    ]


def test_the_readme_names_the_versions_that_the_package_declares() -> None:
    listed = dict(row[:2] for row in rows(ROOT / "README.md", "| what | versions |"))
    declared = _metadata()["options"]
    needs = dict(line.split(" >=") for line in declared["install_requires"].split("\n") if line)
    assert listed["Python"].startswith(declared["python_requires"].removeprefix(">="))
    assert listed["protobuf"].startswith(needs["protobuf"])
    assert listed["grpcio"].startswith(needs["grpcio"])


def _metadata() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser

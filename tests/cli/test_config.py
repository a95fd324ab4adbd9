"""Contexts of the omniconfig are managed without a server and without a key."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_program import Ended, Run

OFFLINE = {"OMNI_ENDPOINT": None, "OMNI_SERVICE_ACCOUNT_KEY": None}
MINE = """\
# my Omnis
context: prod
contexts:
    prod:
        url: https://omni.example.com   # the real one
        auth:
            siderov1:
                identity: ana@example.com
    test:
        url: https://test.example.com
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "omniconfig.yaml"
    file.write_text(MINE)
    return file


@pytest.fixture
def config(run: Run, file: Path) -> Any:
    def config(*arguments: str, **options: Any) -> Ended:
        return run("config", *arguments, "--omniconfig", str(file), env=OFFLINE, **options)

    return config


def test_contexts_are_listed_with_a_star_at_the_selected_one(config: Any) -> None:
    assert [line.split() for line in config("contexts").lines] == [
        ["CURRENT", "NAME", "URL"],
        ["*", "prod", "https://omni.example.com"],
        ["test", "https://test.example.com"],
    ]
    assert config("contexts", "-o", "name").lines == ["prod", "test"]
    assert config("ls", "-o", "json").json[0]["identity"] == "ana@example.com"


def test_the_selected_context_is_shown_or_another_one(config: Any) -> None:
    assert config("info").lines == [
        "Current context:  prod",
        "URL:              https://omni.example.com",
        "Identity:         ana@example.com",
    ]
    assert config("info", "--context", "test", "-o", "json").json["name"] == "test"


@pytest.mark.parametrize("verb", ["context", "use", "use-context"])
def test_another_context_is_selected(config: Any, file: Path, verb: str) -> None:
    ended = config(verb, "test")
    assert (ended.status, ended.out) == (0, "")
    assert file.read_text() == MINE.replace("context: prod", "context: test")


def test_url_and_identity_are_changed_where_they_stand(config: Any, file: Path) -> None:
    assert config("url", "https://new.example.com").status == 0
    assert config("identity", "ben@example.com", "--context", "test").status == 0
    text = MINE.replace("omni.example.com ", "new.example.com ")
    assert file.read_text().startswith(text)
    found = yaml.safe_load(file.read_text())
    assert found["contexts"]["test"]["auth"] == {"siderov1": {"identity": "ben@example.com"}}


def test_contexts_are_added_and_removed(config: Any, file: Path) -> None:
    ended = config("add", "new", "--url", "https://new.example.com", "--identity", "ana@a")
    assert ended.status == 0
    assert "config use new" in ended.err
    assert "is selected" not in config("remove", "new").err
    assert file.read_text() == MINE
    assert "select another" in config("remove", "prod").err
    assert config("info").status == 2


def test_the_first_context_makes_the_file(run: Run, tmp_path: Path) -> None:
    assert run("config", "contexts", env=OFFLINE).status == 2
    assert not list(tmp_path.iterdir())
    assert run("config", "add", "a", "--url", "https://a.example.com", env=OFFLINE).status == 0
    file = tmp_path / ".talos" / "omni" / "config"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("config", "contexts", env=OFFLINE).lines[1].split() == [
        "*", "a", "https://a.example.com",
    ]  # fmt: skip


def test_a_new_file_has_the_official_defaults_and_replaces_none(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("config", "new", env=OFFLINE).status == 0
    assert yaml.safe_load(Path("omniconfig").read_text()) == {
        "context": "default", "contexts": {"default": {"url": "grpc://127.0.0.1:8080"}},
    }  # fmt: skip
    assert "already exists" in run("config", "new", env=OFFLINE).err


def test_another_omniconfig_is_merged_under_free_names(config: Any, file: Path) -> None:
    other = "context: prod\ncontexts:\n  prod:\n    url: https://b.example.com\n"
    ended = config("merge", "-", input=other)
    assert ended.status == 0
    assert "renamed omniconfig context prod -> prod-1" in ended.err
    assert yaml.safe_load(file.read_text())["context"] == "prod-1"
    assert config("merge", str(file.parent / "lost")).status == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["use", "lost"], "context not found: lost"),
        (["remove", "lost"], "context not found: lost"),
        (["info", "--context", "lost"], "context not found: lost"),
        (["add", "prod"], "context already exists: prod"),
        (["url", "ftp://a"], "https://HOST"),
    ],
)
def test_a_mistake_is_told_and_changes_nothing(
    config: Any, file: Path, arguments: list[str], said: str
) -> None:
    ended = config(*arguments)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
    assert file.read_text() == MINE


@pytest.mark.parametrize("line", ["config use ", "user list --context "])
def test_names_of_contexts_are_completed_without_a_server(run: Run, file: Path, line: str) -> None:
    words = f"omni-api {line}t"
    env = {"_OMNI_API_COMPLETE": "bash_complete", "COMP_WORDS": words, "OMNICONFIG": str(file)}
    ended = run(env={**OFFLINE, **env, "COMP_CWORD": str(len(words.split(" ")) - 1)})
    assert ended.out.split() == ["plain,test"]

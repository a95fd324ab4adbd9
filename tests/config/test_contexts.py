"""Contexts of an omniconfig are listed and altered without a key; nothing else in it changes."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from omni_api import ConfigurationError, InvalidInputError
from omni_api.config import from_omniconfig
from omni_api.omniconfig import Context, Omniconfig

MINE = """\
# my Omnis
context: prod   # for now
contexts:
    prod:
        url: "https://omni.example.com"
        auth:
            basic: old   # ignored
            siderov1:
                identity: ana@example.com
    on:
        url: https://test.example.com
    empty: ~
"""


@pytest.fixture
def file(tmp_path: Path) -> Omniconfig:
    (tmp_path / "config").write_text(MINE)
    return Omniconfig(tmp_path / "config")


def test_contexts_are_listed_as_the_official_tool_reads_them(file: Omniconfig) -> None:
    url = "https://omni.example.com"
    assert file.contexts() == (
        Context(name="prod", url=url, identity="ana@example.com", selected=True),
        Context(name="on", url="https://test.example.com", identity="", selected=False),
        Context(name="empty", url="", identity="", selected=False),
    )
    assert file.context() == file.context("prod") == file.contexts()[0]


@pytest.mark.parametrize(
    ("alter", "old", "new"),
    [
        (lambda file: file.select("on"), "context: prod ", "context: 'on' "),
        (lambda file: file.select("empty"), "context: prod ", "context: empty "),
        (lambda file: file.set_url("grpc://b"), '"https://omni.example.com"', "grpc://b"),
        (lambda file: file.set_url("grpc://b", "on"), "https://test.example.com", "grpc://b"),
        (lambda file: file.set_identity("ben@example.com"), "ana@", "ben@"),
        (lambda file: file.remove("empty"), "    empty: ~\n", ""),
        (lambda file: file.select("prod"), "", ""),
    ],
)
def test_what_is_altered_is_altered_alone(
    file: Omniconfig, alter: Callable[[Omniconfig], None], old: str, new: str
) -> None:
    alter(file)
    assert file.path.read_text() == MINE.replace(old, new)


def test_a_context_without_anything_can_be_given_everything(file: Omniconfig) -> None:
    file.set_identity("ana@example.com", "empty")
    file.set_url("https://empty.example.com", "empty")
    found = file.context("empty")
    assert (found.identity, found.url) == ("ana@example.com", "https://empty.example.com")


def test_the_first_context_of_a_new_file_is_selected_and_nobody_else_can_read_it(
    tmp_path: Path,
) -> None:
    file = Omniconfig(environ={"HOME": str(tmp_path)})
    assert file.path == tmp_path / ".talos" / "omni" / "config"
    assert file.add("a", url="https://a", identity="ana@example.com").selected
    assert not file.add("b", url="https://b").selected
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    with pytest.raises(ConfigurationError, match="no key of ana@example.com"):
        from_omniconfig(file.path, environ={"HOME": str(tmp_path)})


def test_without_the_context_that_was_selected_none_is(file: Omniconfig) -> None:
    file.remove("prod")
    with pytest.raises(ConfigurationError, match="selects no context"):
        file.context()
    assert file.add("new", url="https://new").selected


@pytest.mark.parametrize(
    "alter",
    [
        lambda file: file.context("lost"),
        lambda file: file.select("lost"),
        lambda file: file.remove("lost"),
        lambda file: file.set_url("https://a", "lost"),
        lambda file: file.set_identity("a", "lost"),
    ],
)
def test_a_context_that_is_not_there_is_told_with_those_that_are(
    file: Omniconfig, alter: Callable[[Omniconfig], object]
) -> None:
    with pytest.raises(ConfigurationError, match=r"context not found: lost \(.*: prod, on, empty"):
        alter(file)
    assert file.path.read_text() == MINE


@pytest.mark.parametrize("alter", [Omniconfig.contexts, lambda file: file.select("a")])
def test_a_file_that_is_missing_is_told_and_not_made(
    tmp_path: Path, alter: Callable[[Omniconfig], object]
) -> None:
    file = Omniconfig(tmp_path / "deep" / "config")
    with pytest.raises(ConfigurationError, match="add a context to make one"):
        alter(file)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["contexts: [a]\n", "- a\n", "contexts: {\n"])
def test_a_file_that_is_no_omniconfig_is_refused(tmp_path: Path, text: str) -> None:
    file = Omniconfig(tmp_path / "config")
    file.path.write_text(text)
    for alter in (file.contexts, lambda: file.add("a", url="https://a")):
        with pytest.raises(ConfigurationError):
            alter()
    assert file.path.read_text() == text


def test_what_cannot_be_a_context_is_not_added(file: Omniconfig) -> None:
    with pytest.raises(ConfigurationError, match="context already exists: prod"):
        file.add("prod", url="https://a")
    for name, url, identity in ((" ", "https://a", ""), ("a", "a b", "")):
        with pytest.raises(InvalidInputError):
            file.add(name, url=url, identity=identity)
    with pytest.raises(InvalidInputError):
        file.set_url("ftp://a")
    with pytest.raises(InvalidInputError):
        file.set_identity("")
    assert file.path.read_text() == MINE


def test_a_url_with_a_password_is_refused_without_showing_it(tmp_path: Path) -> None:
    mine = Omniconfig(tmp_path / "config")
    with pytest.raises(InvalidInputError) as caught:
        mine.add("prod", url="https://ana:secret@omni.example.com")
    assert "secret" not in str(caught.value)
    assert not list(tmp_path.iterdir())

"""What makes the documentation site, piece by piece. `make docs` builds it, and checks it whole."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
from pages import MORE_PAGES, PAGES, name_of

import omni_api
from docs.website import __main__ as program
from docs.website import check, docstrings, facades, modules, reference, repository, terminal
from omni_api.cli.app import COMMANDS

HOSTS = {
    "age-encryption.org",
    "duckdb.org",
    "github.com",
    "keepachangelog.com",
    "pipx.pypa.io",
    "semver.org",
}
GOOD = (
    "<html><head><title>A</title><meta name='description' content='About A.'></head>"
    "<body><h1 id='a'>A</h1>{}</body></html>"
)


# ---- Pages of the repository -------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A repository with a few pages."""
    for name, text in {
        "README.md": "# R\n\nSee [auth](docs/guides/auth.md#keys).\n\n## Next\n",
        "CONTRIBUTING.md": "# C\n",
        "CHANGELOG.md": "# L\n",
        "LICENSE": "MIT\n",
        "docs/index.md": "# Map\n\n[b](guides/b.md) [auth](guides/auth.md) [r](../README.md)\n",
        "docs/guides/auth.md": "# A\n\n[p](../examples/p.py) [l](../../LICENSE)\n",
        "docs/guides/b.md": "# B\n\n```python\nx = y[0](z.md)\n```\n\n`[c](d.md)` [`e`](auth.md)\n",
        "docs/examples/p.py": "print()\n",
        "docs/notebooks/n.ipynb": json.dumps(
            {"cells": [{"cell_type": "markdown", "source": ["[r]", "(../../README.md)"]}]}
        ),
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_links_of_the_repository_become_links_of_the_site(small: Path) -> None:
    pages = {path: content.decode() for path, content in repository.pages(small).items()}
    assert "[auth](guides/auth.md#keys)" in pages["index.md"]
    assert "[r](index.md)" in pages["map.md"]
    assert "[p](../examples/p.md) [l](../license.txt)" in pages["guides/auth.md"]
    assert json.loads(pages["notebooks/n.ipynb"])["cells"][0]["source"] == "[r](../index.md)"
    assert "literalinclude} p.py" in pages["examples/p.md"]


def test_code_keeps_what_looks_like_a_link(small: Path) -> None:
    page = repository.pages(small)["guides/b.md"].decode()
    assert "x = y[0](z.md)" in page
    assert "`[c](d.md)` [`e`](auth.md)" in page


def test_a_link_to_no_file_is_refused(small: Path) -> None:
    (small / "docs" / "guides" / "auth.md").write_text("[x](nothing.md)")
    with pytest.raises(ValueError, match=r"docs/guides/auth\.md: nothing\.md leads to no file"):
        repository.pages(small)


def test_the_sidebar_has_every_page_once_in_the_order_of_the_map(small: Path) -> None:
    start = repository.pages(small, ["reference/index.rst"])["index.md"].decode()
    trees = re.findall(r":caption: (\w+)\n\n(.*?)\n:::", start, re.DOTALL)
    assert {caption: pages.split() for caption, pages in trees} == {
        "Start": ["map"],
        "Guides": ["guides/b", "guides/auth"],
        "Notebooks": ["notebooks/n"],
        "Reference": ["reference/index"],
        "Examples": ["examples/p"],
        "Project": ["contributing", "changelog"],
    }


def test_a_page_without_a_place_in_the_sidebar_is_refused(small: Path) -> None:
    (small / "docs" / "stray.md").write_text("# S\n")
    with pytest.raises(ValueError, match="no place for stray"):
        repository.pages(small)


def test_the_start_page_has_a_card_for_each_part_that_there_is(small: Path) -> None:
    start = repository.pages(small)["index.md"].decode()
    assert re.findall(r"item-card} (.*)\n:link: (.*)", start) == [
        ("Guides", "guides/b"),
        ("Notebooks", "notebooks/n"),
        ("Project", "contributing"),
    ]
    assert start.index("item-card") < start.index("## Next")


def test_sources_that_did_not_change_are_not_touched_and_old_ones_go(tmp_path: Path) -> None:
    program.write({"a.md": b"a", "b/c.md": b"c"}, tmp_path)
    before = (tmp_path / "a.md").stat().st_mtime_ns
    program.write({"a.md": b"a", "b/d.md": b"d"}, tmp_path)
    assert (tmp_path / "a.md").stat().st_mtime_ns == before
    assert sorted(path.name for path in tmp_path.rglob("*.md")) == ["a.md", "d.md"]


def test_links_that_leave_the_site_are_secure_and_lead_to_hosts_that_we_know() -> None:
    found = [
        (name_of(page), link)
        for page in [*PAGES, *MORE_PAGES]
        for link in re.findall(r"\]\((\w+:[^)\s]*)\)", page.read_text(encoding="utf-8"))
    ]
    assert found
    for page, link in found:
        parts = urlsplit(link)
        assert parts.scheme == "https", (page, link)
        assert parts.hostname in HOSTS, (page, link)
        assert parts.port is None, (page, link)


# ---- Reference ---------------------------------------------------------------------------------


def test_a_docstring_becomes_text_that_sphinx_reads() -> None:
    text = docstrings.body(
        """Read `DayFile`s and `a
        b`.

        Args:
            name: As in `x`.

        Raises:
            InvalidInputError: It is `\\n`.

        Example:
            >>> print("`no code`")
            `no code`
        """
    )
    assert text.startswith("Read ``DayFile``\\ s and ``a b``.\n")
    assert ":param name: As in ``x``." in text
    assert ":raises InvalidInputError: It is ``\\n``." in text
    assert '>>> print("`no code`")' in text


def test_an_example_without_prompts_is_code_and_what_follows_is_not() -> None:
    text = docstrings.body("Do it.\n\nExample:\n    one()\n\n    two()\n\nArgs:\n    name: Who.\n")
    assert "::\n\n    one()\n\n    two()\n" in text
    assert ":param name: Who." in text


def test_an_attribute_has_its_type_beside_its_name_and_a_property_comes_once() -> None:
    text = docstrings.body(omni_api.PartProgress.__doc__ or "", omni_api.PartProgress)
    assert ".. attribute:: name\n   :type: str\n\n   What the part is called." in text
    key = docstrings.body(omni_api.UserKey.__doc__ or "", omni_api.UserKey)
    assert ".. attribute:: fingerprint" not in key
    assert ".. attribute:: identity" in key


def test_every_facade_of_the_client_has_a_page_with_all_its_methods_twice() -> None:
    pages = facades.pages()
    assert {"management", "audit_log", "support", "auth"} <= {one.name for one in facades.facades()}
    for facade in facades.facades():
        page = pages[f"reference/{facade.name}.rst"]
        names = [name for name, _, _ in facade.methods()]
        assert names
        for name in names:
            signature = f".. py:method:: omni.{facade.name}.{name}("
            assert page.count(signature) == 2, name


def test_the_asyncio_tab_says_what_is_awaited() -> None:
    page = facades.pages()["reference/machines.rst"]
    assert ":async:" not in page  # They return streams.
    page = facades.pages()["reference/service_accounts.rst"]
    assert page.count(":async:") == page.count("tab-item:: asyncio") > 0


def test_every_public_name_stands_on_one_page() -> None:
    paths = [one.path for found in modules.entries().values() for one in found]
    assert len(paths) == len(set(paths))
    assert {f"omni_api.{name}" for name in omni_api.__all__} <= set(paths)
    pages = modules.pages().values()
    for name in ("NotFoundError", "Timeout", "Stream", "ListUsersResponse", "AuditEvent"):
        assert sum(f"\n{name}\n---" in page for page in pages) == 1, name


def test_every_public_name_says_what_it_is() -> None:
    for module, found in modules.entries().items():
        page = modules.page(module, found)
        for one in found:
            # A row without text is a name without docstring.
            assert f"   * - :py:obj:`~{one.path}`\n     - \n" not in page, one.path


def test_the_indexes_list_all_pages_of_the_reference() -> None:
    pages = reference.pages()
    indexes = pages[reference.TOP[0]] + pages[reference.TOP[1]]
    for path in set(pages) - set(reference.TOP):
        assert f"\n   {Path(path).stem}\n" in indexes + "\n", path


# ---- Terminal ----------------------------------------------------------------------------------


class _Lazy(click.Group):
    """Knows its commands by name, as the program does."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return ["audit", "secret", "user"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        return {"audit": _audit, "secret": _secret, "user": _user}[cmd_name]


@click.command(epilog="\b\nExit codes:\n  0  all is well\n  3  a part is missing")
@click.argument("cluster")
@click.argument("more", nargs=-1)
@click.option("-f", "--follow/--no-follow", help="Go on, for ever.")
@click.option("--since", default="2h", show_default=True, metavar="TIME", help="From <when> on.")
@click.option("--key", envvar="OMNI_KEY", show_envvar=True, required=True, help="A `key`.")
@click.option("--internal", hidden=True)
@click.option("-q", "--quiet", is_flag=True, help="Hush.")
def _audit(**_: object) -> None:
    """Print the *audit log*.

    It has [brackets].
    \f
    Not for readers.
    """


@click.command(hidden=True)
def _secret() -> None:
    """Nobody sees this."""


@click.group()
def _user() -> None:
    """Work with users."""


@_user.command("list")
def _list() -> None:
    """List all users."""


@pytest.fixture
def pages() -> dict[str, str]:
    program = _Lazy(
        help="Work with Omni.", params=[click.Option(["-q", "--quiet"], is_flag=True, help="Hush.")]
    )
    return terminal.pages(program, "omni-api", {"See": ["audit", "secret"], "Accounts": ["user"]})


def test_every_command_that_is_shown_has_a_page_and_a_line_in_the_index(
    pages: dict[str, str],
) -> None:
    assert set(pages) == {"terminal/index.md", "terminal/audit.md", "terminal/user.md"}
    index = pages["terminal/index.md"]
    assert "## See\n\n[`audit`](audit.md)\n: Print the \\*audit log\\*." in index
    assert "## Common options\n\n`-q`, `--quiet`\n: Hush." in index
    assert "hidden:\n\naudit\nuser\n" in index


def test_a_command_is_told_with_all_that_its_help_says(pages: dict[str, str]) -> None:
    page = pages["terminal/audit.md"]
    assert page.startswith(
        "# omni-api audit\n\nPrint the \\*audit log\\*.\n\nIt has \\[brackets\\]."
    )
    assert "```text\nomni-api audit [OPTIONS] CLUSTER [MORE]...\n```" in page
    assert "`CLUSTER`\n: Needed." in page
    assert "`[MORE]...`\n: Any number of them. May be left out." in page
    assert "`-f`, `--follow`, `--no-follow`\n: Go on, for ever." in page
    assert "`--since TIME`\n: From \\<when\\> on. \\[default: 2h\\]" in page
    assert "A `key`. \\[env var: OMNI\\_KEY; required\\]" in page
    assert "```text\nExit codes:\n  0  all is well\n  3  a part is missing\n```" in page
    assert "--quiet" not in page
    assert "[common options](index.md#common-options)" in page
    assert "internal" not in page
    assert "Not for readers" not in page


def test_a_group_has_its_commands_below_it_on_its_page(pages: dict[str, str]) -> None:
    assert "# omni-api user\n" in pages["terminal/user.md"]
    assert "\n## omni-api user list\n\nList all users." in pages["terminal/user.md"]


def test_a_command_that_no_section_lists_is_refused() -> None:
    with pytest.raises(ValueError, match="not every command of omni-api is in one section"):
        terminal.pages(_Lazy(), "omni-api", {"See": ["audit"]})


def test_the_site_has_the_pages_of_the_program_itself() -> None:
    sources = program.sources()
    commands = {f"terminal/{name}.md" for section in COMMANDS.values() for name in section}
    assert commands
    assert commands <= set(sources)


# ---- The checker -------------------------------------------------------------------------------


def _site(root: Path, body: str, page: str = GOOD) -> list[str]:
    (root / "index.html").write_text(page.format(body))
    (root / "b.html").write_text(GOOD.format("<p id='there'></p>"))
    return list(check.faults(root))


def test_a_good_site_has_no_faults(tmp_path: Path) -> None:
    body = "<a href='b.html#there'></a><a href='#a'></a><a href='https://x.org/y#z'></a>"
    assert _site(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<a href='c.html'></a>", "index.html: c.html leads to no file"),
        ("<a href='b.html#c'></a>", "index.html: b.html#c leads to no place of its page"),
        ("<a href='#c'></a>", "index.html: #c leads to no place of its page"),
        ("<a href='../other.html'></a>", "index.html: ../other.html leaves the site"),
        ("<img src='a.png' alt='A'>", "index.html: a.png leads to no file"),
        ("<img src='b.html'>", "index.html: has a picture without text: b.html"),
        (
            "<img src='b.html' alt='b.html'>",
            "index.html: has a picture whose text is its path: b.html",
        ),
        ("<h1>B</h1>", "index.html: has 2 first headings"),
    ],
)
def test_a_fault_of_a_page_is_found(tmp_path: Path, body: str, fault: str) -> None:
    root = tmp_path / "site"
    root.mkdir()
    (tmp_path / "other.html").write_text("")
    assert _site(root, body) == [fault]


def test_a_page_without_title_or_description_is_found(tmp_path: Path) -> None:
    assert _site(tmp_path, "", "<html><title> </title><h1 id='a'>A</h1>{}</html>") == [
        "index.html: has no title",
        "index.html: has no description",
    ]


def test_a_site_without_pages_is_a_fault(tmp_path: Path) -> None:
    assert list(check.faults(tmp_path)) == [f"{tmp_path}: there are no pages"]


def test_the_checker_says_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _site(tmp_path, "") == []
    monkeypatch.setattr(sys, "argv", ["check", str(tmp_path)])
    assert check.main() == 0
    assert capsys.readouterr().out == "2 pages, 0 faults\n"

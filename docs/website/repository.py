"""Lays the pages of the repository out for the site, and says what its sidebar lists.

On GitHub the pages link each other by their place in the repository. On the site `docs/` is the
top, and README, changelog and contributing stand in it. So links are turned here, and here only.
The order of the pages is that of the map, `docs/index.md`; what it does not list comes last.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from docs.website.start import cards

_MOVED = {
    "README.md": "index.md",
    "docs/index.md": "map.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.txt",
}
_PAGES = (".md", ".ipynb")
_NOT_READ = ("docs/website/", "docs/conf.py")
_LINK = re.compile(r"(?<=\]\()[^)\s]+")
_FENCED = re.compile(r"(^ *```.*?^ *```|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
_SIDEBAR = (
    ("Start", ("map",)),
    ("Guides", ("guides/",)),
    ("How-tos", ("how-to/",)),
    ("Notebooks", ("notebooks/",)),
    ("Terminal", ("terminal/",)),
    ("Reference", ("reference/",)),
    ("Examples", ("examples/",)),
    ("Project", ("design/", "performance", "reliability", "contributing", "changelog")),
)
_EXAMPLE = """# {name}

```{{literalinclude}} {name}
:language: python
```
"""


def pages(root: Path, others: Iterable[str] = ()) -> dict[str, bytes]:
    """Return what the site takes from a repository, by its path in the site.

    Args:
        root: The repository.
        others: Paths of pages that are made from code and belong into the sidebar.
    """
    found: dict[str, bytes] = {}
    for path in _files(root):
        content = (root / path).read_bytes()
        place = site_path(path)
        turn = partial(_turned, path, root)
        if path.endswith(".md"):
            content = with_links(content.decode(), turn).encode()
        elif path.endswith(".ipynb"):
            content = _notebook(content, turn)
        elif path.endswith(".py"):
            name = posixpath.basename(place)
            found[f"{place.removesuffix('.py')}.md"] = _EXAMPLE.format(name=name).encode()
        found[place] = content
    shown = sidebar(
        [page for page in (*found, *others) if page.endswith((*_PAGES, ".rst"))],
        [site_path(link) for link in _map(root)],
    )
    start = found["index.md"].decode().replace("\n## ", f"\n{cards(shown)}\n## ", 1)
    found["index.md"] = f"{start}\n{toctrees(shown)}".encode()
    return found


def site_path(path: str) -> str:
    """Return where a file of the repository stands in the site."""
    return _MOVED.get(path, path.removeprefix("docs/"))


def with_links(text: str, turn: Callable[[str], str]) -> str:
    """Return a Markdown text whose links went through `turn`; code stays as it is."""
    parts = _FENCED.split(text)
    # Link texts may hold code, so only the code that is fenced, or in backticks, is set apart.
    return "".join(
        part if index % 2 else _LINK.sub(lambda found: turn(found[0]), part)
        for index, part in enumerate(parts)
    )


def sidebar(listed: Iterable[str], order: list[str]) -> dict[str, list[str]]:
    """Return what the sidebar shows, by caption: every page once, in the order of the map.

    Args:
        listed: Paths of pages in the site.
        order: Paths of pages in the order that readers should meet them.
    """
    left = {page.rpartition(".")[0] for page in listed} - {"index"}
    places = {page.rpartition(".")[0]: place for place, page in reversed([*enumerate(order)])}
    shown: dict[str, list[str]] = {}
    for caption, beginnings in _SIDEBAR:
        for beginning in beginnings:
            found = [page for page in left if page.startswith(beginning)]
            found.sort(key=lambda page: (not page.endswith("/index"), places.get(page, 999), page))
            shown.setdefault(caption, []).extend(found)
            left.difference_update(found)
    if left:
        raise ValueError(f"the sidebar has no place for {', '.join(sorted(left))}")
    return {caption: found for caption, found in shown.items() if found}


def toctrees(shown: Mapping[str, list[str]]) -> str:
    """Return the directives that make the sidebar."""
    return "\n".join(
        f":::{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(found) + "\n:::\n"
        for caption, found in shown.items()
    )


def _files(root: Path) -> list[str]:
    """Return what of a repository goes into its site."""
    below = (path for path in (root / "docs").rglob("*") if path.is_file())
    names = sorted(path.relative_to(root).as_posix() for path in below)
    return [
        *(name for name in _MOVED if (root / name).is_file() and not name.startswith("docs/")),
        *(
            name
            for name in names
            if not name.startswith(_NOT_READ) and not re.search(r"/(\.|__pycache__)", name)
        ),
    ]


def _map(root: Path) -> list[str]:
    links = _LINK.findall((root / "docs" / "index.md").read_text(encoding="utf-8"))
    return [posixpath.normpath(f"docs/{link}") for link in links]


def _turned(page: str, root: Path, link: str) -> str:
    """Return a link of a page of the repository as the site needs it."""
    if ":" in link or link.startswith("#"):
        return link
    path, mark, anchor = link.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    place = site_path(target)
    if place.endswith(".py"):
        place = f"{place.removesuffix('.py')}.md"
    if not (root / target).is_file():
        raise ValueError(f"{page}: {link} leads to no file")
    return os.path.relpath(place, posixpath.dirname(site_path(page)) or ".") + mark + anchor


def _notebook(content: bytes, turn: Callable[[str], str]) -> bytes:
    notebook: Mapping[str, list[dict[str, object]]] = json.loads(content)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            source = cell["source"]
            text = source if isinstance(source, str) else "".join(map(str, source or ()))  # type: ignore[call-overload]
            cell["source"] = with_links(text, turn)
    return json.dumps(notebook).encode()

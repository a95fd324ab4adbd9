"""Checks a built site without a network: `python -m docs.website.check build/docs`.

Sphinx checks the links that it makes itself. This looks at the pages as a browser gets them: every
link and picture of this site leads to a file, and every anchor to a place in it; every page has one
heading, a title and a description; every picture has a text in its place.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import attrs
from bs4 import BeautifulSoup, Tag

_WRITTEN_BY_SCRIPT = "search.html"  # Its heading comes with the words that are searched for.
_LINKS = (("a", "href"), ("link", "href"), ("img", "src"), ("script", "src"))


@attrs.frozen
class Page:
    """A page as far as it is checked."""

    links: tuple[str, ...]
    anchors: frozenset[str]
    faults: tuple[str, ...]


def faults(site: Path) -> Iterator[str]:
    """Find what is wrong with a site, page by page."""
    pages = sorted(site.rglob("*.html"))
    if not pages:
        yield f"{site}: there are no pages"
    for path in pages:
        page = read(path)
        name = path.relative_to(site)
        if name.name != _WRITTEN_BY_SCRIPT:
            yield from (f"{name}: {fault}" for fault in page.faults)
        for link in sorted(set(page.links)):
            if fault := _broken(site, path, link):
                yield f"{name}: {link} {fault}"


@cache
def read(path: Path) -> Page:
    """Read one page."""
    soup = BeautifulSoup(path.read_bytes(), "html.parser")
    elements = [tag for tag in soup.descendants if isinstance(tag, Tag)]
    return Page(
        links=tuple(
            str(tag[attribute])
            for tag in elements
            for name, attribute in _LINKS
            if tag.name == name and tag.has_attr(attribute)
        ),
        anchors=frozenset(str(tag["id"]) for tag in elements if tag.has_attr("id")),
        faults=tuple(_faults_of(soup)),
    )


def _faults_of(soup: BeautifulSoup) -> Iterator[str]:
    headings = soup.find_all("h1")
    if len(headings) != 1:
        yield f"has {len(headings)} first headings"
    if not (soup.title and soup.title.get_text(strip=True)):
        yield "has no title"
    description = soup.find("meta", attrs={"name": "description"})
    if not (isinstance(description, Tag) and str(description.get("content", "")).strip()):
        yield "has no description"
    for image in soup.find_all("img"):
        # An image that only decorates says so with an empty text.
        if isinstance(image, Tag) and not image.has_attr("alt"):
            yield f"has a picture without text: {image.get('src')}"
        elif isinstance(image, Tag) and image["alt"] == image.get("src"):
            yield f"has a picture whose text is its path: {image.get('src')}"


def _broken(site: Path, page: Path, link: str) -> str:
    """Say why a link leads nowhere; nothing if it does not, or leaves the site."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return ""
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_file():
        return "leads to no file"
    if not target.is_relative_to(site.resolve()):
        return "leaves the site"
    anchor = unquote(parts.fragment)
    if anchor and target.suffix == ".html" and anchor not in read(target).anchors:
        return "leads to no place of its page"
    return ""


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m docs.website.check", description=__doc__)
    parser.add_argument("site", type=Path, help="directory of the built site")
    site: Path = parser.parse_args().site
    found = list(faults(site.resolve()))
    sys.stdout.write("".join(f"{fault}\n" for fault in found))
    sys.stdout.write(f"{len(list(site.rglob('*.html')))} pages, {len(found)} faults\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())

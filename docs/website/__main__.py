"""Writes all sources of the site into a directory. What did not change is not touched.

So Sphinx reads again what changed only, and pages whose source is gone disappear.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from docs.website import reference, repository, terminal
from omni_api.cli.app import COMMANDS, PROGRAM, app

ROOT = Path(__file__).resolve().parents[2]
TOP = (*reference.TOP, *terminal.TOP)


def sources() -> dict[str, bytes]:
    """Return the sources of the site, by their path in it."""
    made = {**reference.pages(), **terminal.pages(app, PROGRAM, COMMANDS)}
    return {
        **repository.pages(ROOT, [path for path in made if path in TOP]),
        **{path: text.encode() for path, text in made.items()},
    }


def write(pages: dict[str, bytes], target: Path) -> None:
    """Make `target` hold these files and no others."""
    for path in [path for path in target.rglob("*") if path.is_file()]:
        if path.relative_to(target).as_posix() not in pages:
            path.unlink()
    for name, content in pages.items():
        path = target / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m docs.website", description=__doc__)
    parser.add_argument("target", type=Path, help="directory for the sources")
    write(sources(), parser.parse_args().target)


if __name__ == "__main__":
    main()

"""The notebooks of the documentation run in a real kernel, and show what they promise."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from kernels import ROOT, Shown, kernel

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
PICTURES = {"audit-investigation": 2, "fleet-watch": 2, "support-bundle": 3}
TOKEN = r"(?<![\w+/=-])[0-9A-Za-z]{43,44}(?![\w+/=-])"
SECRET = re.compile(rf"jointoken=(?!<hidden>)|PRIVATE KEY|{TOKEN}")
BY_NAME = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[Any]:
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == kind]


def run(path: Path, home: Path) -> list[Shown]:
    with kernel(home) as running:
        shown = []
        for cell in cells(path, "code"):
            shown.append(running.run("".join(cell["source"])))
            assert (shown[-1].error, shown[-1].err) == ("", ""), cell["source"]
    return shown


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: to look for fonts takes matplotlib longer than to draw."""
    return tmp_path_factory.mktemp("home")


@pytest.mark.timeout(60)
@BY_NAME
def test_a_notebook_runs_and_shows_its_pictures_but_no_secret_and_no_warning(
    path: Path, home: Path
) -> None:
    shown = run(path, home)
    values = [value for one in shown for value in one.values]
    pictures = [base64.b64decode(one["image/png"]) for one in values if "image/png" in one]
    assert len(pictures) == PICTURES[path.stem]
    assert all(picture.startswith(b"\x89PNG") and len(picture) > 8000 for picture in pictures)
    texts = [one.out for one in shown]
    texts += [one.get(kind, "") for one in values for kind in ("text/plain", "text/html")]
    assert any("<table" in text for text in texts)
    assert SECRET.findall("\n".join(texts)) == []


@BY_NAME
def test_a_notebook_is_kept_without_what_it_showed(path: Path) -> None:
    for cell in cells(path, "code"):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)


@BY_NAME
def test_the_links_of_a_notebook_lead_somewhere(path: Path) -> None:
    text = "".join("".join(cell["source"]) for cell in cells(path, "markdown"))
    links = re.findall(r"\]\(([^)#]+)", text)
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []

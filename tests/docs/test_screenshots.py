"""The pictures of the terminal show what the program prints today."""

from __future__ import annotations

import re
from html import unescape

import pytest

from docs.website.screenshots import IMAGES, SHOTS, picture, screens, shape


def words(svg: str) -> str:
    """What a picture shows, line by line."""
    return shape(
        " ".join(unescape(text) for text in re.findall(r"<text [^>]*>([^<]*)</text>", svg))
    )


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    """Every picture, drawn now."""
    return {shot.name: picture(shot, screen) for shot, screen in screens()}


def test_there_is_a_picture_of_each_and_no_other() -> None:
    assert {file.stem for file in IMAGES.glob("*.svg")} == {shot.name for shot in SHOTS}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", [shot.name for shot in SHOTS if shot.steady])
def test_a_picture_shows_what_the_program_prints(name: str, drawn: dict[str, str]) -> None:
    kept = (IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert words(kept) == words(drawn[name]), "python -m docs.website.screenshots draws it anew"


@pytest.mark.timeout(60)
def test_pictures_load_nothing_and_show_no_secret(drawn: dict[str, str]) -> None:
    for name in drawn:
        kept = (IMAGES / f"{name}.svg").read_text(encoding="utf-8")
        assert "url(http" not in kept
        assert "eyJ" not in kept
        assert "/home/ana" in kept or "/tmp/" not in kept

"""How answers look in YAML."""

from __future__ import annotations

import pytest
import yaml
from cli_program import Run

from omni_api.cli.output import as_yaml


def test_a_text_of_several_lines_is_a_block_in_yaml(run: Run) -> None:
    ended = run("jointoken", "machine-config", "-o", "yaml")
    assert ended.lines[0] == "config: |"
    assert "  kind: SideroLinkConfig" in ended.lines
    assert len(list(yaml.safe_load_all(yaml.safe_load(ended.out)["config"]))) == 3


@pytest.mark.parametrize(
    "text",
    [
        "a\nb",
        "a\nb\n",
        "a\n\n\n",
        "\n\n",
        " a\n b\n",
        "a \nb",
        "a\tb\n",
        "a\x1b\n",
        "a\r\nb",
        "- a\n# b\n",
    ],
)
def test_yaml_says_every_text_as_it_is(text: str) -> None:
    assert yaml.safe_load(as_yaml({"first": text, "last": [text]}) + "\n") == {
        "first": text,
        "last": [text],
    }

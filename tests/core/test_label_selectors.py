"""Label selectors as text: what is asked for, and which text is refused."""

from __future__ import annotations

import pytest

from omni_api import InvalidInputError
from omni_api._core.label_selectors import queries
from omni_api.simulator import _selectors

LABELS: tuple[dict[str, str], ...] = (
    {},
    {"env": "prod"},
    {"env": "test", "omni.sidero.dev/connected": ""},
    {"cpu": "4"},
    {"cpu": "16", "env": "prod"},
)


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("  ", [0, 1, 2, 3, 4]),
        ("env", [1, 2, 4]),
        ("!env", [0, 3]),
        ("env=prod", [1, 4]),
        ("env == prod", [1, 4]),
        ("env!=prod", [0, 2, 3]),
        ("env in (prod, test)", [1, 2, 4]),
        ("env notin (prod, test)", [0, 3]),
        ("omni.sidero.dev/connected", [2]),
        ("omni.sidero.dev/connected=", [2]),
        ("env=prod, cpu", [4]),
        ("env in (prod, test), !cpu", [1, 2]),
        ("env=test; cpu=4", [2, 3]),
        ("cpu<16", [3]),
        ("cpu <= 16", [3, 4]),
        ("cpu>4", [4]),
        ("cpu>=4", [3, 4]),
    ],
)
def test_a_selector_finds_what_it_says(selector: str, matches: list[int]) -> None:
    test = _selectors.from_queries(queries(selector))
    assert [i for i, labels in enumerate(LABELS) if test(labels)] == matches


@pytest.mark.parametrize("selector", ["a b", "=x", "a in b", "a in (b", "cpu<many", ",", "a=b;;"])
def test_a_selector_that_cannot_be_read_is_refused(selector: str) -> None:
    with pytest.raises(InvalidInputError, match="a term is label, !label, label=value"):
        queries(selector)

"""A changed YAML text says what it should, and all of it that needed no change is as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from laws import given, st

from omni_api._yaml_nodes import UnreadableError
from omni_api._yaml_text import altered, read

STYLED = """\
# mine
clusters:   # all of them
- name: a   # aligned
  cluster:
    server:   "https://a"

    # the old one

# people
users:
    - user: {token: 'secret',   x: [1, 2]}
      name: me
notes: >-
  folded
  text
empty:
big: 0o17
current-context: a   # chosen
"""

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["on", "yes", "null", "1", "1e3", "2026-11-25", "- a", "a: b", "#", "<<", ""]),
)
SCALARS = st.one_of(TEXTS, st.integers(-99, 99), st.booleans(), st.none(), st.just(1.5))
# What a file may contain before; keys that `yaml.dump` writes as the text that they are.
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b-1", "ä c", "name"]), inner, max_size=3),
    ),
    max_leaves=12,
)
FILES = st.dictionaries(st.sampled_from(["a", "b-1", "contexts", "x"]), VALUES, max_size=4)


def dumped(value: Any, *, flow: bool | None, indent: int, ends: str) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=flow, indent=indent, allow_unicode=True, sort_keys=False
    )
    return text.replace("\n", ends)


STYLES = st.fixed_dictionaries(
    {
        "flow": st.sampled_from([True, False, None]),
        "indent": st.sampled_from([2, 4]),
        "ends": st.sampled_from(["\n", "\r\n"]),
    }
)


def test_the_same_again_is_the_same_text() -> None:
    assert altered(STYLED, read(STYLED)) == STYLED


@given(before=FILES, after=FILES, style=STYLES)
def test_a_changed_text_says_what_it_should(before: Any, after: Any, style: Any) -> None:
    assert read(altered(dumped(before, **style), after)) == after


@given(value=VALUES, key=TEXTS)
def test_an_entry_more_leaves_every_other_character_alone(value: Any, key: str) -> None:
    fields = read(STYLED)
    for more in (
        {**fields, f"new {key}": value},
        {**fields, "clusters": [*fields["clusters"], value]},
        {**fields, "users": [{"user": {**fields["users"][0]["user"], "y": value}, "name": "me"}]},
    ):
        text = altered(STYLED, more)
        assert read(text) == more
        same = next(i for i in range(len(text)) if text[: i + 1] != STYLED[: i + 1])
        assert text.endswith(STYLED[same:])


def test_a_value_is_changed_where_it_stands() -> None:
    fields = read(STYLED)
    fields["current-context"] = "on"
    fields["clusters"][0]["cluster"]["server"] = "https://b"
    assert altered(STYLED, fields) == STYLED.replace(
        "current-context: a", "current-context: 'on'"
    ).replace('"https://a"', "https://b")


def test_a_comment_in_an_entry_stays_in_it_when_another_follows() -> None:
    fields = read(STYLED)
    fields["clusters"].append({"name": "b"})
    assert "    # the old one\n- name: b\n\n# people\n" in altered(STYLED, fields)


def test_a_list_goes_below_a_key_that_had_nothing() -> None:
    text = "empty: []  # so far\nx: 1\n"
    assert altered(text, {"empty": ["a"], "x": 1}) == "empty:  # so far\n  - a\nx: 1\n"


def test_an_entry_goes_with_its_comments() -> None:
    text = "c:\n  a:\n    x: 1\n    # of a\n  b:\n    x: 2\n# end\n"
    assert altered(text, {"c": {"b": {"x": 2}}}) == "c:\n  b:\n    x: 2\n# end\n"
    assert altered(text, {"c": {"a": {"x": 1}}}) == "c:\n  a:\n    x: 1\n    # of a\n# end\n"


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "---\n", "null\n", "{}", "\ufeff", "--- {}\n...\n"]
)
def test_an_empty_text_is_filled(text: str) -> None:
    assert read(altered(text, {"a": {"b": [1]}})) == {"a": {"b": [1]}}


def test_json_stays_json() -> None:
    text = '{"a": [{"b": "c"}], "d": "e"}\n'
    fields = {"a": [{"b": "c"}, {"b": "ä"}], "d": "on", "f": {"g": None}}
    assert json.loads(altered(text, fields)) == fields


def test_a_mark_at_the_beginning_and_ends_of_lines_stay() -> None:
    text = "\ufeffa:\r\n- 1\r\nb: 2\r\n"
    assert altered(text, {"a": [1, 3], "b": 4}) == "\ufeffa:\r\n- 1\r\n- 3\r\nb: 4\r\n"


def test_texts_mean_what_they_mean_to_go() -> None:
    assert read("a: on\nyes: 'true'\nb: True\nc: ~\nd: 12\ne: 0x1f\nf: !!str 1\n") == {
        "a": "on",
        "yes": "true",
        "b": True,
        "c": None,
        "d": 12,
        "e": "0x1f",
        "f": "1",
    }


def test_merge_keys_and_aliases_are_followed_and_kept() -> None:
    text = "base: &b {x: 1}\na:\n  <<: *b\n  y: 2\nc: *b\n"
    assert read(text)["a"] == {"x": 1, "y": 2}
    assert altered(text, {**read(text), "d": 3}) == text + "d: 3\n"
    assert altered(text, {**read(text), "a": {"x": 5, "y": 2}}) == text.replace(
        "y: 2\n", "y: 2\n  x: 5\n"
    )
    assert altered(text, {**read(text), "c": {"x": 1, "z": 0}}) == text.replace(
        "c: *b\n", "c:\n  x: 1\n  z: 0\n"
    )


def test_what_others_refer_to_is_not_altered() -> None:
    text = "a: &b\n  x: 1\nc: *b\n"
    with pytest.raises(UnreadableError, match="anchors"):
        altered(text, {"a": {"x": 2}, "c": {"x": 1}})


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("a: [", "no YAML", 1),
        ("a: 1\na: 2", "twice", 2),
        ("a: 1\n---\nb: 2", "several", 2),
        ("a: 1\nb: *c", "alias", 2),
        ("a:\n\tb: secret", "no YAML", 2),
        ("? [a]\n: b", "key", 1),
        ("[" * 600, "YAML|deeply", 1),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, reason: str, line: int) -> None:
    with pytest.raises(UnreadableError, match=reason) as caught:
        read(text)
    found = caught.value.position or 0
    assert text[:found].count("\n") + 1 == line
    assert "secret" not in str(caught.value)

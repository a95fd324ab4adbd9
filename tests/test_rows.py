"""Values as tables: what a notebook shows and what a frame holds, and that neither has a secret."""

from __future__ import annotations

import copy
import html
import pickle
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import attrs
import pytest

import omni_api
import omni_api.audit
from omni_api import (
    CreateJoinTokenResponse,
    InvalidInputError,
    JoinToken,
    JoinTokenWarning,
    KubeconfigResponse,
    ListUsersResponse,
    LogRecord,
    ManifestSync,
    ManifestSyncType,
    MissingLibraryError,
    PgpPublicKey,
    Resource,
    Rows,
    ServiceAccount,
    SupportBundle,
    User,
)
from omni_api._columns import table
from omni_api._core.values import masked
from omni_api._html import ROWS
from omni_api.audit import AuditEvent
from omni_api.audit._record import Record
from omni_api.rows import Value
from omni_api.simulator._fleet_ids import base62

TOKEN = "NmMsj8SnZzfjguPQPTFiTC0ZUbAatnHyx3ZS32uy60S"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NASTY = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a&b</td><td>", "'x'")
LIBRARIES = pytest.mark.parametrize("library", ["pandas", "polars"])


class Table(HTMLParser):
    """Reads HTML: the tags that it has, and the texts of its cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.rows = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.tags.add(tag)
        self.rows += tag == "tr"
        if tag in {"td", "th"}:
            self.cells.append("")
        assert {name for name, _ in attributes} <= {"style"}
        assert not any("color" in value or "background" in value for _, value in attributes)

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def shown(value: Any) -> Table:
    return Table(value._repr_html_())


def user(name: str = "ana", labels: Mapping[str, str] = {}) -> User:
    return User(id=f"id-{name}", email=name, role="Reader", saml_labels=labels, last_active=NOON)


def key(name: str) -> PgpPublicKey:
    return PgpPublicKey(id=name, armored="", expiration=NOON, created=None, last_used=None)


def account(name: str, *keys: PgpPublicKey) -> ServiceAccount:
    return ServiceAccount(
        name=name, pgp_public_keys=Rows(keys, of=PgpPublicKey), role="Reader", last_active=None
    )


def public_values() -> list[Any]:
    """The classes of public values: those whose repr shows their fields."""
    found = [
        getattr(module, name) for module in (omni_api, omni_api.audit) for name in module.__all__
    ]
    settings = {"RetryPolicy", "TLS", "ServiceAccountKey", "UserKey", "EventTable"}
    return [
        one
        for one in dict.fromkeys(found)
        if attrs.has(one) and not issubclass(one, Record) and one.__name__ not in settings
    ]


# ---- In a notebook -----------------------------------------------------------------------------


def test_a_value_is_a_table_of_names_and_contents() -> None:
    table = shown(user(labels={"team": "blue"}))
    assert table.cells[:4] == ["id", "id-ana", "email", "ana"]
    assert table.cells[-4:] == ["team", "blue", "last_active", "2026-11-24 12:00:00 UTC"]


def test_a_list_is_a_table_with_a_row_each() -> None:
    table = shown(Rows([user("ana"), user("ben")]))
    assert table.cells[:4] == ["id", "email", "role", "last_active"]
    assert table.cells[4:6] == ["id-ana", "ana"]
    assert table.rows == 3


def test_a_list_within_an_answer_is_a_table_within_the_table() -> None:
    table = shown(ListUsersResponse(users=Rows([user("ana"), user("ben")])))
    assert table.cells[0] == "users"
    assert table.rows == 1 + 3


def test_a_list_without_values_still_has_its_columns() -> None:
    assert shown(Rows([], of=User)).cells == ["id", "email", "role", "last_active"]


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_text_whatever_is_in_it(name: str) -> None:
    values = user(name, {name: name})
    event = AuditEvent(b'{"event_ts":1,"event_type":%s}' % _json(name))
    for value in (values, Rows([values]), ListUsersResponse(users=Rows([values])), Rows([event])):
        table = shown(value)
        assert table.tags <= {"table", "thead", "tbody", "tr", "th", "td"}
        assert any(name in cell for cell in table.cells)
    assert name in shown(LogRecord(raw=name.encode())).cells


def _json(text: str) -> bytes:
    import orjson

    return orjson.dumps(text)


def test_a_long_table_is_cut_and_says_how_many_rows_more_there_are() -> None:
    text = Rows(user(str(number)) for number in range(ROWS + 1200))._repr_html_()
    assert Table(text).rows == ROWS + 1
    assert "… and 1,200 more" in text
    assert "more" not in Rows([user()])._repr_html_()


def test_a_long_text_is_cut() -> None:
    assert len(Rows([user("x" * 10_000)])._repr_html_()) < 3000


# ---- Secrets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        CreateJoinTokenResponse(id="correct-horse"),
        KubeconfigResponse(kubeconfig=b"correct-horse"),
        ManifestSync(
            response_type=1, path="", object=b"correct-horse", diff="correct-horse", skipped=False
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_repr_hides_is_in_no_table_and_in_no_frame(value: Any) -> None:
    assert "<13 hidden>" in shown(value).cells
    for text in (value._repr_html_(), Rows([value])._repr_html_()):
        assert "correct-horse" not in text
    assert "correct-horse" not in str(table([value], type(value)))


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        TOKEN[:1] + TOKEN,
        TOKEN[:2] + TOKEN,
        f"a jointoken={TOKEN}&x=1",
        f'["{TOKEN}"]',
        "https://o?jointoken=short",
    ],
)
def test_a_join_token_within_a_text_is_masked(text: str) -> None:
    value = LogRecord(raw=text.encode())
    for seen in (value._repr_html_(), Rows([value])._repr_html_(), str(table([value], None))):
        assert TOKEN not in seen
        assert "jointoken=short" not in seen
        assert "hidden" in seen


def test_a_resource_shows_neither_its_content_nor_an_id_that_is_a_token() -> None:
    token = Resource(type="JoinTokens.omni.sidero.dev", id="battery", spec={"name": "staple"})
    rows = Rows([token, Resource(type="Clusters.omni.sidero.dev", id="prod", labels={"env": "x"})])
    assert "<7 hidden>" in shown(rows).cells
    assert {"prod", "labels.env"} <= set(shown(rows).cells)
    for text in (token._repr_html_(), rows._repr_html_(), str(table(rows, Resource))):
        assert "battery" not in text
        assert "staple" not in text


@pytest.mark.parametrize("data", [bytes(32), b"\x00" + b"\xff" * 31, b"\xff" * 32])
def test_every_token_that_the_simulator_makes_is_masked(data: bytes) -> None:
    assert masked(base62(data)) == "<hidden>"


@pytest.mark.parametrize("text", ["a" * 40, "0f" * 32, f"AAAA/{'b' * 43}+CC", "c" * 46])
def test_what_is_no_join_token_is_left_alone(text: str) -> None:
    assert masked(text) == text


def test_every_public_value_shows_itself_as_a_table_and_its_columns_have_types() -> None:
    values = public_values()
    assert len(values) > 30
    for kind in values:
        assert issubclass(kind, Value), f"let {kind.__name__} inherit from omni_api.rows.Value"
        hidden = {field.name for field in attrs.fields(kind) if field.repr is not True}
        columns = {name.partition(".")[0] for name in table([], kind)}
        assert columns.isdisjoint(hidden), kind


def test_a_resource_can_be_in_a_set_like_every_other_value() -> None:
    cluster = Resource(type="Clusters.omni.sidero.dev", id="prod", labels={"env": "prod"})
    assert {cluster, attrs.evolve(cluster)} == {cluster}


# ---- Frames ------------------------------------------------------------------------------------


@LIBRARIES
def test_a_frame_has_a_row_for_each_value_and_aware_times(library: Any) -> None:
    frame = Rows([user("ana"), user("ben", {"team": "blue"})]).to_dataframe(library)
    assert list(frame.columns) == ["id", "email", "role", "last_active", "saml_labels.team"]
    assert list(frame["email"]) == ["ana", "ben"]
    assert list(frame["last_active"]) == [NOON, NOON]
    assert "UTC" in str(frame["last_active"].dtype)


@LIBRARIES
def test_an_account_has_a_row_for_each_key_and_one_without_any(library: Any) -> None:
    accounts = Rows([account("ci", key("k1"), key("k2")), account("old")])
    frame = accounts.to_dataframe(library)
    assert list(frame["name"]) == ["ci", "ci", "old"]
    assert list(frame["pgp_public_keys.id"])[:2] == ["k1", "k2"]
    assert list(frame["pgp_public_keys.expiration"])[:2] == [NOON, NOON]
    assert "UTC" in str(frame["last_active"].dtype), "also where all of them are missing"


@LIBRARIES
def test_a_frame_without_rows_has_columns_and_types(library: Any) -> None:
    frame = Rows([], of=LogRecord).to_dataframe(library)
    assert list(frame.columns)[:4] == ["time", "level", "service", "message"]
    assert len(frame) == 0
    assert "UTC" in str(frame["time"].dtype)


@LIBRARIES
def test_numbers_without_a_name_do_not_disturb_a_column_of_names(library: Any) -> None:
    known, newer = (
        ManifestSync(response_type=kind, path="", object=b"", diff="", skipped=False)
        for kind in (ManifestSyncType.ROLLOUT, 77)
    )
    frame = Rows([known, newer]).to_dataframe(library)
    assert list(frame["response_type"]) == ["ROLLOUT", "77"]
    assert list(Rows([newer]).to_dataframe(library)["response_type"]) == ["77"]


@LIBRARIES
def test_two_lists_in_a_value_are_two_numbers(library: Any) -> None:
    from pathlib import Path

    bundle = SupportBundle(path=Path("/a.zip"), size=1, sha256="")
    frame = Rows([bundle]).to_dataframe(library)
    assert list(frame["errors"]) == list(frame["sources"]) == [0]
    assert list(frame["path"]) == ["/a.zip"]


@LIBRARIES
def test_a_list_of_another_kind_is_a_number_too(library: Any) -> None:
    warnings = (JoinTokenWarning(machine="m1"), JoinTokenWarning(machine="m2"))
    tokens = Rows([JoinToken(id="x", name="a"), JoinToken(id="y", name="b", warnings=warnings)])
    frame = tokens.to_dataframe(library)
    assert list(frame["warnings"]) == [0, 2]
    assert list(frame["state"]) == ["ACTIVE", "ACTIVE"]
    assert "m2" in tokens[1]._repr_html_()


@attrs.frozen(kw_only=True)
class Anything(Value):
    """A value with an object whose fields differ from row to row."""

    name: str
    age: timedelta = timedelta(seconds=90)
    spec: Mapping[str, object]


@LIBRARIES
def test_objects_within_values_become_flat_columns_whatever_they_hold(library: Any) -> None:
    rows = Rows(
        [
            Anything(name="a", spec={"size": 1, "at": {"zone": "x"}, "ids": ["p", "q"]}),
            Anything(name="b", spec={"size": "large", "at": {"zone": None}, "ids": [1, {"z": 2}]}),
            Anything(name="c", spec={}),
        ]
    )
    frame = rows.to_dataframe(library)
    assert list(frame.columns) == ["name", "age", "spec.size", "spec.at.zone", "spec.ids"]
    assert list(frame["spec.size"])[:2] == ["1", "large"]
    assert list(frame["spec.ids"])[1] == '[1,{"z":2}]'
    assert list(frame["age"]) == [timedelta(seconds=90)] * 3


def test_another_library_is_refused() -> None:
    with pytest.raises(InvalidInputError, match='"pandas" or "polars", not \'dask\''):
        Rows([user()]).to_dataframe("dask")  # type: ignore[call-overload]


@LIBRARIES
def test_a_missing_library_is_named(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibraryError, match=f"pip install {library}"):
        Rows([user()]).to_dataframe(library)


# ---- A tuple, all the same ---------------------------------------------------------------------


def test_rows_are_a_tuple_and_stay_rows_when_cut_copied_and_pickled() -> None:
    rows = Rows([user("ana"), user("ben")])
    assert rows == (rows[0], rows[1])
    assert repr(rows[:1]) == repr((rows[0],))
    copies: list[Any] = [rows[:1], pickle.loads(pickle.dumps(rows)), copy.deepcopy(rows)]
    for other in copies:
        assert isinstance(other, Rows)
        assert other[slice(0)]._repr_html_() == rows[slice(0)]._repr_html_()


def test_rows_of_plain_texts_have_one_column() -> None:
    assert table(["a", html.escape("<")], str) == {"value": ["a", "&lt;"]}


@LIBRARIES
def test_rows_of_plain_numbers_have_one_column(library: Any) -> None:
    frame = Rows([1, 2]).to_dataframe(library)
    assert list(frame.columns) == ["value"]
    assert list(frame["value"]) == [1, 2]

"""Labels choose resources: by text in the metadata, and by the queries of State.List."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator
from omni_api.simulator._selectors import SelectorError, from_metadata

STATE = "cosi.resource.State"
RESOURCES = "omni.resources.ResourceService"
CLUSTERS = {"namespace": "default", "type": "Clusters.omni.sidero.dev"}
LABELS = {
    "a": {"env": "prod", "size": "3", "team": "red"},
    "b": {"env": "test", "size": "20"},
    "c": {"env": "test", "size": "many", "old": ""},
}


@pytest.fixture
def client() -> Iterator[RawClient]:
    """A client of a server with three labelled clusters and no others."""
    with Simulator() as simulator:
        fleet = simulator.state.fleet
        for cluster in list(fleet.clusters()):
            fleet.remove_cluster(cluster.name)
        for name, labels in LABELS.items():
            fleet.add_cluster(name, workers=0, labels=labels)
        made = RawClient(simulator)
        yield made
        made.close()


def chosen(text: str, *more: str) -> str:
    matches = from_metadata([text, *more])
    return "".join(name for name, labels in LABELS.items() if matches(labels))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("team", "a"),
        ("!team", "bc"),
        ("! team", "bc"),
        ("old", "c"),
        ("env=test", "bc"),
        ("env == test", "bc"),
        ("env!=test", "a"),
        ("team!=red", "bc"),
        ("old=", "c"),
        ("size<20", "a"),
        ("size<=20", "ab"),
        ("size > 3", "b"),
        ("size>=3", "ab"),
        ("size<3.5", "a"),
        ("env in (prod, stage)", "a"),
        ("env in (prod,test),size<10", "a"),
        ("env notin (prod)", "bc"),
        ("team notin (red)", "bc"),
    ],
)
def test_a_term_chooses_by_one_label(text: str, names: str) -> None:
    assert chosen(text) == names


def test_a_comma_is_and_while_a_semicolon_or_another_value_is_or() -> None:
    assert chosen("env=test,old") == "c"
    assert chosen("team;old") == "ac"
    assert chosen("team", "old") == "ac"
    assert chosen("env=test,size<100;team=red") == "ab"


def test_without_a_term_everything_is_chosen() -> None:
    assert chosen("") == "abc"
    assert chosen(" ; ") == "abc"


@pytest.mark.parametrize("text", ["=x", "a,,b", "a in", "a in (b", "a<many", "a b", "!", "a(b)"])
def test_a_text_that_is_no_selector_is_refused(client: RawClient, text: str) -> None:
    with pytest.raises(SelectorError, match="failed to parse label selector"):
        from_metadata([text])
    headers = [["runtime", "Omni"], ["selectors", text]]
    code, message, _ = client.call(RESOURCES, "List", CLUSTERS, headers)
    assert code == "INVALID_ARGUMENT"
    assert message.startswith("failed to parse label selector: ")


def test_the_service_takes_selectors_from_the_metadata(client: RawClient) -> None:
    headers = [["runtime", "Omni"], ["selectors", "size>5"], ["selectors", "team"]]
    code, _, [response] = client.call(RESOURCES, "List", CLUSTERS, headers)
    assert code == "OK"
    assert [json.loads(item)["metadata"]["id"] for item in response["items"]] == ["a", "b"]
    assert response["total"] == 2


def listed(client: RawClient, *queries: list[dict[str, Any]], regexp: str = "") -> tuple[str, str]:
    options = {"label_query": [{"terms": terms} for terms in queries]}
    request = {**CLUSTERS, "options": {**options, "id_query": {"regexp": regexp}}}
    code, message, responses = client.call(STATE, "List", request)
    ids = "".join(response["resource"]["metadata"]["id"] for response in responses)
    return code, ids or message


@pytest.mark.parametrize(
    ("term", "names"),
    [
        ({"key": "team", "op": "EXISTS"}, "a"),
        ({"key": "team", "op": "EXISTS", "invert": True}, "bc"),
        ({"key": "team", "op": "NOT_EXISTS"}, "bc"),
        ({"key": "env", "op": "EQUAL", "value": ["test"]}, "bc"),
        ({"key": "env", "op": "EQUAL", "value": ["test"], "invert": True}, "a"),
        ({"key": "env", "op": "IN", "value": ["prod", "stage"]}, "a"),
        ({"key": "env", "op": "LT", "value": ["test"]}, "a"),
        ({"key": "env", "op": "LTE", "value": ["test"]}, "abc"),
        ({"key": "size", "op": "LT", "value": ["3"]}, "b"),
        ({"key": "size", "op": "LT_NUMERIC", "value": ["20"]}, "a"),
        ({"key": "size", "op": "LTE_NUMERIC", "value": ["20"]}, "ab"),
    ],
)
def test_the_state_knows_every_operator(client: RawClient, term: Any, names: str) -> None:
    assert listed(client, [term]) == ("OK", names)


def test_terms_of_a_query_are_and_while_queries_are_or(client: RawClient) -> None:
    test = {"key": "env", "op": "EQUAL", "value": ["test"]}
    old, team = {"key": "old", "op": "EXISTS"}, {"key": "team", "op": "EXISTS"}
    assert listed(client, [test, old]) == ("OK", "c")
    assert listed(client, [test, old], [team]) == ("OK", "ac")


def test_ids_are_chosen_by_a_regular_expression(client: RawClient) -> None:
    assert listed(client, regexp="^[ac]$") == ("OK", "ac")
    assert listed(client, [{"key": "old", "op": "EXISTS"}], regexp="[ab]") == ("OK", "")
    assert listed(client, regexp="(")[0] == "INVALID_ARGUMENT"


def test_a_comparison_with_something_else_than_a_number_is_refused(client: RawClient) -> None:
    term = {"key": "size", "op": "LT_NUMERIC", "value": ["many"]}
    assert listed(client, [term])[0] == "INVALID_ARGUMENT"
    assert listed(client, [{"key": "size", "op": 99}]) == (
        "INVALID_ARGUMENT",
        "unsupported label query operator: 99",
    )

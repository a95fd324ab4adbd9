"""How machines join: join configs, join tokens, and the unique token of a node."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import yaml
from sample_calls import one_machine, spare_machine

from omni_api import (
    InvalidArgumentError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
)
from omni_api.simulator import Simulator


def test_a_join_config_says_the_same_in_two_forms(omni: Any, simulator: Simulator) -> None:
    answer = omni.management.get_machine_join_config()
    documents = list(yaml.safe_load_all(answer.config))
    assert [one["kind"] for one in documents] == [
        "SideroLinkConfig",
        "EventSinkConfig",
        "KmsgLogConfig",
    ]
    arguments = dict(one.split("=", 1) for one in answer.kernel_args)
    assert arguments["siderolink.api"] == documents[0]["apiUrl"]
    assert arguments["talos.events.sink"] == documents[1]["endpoint"]
    assert arguments["talos.logging.kernel"] == documents[2]["url"]
    token = simulator.state.fleet.default_join_token
    assert documents[0]["apiUrl"].endswith(f"?jointoken={token}")
    assert token not in repr(answer)


def test_a_given_token_is_not_looked_up_and_the_tunnel_is_asked_for(omni: Any) -> None:
    answer = omni.management.get_machine_join_config(join_token="any-text", use_grpc_tunnel=True)
    assert answer.kernel_args[0].endswith("?grpc_tunnel=true&jointoken=any-text")


def test_a_reader_may_see_a_join_config_and_nobody_less(as_role: Callable[..., Any]) -> None:
    assert as_role("Reader").management.get_machine_join_config().config
    with pytest.raises(PermissionDeniedError, match='"InfraProvider"'):
        as_role("InfraProvider").management.get_machine_join_config()


@pytest.mark.parametrize(
    "expires",
    [
        None,
        datetime(2030, 1, 1, tzinfo=UTC),
        datetime(2030, 1, 1, 12, 30, 15, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(2001, 1, 1, tzinfo=UTC),
    ],
)
def test_a_token_is_made_with_its_expiry(
    omni: Any, simulator: Simulator, expires: datetime | None
) -> None:
    answer = omni.management.create_join_token(name="rack-7", expiration_time=expires)
    token = simulator.state.fleet.join_tokens[answer.id]
    assert token.name == "rack-7"
    assert token.expiration == expires
    assert len(answer.id) in {42, 43, 44}
    assert answer.id not in repr(answer)


def test_names_of_tokens_need_not_be_unique(omni: Any) -> None:
    first = omni.management.create_join_token(name="rack-7")
    assert omni.management.create_join_token(name="rack-7").id != first.id


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seventeen letters", "cannot be longer than 16 symbols"),
        ("ääääääääü", "cannot be longer than 16 symbols"),
        ("a\nb", "must not contain control characters"),
    ],
)
def test_a_name_that_omni_does_not_take_is_an_invalid_argument(
    omni: Any, name: str, text: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=text):
        omni.management.create_join_token(name=name)


@pytest.mark.parametrize(
    "options",
    [
        {"name": ""},
        {"name": None},
        {"name": "t", "expiration_time": datetime(2030, 1, 1)},  # noqa: DTZ001 - the mistake
        {"name": "t", "expiration_time": "2030-01-01"},
    ],
)
def test_a_malformed_token_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError, match=r"name|expiration_time"):
        omni.management.create_join_token(**options)
    assert simulator.calls == []


def test_a_node_forgets_its_unique_token_once(omni: Any, simulator: Simulator) -> None:
    machine_id = one_machine(simulator)
    assert omni.management.reset_node_unique_token(id=machine_id) is None
    machine = simulator.state.fleet.machine(machine_id)
    assert machine is not None
    assert not machine.unique_token
    with pytest.raises(NotFoundError, match="failed to teardown and destroy") as caught:
        omni.management.reset_node_unique_token(id=machine_id)
    assert caught.value.code.name == "UNKNOWN"


def test_a_node_without_unique_token_and_an_unknown_one_are_not_found(
    omni: Any, simulator: Simulator
) -> None:
    with pytest.raises(NotFoundError, match="NodeUniqueTokens"):
        omni.management.reset_node_unique_token(id=spare_machine(simulator, "no-unique-token"))
    with pytest.raises(NotFoundError, match="machine not found"):
        omni.management.reset_node_unique_token(id="ghost")


def test_only_admins_make_and_reset_tokens(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    operator = as_role("Operator")
    with pytest.raises(PermissionDeniedError, match='"Operator"'):
        operator.management.create_join_token(name="t")
    with pytest.raises(PermissionDeniedError, match='"Operator"'):
        operator.management.reset_node_unique_token(id=one_machine(simulator))
    assert len(simulator.state.fleet.join_tokens) == 1

"""`omni-api user`: the verbs of the official tool, and several users at once."""

from __future__ import annotations

import pytest
from cli_program import Run

from omni_api.simulator import Simulator


@pytest.mark.parametrize("verb", ["list", "ls", "l"])
def test_users_are_listed_under_each_name_that_the_verb_has(run: Run, verb: str) -> None:
    assert run("user", verb, "-o", "name").lines[0] == "admin@example.org"


@pytest.mark.parametrize("verb", ["create", "c"])
def test_a_new_user_has_the_role_that_was_given(run: Run, verb: str) -> None:
    ended = run("user", verb, "ana@example.org", "-r", "Operator")
    assert (ended.status, ended.out, ended.err) == (0, "", "created user ana@example.org\n")
    users = {user["email"]: user["role"] for user in run("user", "list", "-o", "json").json}
    assert users["ana@example.org"] == "Operator"


def test_programs_get_the_id_of_a_new_user(run: Run) -> None:
    made = run("user", "create", "new@example.org", "-r", "Reader", "-o", "json").json
    assert made in [
        {name: user[name] for name in ("id", "email", "role")}
        for user in run("user", "list", "-o", "json").json
    ]


def test_a_user_gets_another_role(run: Run) -> None:
    assert run("user", "set-role", "reader@example.org", "--role", "Operator").status == 0
    users = {user["email"]: user["role"] for user in run("user", "list", "-o", "json").json}
    assert users["reader@example.org"] == "Operator"


@pytest.mark.parametrize("verb", ["delete", "destroy", "d"])
def test_a_removed_user_is_told_and_gone(run: Run, verb: str) -> None:
    ended = run("user", verb, "reader@example.org")
    assert (ended.status, ended.err) == (0, "destroyed user reader@example.org\n")
    assert "reader@example.org" not in run("user", "list").out


def test_a_refusal_for_one_of_several_does_not_keep_the_others_from_being_removed(
    run: Run,
) -> None:
    ended = run(
        "user", "delete", "nobody@example.org", "reader@example.org", "operator@example.org"
    )
    assert ended.status == 7
    assert "nobody@example.org: not found" in ended.err
    assert "destroyed user reader@example.org" in ended.err
    assert "1 of 3 could not be done" in ended.err
    left = run("user", "list", "-o", "name").lines
    assert left == ["admin@example.org", "auditor@example.org"]


def test_a_key_that_may_not_remove_users_is_not_tried_on_each_of_them(
    run: Run, simulator: Simulator
) -> None:
    key = simulator.service_account_key("Reader")
    ended = run("user", "delete", "a@b.org", "c@d.org", env={"OMNI_SERVICE_ACCOUNT_KEY": key})
    assert ended.status == 5
    assert simulator.count("DestroyUser") == 1


def test_a_role_that_does_not_exist_is_named_in_the_servers_words(run: Run) -> None:
    ended = run("user", "create", "ana@example.org", "-r", "Boss")
    assert ended.status == 1
    assert 'unknown role to parse: "Boss"' in ended.err

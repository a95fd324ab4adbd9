"""`omni-api jointoken`: tokens by id or name, and what is made with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cli_program import Run

from omni_api.simulator import Simulator

TITLES = ["ID", "NAME", "STATE", "EXPIRATION", "USE", "COUNT", "DEFAULT"]


def states(run: Run) -> dict[str, str]:
    return {one["name"]: one["state"] for one in run("jointoken", "list", "-o", "json").json}


@pytest.fixture
def token(run: Run) -> str:
    """Return the id of a new token called rack-7."""
    return run("jointoken", "create", "rack-7").out.strip()


def test_a_new_token_is_printed_alone_and_listed_in_the_official_columns(
    run: Run, token: str
) -> None:
    assert len(token) > 40
    rows = run("jt", "ls").lines
    assert rows[0].split() == TITLES
    (row,) = [line for line in rows if line.startswith(token)]
    assert row.split()[1:] == ["rack-7", "ACTIVE", "never", "0"]
    assert next(line for line in rows if line.endswith("*")).split()[1] == "initial"


def test_a_lifetime_is_counted_from_now(run: Run) -> None:
    made = run("jointoken", "create", "rack-8", "--ttl", "48h", "-o", "json").json
    left = datetime.fromisoformat(made["expires"]) - datetime.now(UTC)
    assert timedelta(hours=47) < left < timedelta(hours=49)
    assert run("jointoken", "renew", "rack-8", "-t", "240h").status == 0
    (found,) = [one for one in run("jt", "l", "-o", "json").json if one["name"] == "rack-8"]
    assert datetime.fromisoformat(found["expires"]) - datetime.now(UTC) > timedelta(hours=239)


def test_a_renewal_needs_a_lifetime(run: Run, token: str) -> None:
    assert run("jointoken", "renew", token).status == 2
    assert "longer than 0" in run("jointoken", "renew", token, "--ttl", "0").err


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_token_is_revoked_and_unrevoked_by_id_or_name_and_no_message_repeats_the_id(
    run: Run, token: str, by: str
) -> None:
    wanted = token if by == "id" else "rack-7"
    revoked = run("jointoken", "revoke", wanted)
    assert (revoked.status, revoked.out, revoked.err) == (0, "", 'token "rack-7" was revoked\n')
    assert states(run)["rack-7"] == "REVOKED"
    assert run("jointoken", "ur", wanted).err == 'token "rack-7" was unrevoked\n'
    assert states(run)["rack-7"] == "ACTIVE"


def test_a_token_that_machines_need_is_revoked_only_after_a_yes(
    run: Run, simulator: Simulator
) -> None:
    refused = run("jointoken", "revoke", "initial token")
    assert refused.status == 2
    assert "warning: machine " in refused.err
    assert "--yes" in refused.err
    assert states(run)["initial token"] == "ACTIVE"
    assert run("jointoken", "revoke", "initial token", "--yes").status == 0
    assert states(run)["initial token"] == "REVOKED"
    assert simulator.count("Update") == 1


def test_another_token_becomes_the_default(run: Run, token: str) -> None:
    assert run("jointoken", "make-default", "rack-7").err == 'token "rack-7" is now default\n'
    (default,) = [one for one in run("jt", "list", "-o", "json").json if one["is_default"]]
    assert default["id"] == token


@pytest.mark.parametrize("verb", ["delete", "destroy", "d"])
def test_a_deleted_token_is_gone(run: Run, token: str, verb: str) -> None:
    ended = run("jointoken", verb, token)
    assert (ended.status, ended.err) == (0, 'deleted join token "rack-7"\n')
    assert "rack-7" not in states(run)


def test_what_is_no_token_is_not_repeated_for_it_may_be_a_secret(run: Run) -> None:
    ended = run("jointoken", "revoke", "mistyped-secret")
    assert ended.status == 7
    assert "mistyped-secret" not in ended.err
    assert "jointoken list" in ended.err


def test_two_tokens_of_one_name_are_told_apart_by_their_ids_only(run: Run, token: str) -> None:
    other = run("jointoken", "create", "rack-7").out.strip()
    ended = run("jointoken", "revoke", "rack-7")
    assert ended.status == 2
    assert "take an id" in ended.err
    assert run("jointoken", "revoke", other).status == 0
    by_id = {one["id"]: one["state"] for one in run("jt", "list", "-o", "json").json}
    assert (by_id[token], by_id[other]) == ("ACTIVE", "REVOKED")


def test_kernel_arguments_are_one_line_with_the_token(run: Run, token: str) -> None:
    default = run("jointoken", "kernel-args")
    assert len(default.lines) == 1
    assert default.out.startswith("siderolink.api=")
    assert token not in default.out
    for choice in (["--token-id", token], ["--token-name", "rack-7"]):
        assert f"jointoken={token}" in run("jointoken", "kernel-args", *choice).out
    listed = run("jointoken", "kernel-args", "-o", "json").json
    assert " ".join(listed) == default.out.strip()


def test_a_machine_config_is_yaml_with_the_token_and_the_tunnel(run: Run, token: str) -> None:
    ended = run("jointoken", "machine-config", "--token-name", "rack-7", "--use-grpc-tunnel")
    assert "kind: SideroLinkConfig" in ended.out
    assert f"jointoken={token}" in ended.out
    assert "grpc_tunnel=true" in ended.out
    assert ended.err == ""


def test_a_config_for_a_revoked_token_is_made_with_a_warning(run: Run, token: str) -> None:
    assert run("jointoken", "revoke", token).status == 0
    ended = run("jointoken", "kernel-args", "--token-name", "rack-7")
    assert ended.status == 0
    assert "REVOKED" in ended.err


def test_one_token_is_chosen_in_one_way(run: Run) -> None:
    ended = run("jointoken", "kernel-args", "--token-id", "a", "--token-name", "b")
    assert ended.status == 2
    assert "exclude each other" in ended.err


def test_a_list_keeps_nobody_waiting_longer_than_was_said(run: Run, simulator: Simulator) -> None:
    simulator.delay("List", 20.0)
    ended = run("jointoken", "list", "--timeout", "300ms")
    simulator.clear_faults()
    assert (ended.status, ended.out) == (6, "")

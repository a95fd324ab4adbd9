"""`omni-api serviceaccount`: keys are shown once or saved, and never lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pexpect
import pytest
from cli_program import Open, Run

from omni_api import ServiceAccountKey
from omni_api.simulator import Simulator

TITLES = "NAME ROLE LAST ACTIVE PUBLIC KEY ID KEY CREATED KEY LAST ACTIVE EXPIRATION"


def variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def roles(run: Run) -> dict[str, str]:
    return {one["name"]: one["role"] for one in run("sa", "list", "-o", "json").json}


def test_standard_output_has_the_variables_and_nothing_else_and_they_work(
    run: Run, simulator: Simulator
) -> None:
    ended = run("serviceaccount", "create", "ci", "--role", "Reader")
    assert ended.status == 0
    shown = variables(ended.out)
    assert list(shown) == ["OMNI_ENDPOINT", "OMNI_SERVICE_ACCOUNT_KEY"]
    assert simulator.endpoint.endswith(shown["OMNI_ENDPOINT"].rpartition(":")[2])
    assert ended.out.count(shown["OMNI_SERVICE_ACCOUNT_KEY"]) == 1
    assert shown["OMNI_SERVICE_ACCOUNT_KEY"] not in ended.err
    assert 'created service account "ci"' in ended.err
    refused = run("user", "list", env=dict(shown))
    assert 'insufficient role: "Reader"' in refused.err


@pytest.mark.parametrize(
    ("options", "role", "warned"),
    [
        ([], "Admin", True),
        (["--role", "Reader"], "Reader", False),
        (["--role", "Reader", "--use-user-role"], "Admin", True),
        (["-r", "Reader", "-u"], "Admin", True),
        (["-r", "Operator", "--use-user-role=false"], "Operator", False),
        (["--use-user-role=true"], "Admin", True),
    ],
)
def test_a_key_that_may_do_everything_is_made_with_a_warning(
    run: Run, options: list[str], role: str, warned: bool
) -> None:
    ended = run("sa", "c", "ci", *options)
    assert ended.status == 0
    assert roles(run)["ci"] == role
    assert ("may do everything" in ended.err) == warned


def test_an_infrastructure_provider_has_an_account_of_its_own_kind(run: Run) -> None:
    ended = run("sa", "create", "infra-provider:aws-1", "--role", "InfraProvider")
    assert ended.status == 0
    assert roles(run)["infra-provider:aws-1"] == "InfraProvider"


def test_a_role_has_to_be_said_where_it_is_not_that_of_the_user(
    run: Run, simulator: Simulator
) -> None:
    ended = run("sa", "create", "ci", "--use-user-role=false")
    assert ended.status == 2
    assert "--role has to say the role" in ended.err
    assert simulator.count("CreateServiceAccount") == 0


def test_a_lifetime_is_kept_and_one_over_a_year_is_refused_before_anything_is_sent(
    run: Run, simulator: Simulator
) -> None:
    made = run("sa", "create", "ci", "-r", "Reader", "--ttl", "48h", "-o", "json").json
    left = datetime.fromisoformat(made["expires"]) - datetime.now(UTC)
    assert timedelta(hours=47) < left < timedelta(hours=49)
    refused = run("sa", "create", "old", "-r", "Reader", "-t", "9000h")
    assert refused.status == 2
    assert "365 days" in refused.err
    assert simulator.count("CreateServiceAccount") == 1


def test_a_key_file_is_for_its_owner_alone_and_nothing_secret_is_shown(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "ci.env"
    ended = run("sa", "create", "ci", "-r", "Operator", "--key-file", str(file))
    assert (ended.status, ended.out) == (0, "")
    assert file.stat().st_mode & 0o777 == 0o600
    key = variables(file.read_text())["OMNI_SERVICE_ACCOUNT_KEY"]
    assert key not in ended.err
    assert str(file) in ended.err
    assert ServiceAccountKey.decode(key).name == "ci"


def test_a_key_file_that_exists_is_replaced_only_by_force_and_asked_for_before_the_key_is_made(
    run: Run, tmp_path: Path, simulator: Simulator
) -> None:
    file = tmp_path / "ci.env"
    file.write_text("precious")
    refused = run("sa", "create", "ci", "-r", "Reader", "--key-file", str(file))
    assert (refused.status, file.read_text()) == (2, "precious")
    assert "--force" in refused.err
    nowhere = run("sa", "create", "ci", "-r", "Reader", "--key-file", str(tmp_path / "no" / "file"))
    assert nowhere.status == 2
    assert simulator.count("CreateServiceAccount") == 0
    assert run("sa", "create", "ci", "-r", "Reader", "-f", "--key-file", str(file)).status == 0
    assert "OMNI_SERVICE_ACCOUNT_KEY" in file.read_text()


def test_a_refusal_leaves_the_old_key_file_as_it_was(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "nobody.env"
    file.write_text("precious")
    ended = run("sa", "renew", "nobody", "--key-file", str(file), "--force")
    assert (ended.status, file.read_text()) == (7, "precious")
    assert [path.name for path in tmp_path.iterdir()] == ["nobody.env"]


def test_a_key_that_could_not_be_saved_is_told_with_the_way_to_another_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ci.env"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("omni_api._disk.os.fsync", full)
    ended = run("sa", "create", "ci", "-r", "Reader", "--key-file", str(file))
    assert (ended.status, ended.out) == (3, "")
    said = " ".join(ended.err.split())
    assert "No space left on device" in said
    assert "omni-api serviceaccount renew ci" in said
    assert not file.exists()


@pytest.mark.parametrize("verb", ["renew", "r"])
def test_a_renewed_account_has_both_keys_and_its_row_begins_with_its_name_once(
    run: Run, verb: str
) -> None:
    old = run("sa", "create", "ci", "-r", "Reader", "-o", "json").json["fingerprint"]
    new = run("sa", verb, "ci", "-o", "json").json["fingerprint"]
    rows = run("sa", "list").lines
    assert rows[0].split() == TITLES.split()
    own = [row for row in rows if old in row or new in row]
    assert len(own) == 2
    assert [row.startswith("ci") for row in own] == [True, False]
    assert own[1].startswith(" ")


def test_programs_get_the_key_among_its_facts(run: Run, tmp_path: Path) -> None:
    made = run("sa", "create", "ci", "-r", "Reader", "-o", "json").json
    key = ServiceAccountKey.decode(made["OMNI_SERVICE_ACCOUNT_KEY"])
    assert (key.name, key.fingerprint) == (made["name"], made["fingerprint"])
    saved = run("sa", "renew", "ci", "-o", "json", "--key-file", str(tmp_path / "key")).json
    assert "OMNI_SERVICE_ACCOUNT_KEY" not in saved
    assert saved["key_file"] == str(tmp_path / "key")


def test_a_name_alone_would_lose_the_key_so_it_needs_a_file(
    run: Run, tmp_path: Path, simulator: Simulator
) -> None:
    assert run("sa", "create", "ci", "-r", "Reader", "-o", "name").status == 2
    assert simulator.count("CreateServiceAccount") == 0
    saved = run(
        "sa", "create", "ci", "-r", "Reader", "-o", "name", "--key-file", str(tmp_path / "k")
    )
    assert saved.out == "ci\n"


@pytest.mark.parametrize("verb", ["destroy", "d", "delete"])
def test_a_removed_account_is_told_and_gone(run: Run, verb: str) -> None:
    assert run("sa", "create", "ci", "-r", "Reader").status == 0
    ended = run("sa", verb, "ci", "ghost")
    assert ended.status == 7
    assert "destroyed service account: ci" in ended.err
    assert "ghost: not found" in ended.err
    assert "ci" not in roles(run)


def test_the_log_of_a_creation_holds_no_key(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key"
    ended = run("sa", "create", "ci", "-r", "Reader", "-vv", "--key-file", str(file))
    assert ended.status == 0
    assert variables(file.read_text())["OMNI_SERVICE_ACCOUNT_KEY"] not in ended.out + ended.err


def test_ctrl_c_while_a_key_is_made_is_told_to_be_of_unknown_outcome(
    terminal: Open, simulator: Simulator
) -> None:
    simulator.delay("CreateServiceAccount", 20.0)
    child = terminal("serviceaccount", "create", "ci", "-r", "Reader")
    assert simulator.wait_for(lambda: simulator.count("CreateServiceAccount") == 1)
    child.sendintr()
    child.expect_exact("the server may have it all the same")
    child.expect_exact("interrupted")
    child.expect(pexpect.EOF)
    simulator.clear_faults()
    child.close()
    assert child.exitstatus == 130

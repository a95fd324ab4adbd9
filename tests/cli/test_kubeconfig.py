"""The kubeconfig of a cluster is merged into kubectl's file, or written where it was told."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml
from cli_program import Open, Run

from omni_api.simulator import Simulator

CLUSTER = ("--cluster", "talos-default")
NAME = "local-talos-default"
OTHERS = f"""\
# by hand
contexts:
- context: {{cluster: home, user: me}}   # mine
  name: {NAME}
current-context: {NAME}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where kubectl has its file."""
    return tmp_path / ".kube" / "config"


@pytest.fixture
def with_others(file: Path) -> Path:
    file.parent.mkdir()
    file.write_text(OTHERS)
    return file


def contexts(file: Path) -> dict[str, Any]:
    found = yaml.safe_load(file.read_text())
    return {entry["name"]: entry["context"] for entry in found["contexts"]}


def test_it_is_merged_into_the_file_of_kubectl_which_is_made_if_there_is_none(
    run: Run, file: Path
) -> None:
    ended = run("kubeconfig", *CLUSTER)
    assert (ended.status, ended.out) == (0, "")
    assert f'context "{NAME}" is used from now on' in ended.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert yaml.safe_load(file.read_text())["current-context"] == NAME
    before = file.read_bytes()
    assert run("kubeconfig", *CLUSTER).status == 0
    assert file.read_bytes() == before


def test_without_a_terminal_a_name_that_is_taken_is_renamed_and_told(
    run: Run, with_others: Path
) -> None:
    ended = run("kubeconfig", *CLUSTER, "-o", "json")
    assert f"renamed kubeconfig context {NAME} -> {NAME}-1" in ended.err
    assert ended.json["context"] == f"{NAME}-1"
    assert ended.json["renamed"] == [{"kind": "context", "old": NAME, "new": f"{NAME}-1"}]
    assert contexts(with_others)[NAME] == {"cluster": "home", "user": "me"}
    assert "# mine" in with_others.read_text()


def test_force_overwrites_and_the_context_can_be_called_otherwise(
    run: Run, with_others: Path
) -> None:
    named = run("kubeconfig", *CLUSTER, "--force-context-name", "prod", "-o", "name")
    assert named.out == "prod\n"
    assert contexts(with_others)[NAME] == {"cluster": "home", "user": "me"}
    assert run("kubeconfig", *CLUSTER, "--force").status == 0
    assert contexts(with_others)[NAME]["cluster"] == NAME


@pytest.mark.parametrize(("answer", "name"), [("r", f"{NAME}-1"), ("overwrite", NAME)])
def test_a_person_is_asked_which_it_is(
    terminal: Open, with_others: Path, answer: str, name: str
) -> None:
    child = terminal("kubeconfig", *CLUSTER)
    child.expect_exact("(r)ename/(o)verwrite")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert contexts(with_others)[name]["cluster"] == NAME
    assert yaml.safe_load(with_others.read_text())["current-context"] == name


def test_ctrl_c_instead_of_an_answer_leaves_everything_as_it_was(
    terminal: Open, with_others: Path
) -> None:
    child = terminal("kubeconfig", *CLUSTER)
    child.expect_exact("(r)ename/(o)verwrite")
    child.sendintr()
    child.expect_exact("interrupted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert with_others.read_text() == OTHERS
    assert [found.name for found in with_others.parent.iterdir()] == ["config"]


@pytest.mark.parametrize("said", ["--no-merge", "--merge=false", "-m=false"])
def test_without_merging_it_is_a_file_of_its_own_that_replaces_none_unasked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("kubeconfig", *CLUSTER, said).status == 0
    written = tmp_path / "kubeconfig"
    assert stat.S_IMODE(written.stat().st_mode) == 0o640
    written.write_text("mine")
    ended = run("kubeconfig", *CLUSTER, said)
    assert ended.status == 2
    assert 'kubeconfig file already exists, use --force to overwrite: "kubeconfig"' in ended.err
    assert written.read_text() == "mine"
    assert run("kubeconfig", *CLUSTER, said, "-f").status == 0
    assert written.read_text().startswith("apiVersion: v1\n")


def test_a_directory_gets_a_file_in_it_and_a_dash_is_standard_output(
    run: Run, tmp_path: Path, file: Path
) -> None:
    assert run("kubeconfig", str(tmp_path), *CLUSTER, "--no-merge", "-o", "name").out == (
        f"{tmp_path / 'kubeconfig'}\n"
    )
    shown = run("kubeconfig", "-", *CLUSTER)
    assert shown.out == (tmp_path / "kubeconfig").read_text()
    assert run("kubeconfig", "-", *CLUSTER, "-o", "json").json == yaml.safe_load(shown.out)
    assert not file.exists()


def test_a_cluster_that_does_not_exist_is_told_and_nothing_is_written(run: Run, file: Path) -> None:
    ended = run("kubeconfig", "--cluster", "lost")
    assert (ended.status, ended.out) == (7, "")
    assert 'cluster not found: "lost"' in ended.err
    assert not file.parent.exists()


def test_a_program_gets_a_token_that_is_not_shown(run: Run, file: Path) -> None:
    account = ("--service-account", "--user", "ci", "--ttl", "24h", "--groups", "a,b")
    ended = run("-vv", "kubeconfig", *CLUSTER, *account, "--groups", "c")
    assert ended.status == 0
    (user,) = yaml.safe_load(file.read_text())["users"]
    assert user["name"] == f"{NAME}-ci"
    assert user["user"]["token"] not in ended.err + ended.out
    assert "everybody" not in ended.err
    file.chmod(0o644)
    assert f"chmod 600 {file}" in run("kubeconfig", *CLUSTER, *account).err
    assert "everybody" not in run("kubeconfig", *CLUSTER).err


def test_how_kubectl_logs_in_can_be_said(run: Run) -> None:
    shown = run(
        "kubeconfig", "-", *CLUSTER, "--grant-type", "authcode-keyboard",
        "--oidc-cache-base-dir", "/var/cache/k", "--oidc-cache-isolation",
    )  # fmt: skip
    (user,) = yaml.safe_load(shown.out)["users"]
    assert "--grant-type=authcode-keyboard" in user["user"]["exec"]["args"]
    assert any("=/var/cache/k/" in word for word in user["user"]["exec"]["args"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--cluster"),
        ([*CLUSTER, "--service-account"], "needs a --user"),
        ([*CLUSTER, "--user", "ci"], "--user is about"),
        ([*CLUSTER, "--ttl", "1h"], "--ttl is about"),
        ([*CLUSTER, "--grant-type", "password"], "authcode-keyboard"),
        ([*CLUSTER, "--no-merge", "--force-context-name", "a"], "is about merging"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Run, simulator: Simulator, arguments: list[str], said: str
) -> None:
    ended = run("kubeconfig", *arguments)
    assert ended.status == 2
    assert said in ended.err
    assert simulator.count("Kubeconfig") == 0


def test_who_goes_around_omni_is_warned_and_asked(
    run: Run, terminal: Open, simulator: Simulator, file: Path
) -> None:
    simulator.state.break_glass_allowed = True
    asked = run("kubeconfig", *CLUSTER, "--break-glass")
    assert asked.status == 2
    assert "becomes tainted" in asked.err
    assert "--yes" in asked.err
    child = terminal("kubeconfig", *CLUSTER, "--break-glass")
    child.expect_exact('Taint cluster "talos-default"? [y/N]')
    child.sendline("n")
    child.expect(pexpect.EOF)
    assert simulator.count("Kubeconfig") == 0
    assert run("kubeconfig", *CLUSTER, "--break-glass", "--yes", "--read-only").status == 2
    done = run("kubeconfig", *CLUSTER, "--break-glass", "--yes")
    assert done.status == 0
    (user,) = yaml.safe_load(file.read_text())["users"]
    assert user["user"]["client-key-data"] not in done.err


def test_a_file_that_is_damaged_is_told_with_a_status_and_left_alone(
    run: Run, with_others: Path
) -> None:
    with_others.write_text("token: very-secret\nclusters: [\n")
    ended = run("kubeconfig", *CLUSTER)
    assert ended.status == 2
    assert "mend it first" in " ".join(ended.err.split())
    assert "very-secret" not in ended.err
    assert with_others.read_text() == "token: very-secret\nclusters: [\n"


def test_kubectl_s_variable_names_the_file(run: Run, tmp_path: Path) -> None:
    named = os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "deep" / "b")])
    assert run("kubeconfig", *CLUSTER, env={"KUBECONFIG": named}).status == 0
    assert NAME in contexts(tmp_path / "deep" / "b")

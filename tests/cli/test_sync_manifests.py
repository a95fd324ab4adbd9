"""`omni-api sync-manifests`: nothing is changed that was not shown, or was not wanted."""

from __future__ import annotations

import pexpect
import pytest
from cli_program import Open, Run

from omni_api.simulator import Simulator

RPC = "KubernetesSyncManifests"


def synced(simulator: Simulator) -> bool:
    cluster = simulator.state.fleet.cluster("talos-default")
    assert cluster is not None
    return cluster.manifests_synced


@pytest.mark.parametrize("path", [["sync-manifests"], ["cluster", "kubernetes", "manifest-sync"]])
def test_the_diff_is_shown_and_nothing_is_changed(
    run: Run, simulator: Simulator, path: list[str]
) -> None:
    ended = run(*path, "talos-default")
    assert ended.status == 0
    assert "coredns: changed" in ended.out
    assert any(line.startswith("+      - image:") for line in ended.lines)
    assert "unchanged" not in ended.out
    assert ended.err == "2 manifests differ; nothing was changed\n"
    assert not synced(simulator)


def test_programs_get_every_manifest_and_loops_the_changed_paths(run: Run) -> None:
    found = run("sync-manifests", "talos-default", "-o", "json").json
    assert [one["name"] for one in found if one["changed"]] == ["kube-proxy", "coredns"]
    assert len(found) > 2
    paths = run("sync-manifests", "talos-default", "-o", "name").lines
    assert paths == [one["path"] for one in found if one["changed"]]


def test_nobody_to_ask_means_that_nothing_is_sent(run: Run, simulator: Simulator) -> None:
    ended = run("sync-manifests", "talos-default", "--no-dry-run")
    assert ended.status == 2
    assert "--yes" in ended.err
    assert simulator.count(RPC) == 0


@pytest.mark.parametrize("flag", ["--no-dry-run", "--dry-run=false"])
def test_yes_changes_it_in_one_go_and_tells_what_is_rolled_out(
    run: Run, simulator: Simulator, flag: str
) -> None:
    ended = run("sync-manifests", "talos-default", flag, "--yes")
    assert ended.status == 0
    assert "coredns: rolling out" in ended.out
    assert ended.err == "2 manifests were changed\n"
    assert synced(simulator)
    assert simulator.count(RPC) == 1


def test_the_options_of_server_side_apply_reach_the_server_and_pruning_is_off(
    run: Run, simulator: Simulator
) -> None:
    assert run("sync-manifests", "talos-default").status == 0
    assert not simulator.calls[-1].request.HasField("ssa")
    options = ["--force-conflicts", "--inventory-policy", "adopt-all", "--reconcile-timeout", "1m"]
    assert run("sync-manifests", "talos-default", *options).status == 0
    sent = simulator.calls[-1].request.ssa
    assert sent.force_conflicts
    assert sent.no_prune
    assert sent.reconcile_timeout.seconds == 60


def test_a_person_sees_the_diff_in_colour_and_is_asked(
    terminal: Open, simulator: Simulator
) -> None:
    child = terminal("sync-manifests", "talos-default", "--no-dry-run")
    child.expect_exact("\x1b[32m+      - image:")
    child.expect_exact("Change the manifests of cluster talos-default? [y/N]")
    assert not synced(simulator)
    child.sendline("y")
    child.expect_exact("coredns: rolling out")
    child.expect_exact("2 manifests were changed")
    child.expect(pexpect.EOF)
    assert synced(simulator)


def test_a_no_changes_nothing(terminal: Open, simulator: Simulator) -> None:
    child = terminal("sync-manifests", "talos-default", "--no-dry-run")
    child.expect_exact("[y/N]")
    child.sendline("n")
    child.expect_exact("nothing was changed")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert not synced(simulator)
    assert simulator.count(RPC) == 1


def test_a_cluster_that_is_not_there_is_not_found(run: Run) -> None:
    ended = run("sync-manifests", "nope")
    assert ended.status == 7
    assert "nope is not found" in ended.err

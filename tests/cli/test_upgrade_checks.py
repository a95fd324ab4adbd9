"""`omni-api upgrade-checks`: what is in the way is the error."""

from __future__ import annotations

import pytest
from cli_program import Run

from omni_api.simulator import Simulator

PATHS = [["upgrade-checks"], ["cluster", "kubernetes", "upgrade-pre-checks"]]


@pytest.mark.parametrize("path", PATHS)
def test_a_cluster_that_can_be_upgraded_is_told_so(run: Run, path: list[str]) -> None:
    ended = run(*path, "talos-default", "--to", "v1.36.0")
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == "cluster talos-default can be upgraded to Kubernetes 1.36.0\n"


def test_the_reason_of_the_server_is_the_error(run: Run, simulator: Simulator) -> None:
    cluster = simulator.state.fleet.cluster("talos-default")
    assert cluster is not None
    cluster.upgrade_failure = "removed API: PodSecurityPolicy"
    ended = run("upgrade-checks", "talos-default", "--to", "1.36.0")
    assert (ended.status, ended.out) == (1, "")
    assert "pre-checks failed: removed API: PodSecurityPolicy" in ended.err
    found = run("upgrade-checks", "talos-default", "--to", "1.36.0", "-o", "json")
    assert (found.status, found.json["ok"]) == (1, False)
    assert "PodSecurityPolicy" in found.json["reason"]


@pytest.mark.parametrize(
    ("cluster", "to", "status", "said"),
    [
        ("nope", "1.36.0", 7, "doesn't exist"),
        ("talos-default", "1.40.0", 1, "unsupported upgrade path"),
    ],
)
def test_a_cluster_or_a_version_that_does_not_fit_is_named(
    run: Run, cluster: str, to: str, status: int, said: str
) -> None:
    ended = run("upgrade-checks", cluster, "--to", to)
    assert ended.status == status
    assert said in ended.err

"""Standard streams that are closed or full."""

from __future__ import annotations

import subprocess
import sys

import pytest

from omni_api.simulator import Simulator


def shell(line: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a line of bash, in which `"$@"` is the program."""
    return subprocess.run(
        ["bash", "-c", line, "bash", sys.executable, "-m", "omni_api"],
        env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_without_standard_output_nothing_is_done(
    environment: dict[str, str], simulator: Simulator
) -> None:
    done = shell('"$@" serviceaccount create ci --role Reader >&-', environment)
    assert done.returncode == 3
    assert "standard output is closed" in done.stderr
    assert simulator.count("CreateServiceAccount") == 0


@pytest.mark.parametrize(
    ("line", "status", "out"),
    [
        ('"$@" user list -o name 2>&- <&-', 0, "admin@example.org"),
        ('"$@" machine shutdown m1 <&-', 2, ""),
        ('"$@" user list --context nowhere >&- 2>&- <&-', 3, ""),
    ],
)
def test_the_other_streams_may_be_closed(
    environment: dict[str, str], line: str, status: int, out: str
) -> None:
    done = shell(line, environment)
    assert (done.returncode, *done.stdout.splitlines()[:1]) == (status, *([out] if out else []))
    assert "defect" not in done.stderr

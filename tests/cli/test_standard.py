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


@pytest.mark.parametrize("format", ["table", "json"])
def test_a_key_that_cannot_be_written_is_told_to_be_lost(
    environment: dict[str, str], format: str
) -> None:
    done = shell(f'"$@" serviceaccount create ci -r Reader -o {format} > /dev/full', environment)
    assert done.returncode == 3
    said = " ".join(done.stderr.split())
    assert "the key could not be written: No space left on device" in said
    assert "make another one with `omni-api serviceaccount renew ci`" in said
    assert "Exception ignored" not in said


def test_a_key_whose_reader_is_gone_is_told_to_be_lost(environment: dict[str, str]) -> None:
    line = (
        'mkfifo "$HOME/pipe"; exec 3<>"$HOME/pipe" 4>"$HOME/pipe" 3<&-; '  # nobody reads 4
        '"$@" serviceaccount create ci -r Reader >&4'
    )
    done = shell(line, environment)
    assert done.returncode == 3
    assert "serviceaccount renew ci" in " ".join(done.stderr.split())


def test_an_answer_comes_although_standard_error_is_full(environment: dict[str, str]) -> None:
    done = shell('"$@" serviceaccount create ci -r Reader 2> /dev/full', environment)
    assert done.returncode == 0
    assert "OMNI_SERVICE_ACCOUNT_KEY=" in done.stdout


def test_a_status_stays_what_it_is_although_standard_error_is_full(
    environment: dict[str, str],
) -> None:
    assert shell('"$@" user nonsense 2> /dev/full', environment).returncode == 2
    assert shell('"$@" user delete nobody 2> /dev/full', environment).returncode == 7

"""The program as its users run it: in this process for speed, or in a terminal of its own."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from cli_program import Ended, Open, Run
from click.testing import CliRunner

from omni_api.cli import main
from omni_api.simulator import Simulator


@pytest.fixture
def environment(simulator: Simulator, tmp_path: Path) -> dict[str, str]:
    """What the program finds around it: an Omni, an Admin's key, and an empty home."""
    return {
        **simulator.environment(),
        "HOME": str(tmp_path),
        "TALOS_HOME": "",
        "XDG_CONFIG_HOME": "",
        "XDG_DATA_HOME": "",
        "KUBECONFIG": "",
        "OMNICONFIG": "",
    }


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run the program here, without a terminal: `run("user", "list", input="y", env={...})`."""

    def run(*arguments: str, input: str = "", env: dict[str, str | None] | None = None) -> Ended:
        runner = CliRunner()
        with runner.isolation(input=input, env={**environment, **(env or {})}) as streams:
            status = main(arguments)
            sys.stdout.flush()
            sys.stderr.flush()
        return Ended(
            status=int(status),
            out=streams[0].getvalue().decode(),
            err=streams[1].getvalue().decode(),
        )

    return run


def _hear_ctrl_c() -> None:
    # Who runs the tests in the background of a shell ignores it, and children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Open]:
    """Run the program in a terminal of its own, which a test types into and reads from."""
    opened: list[pexpect.spawn[str]] = []

    def open_terminal(
        *arguments: str, columns: int = 100, env: dict[str, str] | None = None
    ) -> pexpect.spawn[str]:
        child = pexpect.spawn(
            sys.executable,
            ["-m", "omni_api", *arguments],
            env={"PATH": "/usr/bin:/bin", "TERM": "xterm-256color", **environment, **(env or {})},
            encoding="utf-8",
            timeout=20,
            dimensions=(40, columns),
            preexec_fn=_hear_ctrl_c,
        )
        # Nobody types in the very moment in which a prompt appears. Python's input() would lose a
        # Ctrl-C then: it ignores every error while it flushes the prompt.
        child.delaybeforesend = 0.2
        opened.append(child)
        return child

    yield open_terminal
    for child in opened:
        child.close(force=True)

"""The fixtures that other people's tests get by installing this package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import asyncio
from omni_api import OmniClient
from omni_api.simulator import Simulator
import omni_api_async

ports = []

def test_a_simulator(omni_simulator):
    assert isinstance(omni_simulator, Simulator)
    ports.append(omni_simulator.port)
    omni_simulator.state.accounts.add_account("left@example.org", "Reader")

def test_a_fresh_one(omni_simulator):
    assert "left@example.org" not in omni_simulator.state.accounts.identities

def test_a_client(omni_client, omni_simulator):
    assert isinstance(omni_client, OmniClient)
    omni_simulator.fail("ListUsers", times=1)
    assert omni_client.management.list_users().users
    assert omni_simulator.count("ListUsers") == 2

def test_an_asyncio_client(async_omni_client, omni_simulator):
    assert isinstance(async_omni_client, omni_api_async.OmniClient)
    async def body():
        async with async_omni_client as client:
            return (await client.management.list_users()).users
    assert asyncio.run(body())
    assert omni_simulator.count("ListUsers") == 1
"""
LIGHT = """
import sys

def test_the_plugin_is_there_and_loads_nothing_heavy(pytestconfig):
    assert "omni_api.simulator.pytest_plugin" in sys.modules
    assert "grpc" not in sys.modules
    assert "omni_api.simulator._server" not in sys.modules
"""


def run(tmp_path: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest as somebody would who has only installed this package."""
    (tmp_path / "test_theirs.py").write_text(text)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            *options,
        ],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )


def test_their_tests_get_a_fresh_simulator_and_clients_of_it(tmp_path: Path) -> None:
    done = run(tmp_path, TESTS, "-W", "error")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_a_run_that_uses_no_fixture_does_not_pay_for_them(tmp_path: Path) -> None:
    done = run(tmp_path, LIGHT)
    assert done.returncode == 0, done.stdout + done.stderr

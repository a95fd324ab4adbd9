"""What only another process shows: proxies of the environment, and children by fork."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from omni_api.simulator import Simulator


def run(script: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    # Forks are the subject here, so gRPC does about them what it does by default.
    env = {name: value for name, value in env.items() if name != "GRPC_ENABLE_FORK_SUPPORT"}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=env,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.fixture
def dead_proxy() -> Iterator[dict[str, str]]:
    """An environment that names a proxy where nobody listens, and nothing that goes around it."""
    mine = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        yield mine | dict.fromkeys(("http_proxy", "https_proxy", "grpc_proxy"), url)


LISTING = """
import asyncio
from omni_api import OmniClient, RetryPolicy
from omni_api_async import OmniClient as AsyncOmniClient
once = RetryPolicy(attempts=1)
with OmniClient.from_env(retry=once, timeout=5.0) as omni:
    assert omni.management.list_users().users
    assert list(omni.audit_log.read())
async def body():
    async with AsyncOmniClient.from_env(retry=once, timeout=5.0) as omni:
        assert (await omni.management.list_users()).users
        assert [line async for line in omni.audit_log.read()]
asyncio.run(body())
"""


@pytest.mark.parametrize("tls", [False, True])
def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    dead_proxy: dict[str, str], tls: bool
) -> None:
    with Simulator(tls=tls) as simulator:
        done = run(LISTING, dead_proxy | simulator.environment())
    assert done.returncode == 0, done.stderr


FORKING = """
import asyncio, os
from omni_api import ClosedError, OmniClient, OmniError
from omni_api_async import OmniClient as AsyncOmniClient

async def users(omni):
    return (await asyncio.wait_for(omni.management.list_users(), 5.0)).users

async def lines(omni):
    async with asyncio.timeout(5.0):
        return [line async for line in omni.audit_log.read()]

def refused(work, omni):
    try:
        asyncio.run(work(omni))
    except ClosedError as error:
        return "spawn or forkserver" in str(error)
    return False

old = AsyncOmniClient.from_env()
with asyncio.Runner() as runner:
    assert runner.run(users(old))
    child = os.fork()
    if child == 0:
        code = 9
        try:
            code = 0
            for bit, work in ((1, users), (2, lines)):
                for omni, weight in ((old, 1), (AsyncOmniClient.from_env(), 4)):
                    if not refused(work, omni):
                        code |= bit * weight
            try:
                with OmniClient.from_env(timeout=3.0) as blocking:
                    blocking.management.list_users()
            except OmniError:
                pass
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert runner.run(users(old))
    runner.run(old.close())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_of_an_asyncio_process_is_told_how_to_start_children(simulator: Simulator) -> None:
    done = run(FORKING, os.environ | simulator.environment())
    assert done.returncode == 0, done.stderr


FORKING_STREAMS = """
import os
from omni_api import ClosedError, OmniClient

machines = os.environ["MACHINES"].split(",")
omni = OmniClient.from_env()
with omni.machines.logs(machines, tail=1, follow=True) as merged, omni.audit_log.follow() as events:
    assert next(merged).raw
    child = os.fork()
    if child == 0:
        code = 9
        try:
            code = 0
            for bit, stream in ((1, merged), (2, events)):
                try:
                    next(stream)
                except ClosedError as error:
                    code |= 0 if "spawn or forkserver" in str(error) else bit
                else:
                    code |= bit
                stream.close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    omni.management.create_join_token(name="rack-7")
    assert next(events).type == "create"
omni.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_neither_reads_nor_disturbs_the_streams_of_its_parent(simulator: Simulator) -> None:
    machines = ",".join(one.id for one in simulator.state.fleet.machines()[:3])
    done = run(FORKING_STREAMS, os.environ | simulator.environment() | {"MACHINES": machines})
    assert done.returncode == 0, done.stderr

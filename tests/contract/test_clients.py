"""The life of a client: made, shared, closed, and what does not outlive a fork or a loop."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import pytest
from facades import Facade
from sample_calls import one_machine

import omni_api
import omni_api_async
from omni_api import ClosedError, RetryPolicy, ServiceAccountKey
from omni_api.simulator import Simulator


def key_of(simulator: Simulator) -> ServiceAccountKey:
    return ServiceAccountKey.decode(simulator.service_account_key())


def test_making_a_client_sends_nothing_and_needs_no_server(facade: Facade) -> None:
    omni = facade.client("https://omni.example.org")
    assert repr(omni) == f"<{facade.client_class.__module__.partition('.')[0]}.OmniClient of " + (
        "https://omni.example.org:443>"
    )


def test_a_client_is_closed_twice_without_complaint(omni: Any) -> None:
    assert omni.management.list_users().users
    assert omni.close() is None
    assert omni.close() is None


def test_a_client_that_was_never_used_can_be_closed(facade: Facade) -> None:
    omni = facade.client("grpc://127.0.0.1:1")
    assert omni.close() is None
    with pytest.raises(ClosedError):
        omni.management.list_users()


def test_a_closed_client_refuses_calls_and_streams(omni: Any, simulator: Simulator) -> None:
    with omni:
        assert omni.management.list_users().users
    simulator.forget_calls()
    with pytest.raises(ClosedError, match="the client is closed; make a new one"):
        omni.management.list_users()
    with pytest.raises(ClosedError):
        list(omni.management.machine_logs(machine_id=one_machine(simulator)))
    with pytest.raises(ClosedError):
        omni.service_accounts.create("ci", "Reader")
    assert simulator.calls == []


def test_the_user_agent_arrives_at_the_server(omni: Any, simulator: Simulator) -> None:
    omni.management.create_user(email="ana@example.org", role="Reader")
    audit = simulator.state.audit
    *_, last = audit.live_rows(audit.oldest_id())
    assert f'"user_agent":"sidero-omni-api/{version("sidero-omni-api")} '.encode() in last.line


def test_several_threads_share_one_client(simulator: Simulator) -> None:
    together = threading.Barrier(8)
    with omni_api.OmniClient(simulator.endpoint, auth=key_of(simulator)) as omni:

        def work(number: int) -> int:
            together.wait(5.0)
            if number % 2:
                with omni.management.machine_logs(
                    machine_id=one_machine(simulator), tail_lines=50
                ) as lines:
                    return len(list(lines))
            return sum(len(omni.management.list_users().users) for _ in range(10))

        with ThreadPoolExecutor(8) as threads:
            assert sorted(threads.map(work, range(8))) == [40] * 4 + [50] * 4
    assert simulator.count("ListUsers") == 40


def test_a_hundred_calls_at_once_share_one_client(simulator: Simulator) -> None:
    async def body() -> None:
        async with omni_api_async.OmniClient(simulator.endpoint, auth=key_of(simulator)) as omni:
            answers = await asyncio.gather(
                *(omni.management.kubeconfig(cluster=f"c{number}") for number in range(100))
            )
        for number, answer in enumerate(answers):
            assert f"current-context: local-c{number}\n".encode() in answer.kubeconfig

    asyncio.run(body())
    assert simulator.count("Kubeconfig") == 100


def test_the_blocking_client_works_inside_a_running_event_loop(simulator: Simulator) -> None:
    async def body() -> None:
        with omni_api.OmniClient(simulator.endpoint, auth=key_of(simulator)) as omni:
            assert omni.management.list_users().users
            assert len(list(omni.audit_log.read())) > 0

    asyncio.run(body())


def test_the_asyncio_client_belongs_to_the_loop_of_its_first_call(simulator: Simulator) -> None:
    omni = omni_api_async.OmniClient(simulator.endpoint, auth=key_of(simulator))

    async def users() -> int:
        return len((await omni.management.list_users()).users)

    async def read() -> int:
        return len([line async for line in omni.audit_log.read()])

    with asyncio.Runner() as first:
        assert first.run(users()) == 4
        for work in (users, read):
            with pytest.raises(ClosedError, match="one client per asyncio"):
                asyncio.run(work())
        assert first.run(users()) == 4
        first.run(omni.close())


CHILD = """
import os, sys
from omni_api import ClosedError, OmniClient
omni = OmniClient.from_env()
assert omni.management.list_users().users
child = os.fork()
if child == 0:
    try:
        omni.management.list_users()
    except ClosedError as error:
        os._exit(0 if "fork" in str(error) else 2)
    except BaseException:
        os._exit(3)
    os._exit(4)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert omni.management.list_users().users
omni.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_is_told_to_make_a_client_of_its_own(simulator: Simulator) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD],
        env=os.environ | simulator.environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert simulator.count("ListUsers") == 2


def test_closing_the_client_ends_a_call_that_waits_for_its_answer(simulator: Simulator) -> None:
    simulator.delay("CreateUser", 30.0)
    omni = omni_api.OmniClient(simulator.endpoint, auth=key_of(simulator))
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(omni.management.create_user, email="ana@example.org", role="Reader")
        assert simulator.wait_for(lambda: simulator.count("CreateUser") == 1)
        omni.close()
        with pytest.raises(ClosedError, match="may have been carried out"):
            call.result(5.0)


def test_closing_the_asyncio_client_ends_a_call_that_waits_for_its_answer(
    simulator: Simulator,
) -> None:
    simulator.delay("CreateUser", 30.0)

    async def body() -> None:
        omni = omni_api_async.OmniClient(simulator.endpoint, auth=key_of(simulator))
        call = asyncio.create_task(
            omni.management.create_user(email="ana@example.org", role="Reader")
        )
        arrived = simulator.wait_for
        assert await asyncio.to_thread(arrived, lambda: simulator.count("CreateUser") == 1)
        await omni.close()
        with pytest.raises(ClosedError, match="may have been carried out"):
            await asyncio.wait_for(call, 5.0)

    asyncio.run(body())


def test_closing_the_client_ends_the_wait_between_two_attempts(simulator: Simulator) -> None:
    patient = RetryPolicy(first_wait=60.0, max_wait=60.0)
    fault = simulator.fail("ListUsers", times=None)
    omni = omni_api.OmniClient(
        simulator.endpoint, auth=key_of(simulator), retry=patient, timeout=None
    )
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(omni.management.list_users)
        assert simulator.wait_for(lambda: any(one.code for one in simulator.calls))
        omni.close()
        with pytest.raises(ClosedError):
            call.result(5.0)
    assert fault.hits == 1

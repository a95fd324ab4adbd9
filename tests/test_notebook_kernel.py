"""Both packages in a real kernel of Jupyter, beside its running loop."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from kernels import Kernel, kernel
from sample_calls import one_machine

from omni_api.simulator import Simulator

LIMIT = 2.0
"""Seconds in which an interrupted cell has to end, on a machine that is busy with other tests."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with kernel(tmp_path_factory.mktemp("kernel")) as started:
        yield started


@pytest.fixture
def cells(running: Kernel, simulator: Simulator) -> Iterator[Kernel]:
    """A kernel with a client of each package, `omni` and `twin`, and the id of a `machine`."""
    ready = running.run(
        "import asyncio, omni_api, omni_api_async\n"
        "from omni_api import display\n"
        f"environ, machine = {simulator.environment()!r}, {one_machine(simulator)!r}\n"
        "omni = omni_api.OmniClient.from_env(environ=environ)\n"
        "twin = omni_api_async.OmniClient.from_env(environ=environ)\n"
        "asyncio.get_running_loop().is_running()"
    )
    assert ready.values[0]["text/plain"] == "True", ready
    yield running
    closed = running.run("omni.close()\nawait twin.close()")
    assert (closed.error, closed.err) == ("", "")


def check_that_clients_work(cells: Kernel) -> None:
    shown = cells.run(
        "print(len(omni.management.list_users().users),\n"
        "      len((await twin.management.list_users()).users))"
    )
    assert (shown.out, shown.err, shown.error) == ("4 4\n", "", "")


def test_the_blocking_client_works_beside_the_loop_and_its_answers_are_tables(
    cells: Kernel,
) -> None:
    shown = cells.run("omni.management.list_users().users")
    assert (shown.error, shown.err) == ("", "")
    assert "<table>" in shown.html
    assert "auditor@example.org" in shown.html


def test_the_asyncio_client_works_with_await_at_the_top_level(cells: Kernel) -> None:
    shown = cells.run(
        "users, accounts = await asyncio.gather(\n"
        "    twin.management.list_users(), twin.management.list_service_accounts())\n"
        "async with twin.management.machine_logs(machine_id=machine, tail_lines=3) as log:\n"
        "    print(len(users.users), len([line async for line in log]))\n"
        "log"
    )
    assert (shown.out, shown.error, shown.err) == ("4 3\n", "", "")
    assert "ended: 3 chunks" in shown.values[0]["text/plain"]


def test_bars_stand_below_the_cell_without_any_widget(cells: Kernel) -> None:
    shown = cells.run(
        "with display.bars() as show:\n"
        "    bundle = omni.support.save('talos-default', on_progress=show)\n"
    )
    assert (shown.out, shown.error, shown.err) == ("", "", "")
    assert '<progress value="55" max="55">' in shown.html
    assert "12 failed" in shown.html
    assert len(shown.values) == 1, "one output, which is replaced"


def test_a_stream_that_is_watched_shows_how_much_has_come(cells: Kernel) -> None:
    shown = cells.run(
        "with display.bars() as show:\n"
        "    async with twin.management.machine_logs(machine_id=machine, tail_lines=500) as log:\n"
        "        async for line in show.watch(log, 'lines'):\n"
        "            pass\n"
    )
    assert (shown.out, shown.error, shown.err) == ("", "", "")
    assert "500 lines" in shown.html


@pytest.mark.parametrize(
    "cell",
    [
        "print('here', flush=True)\nomni.management.list_users()",
        "for line in omni.management.machine_logs(machine_id=machine, follow=True, tail_lines=1):\n"
        "    print('here', flush=True)",
        "with omni.audit_log.follow() as events:\n"
        "    print('here', flush=True)\n    for event in events:\n        pass",
    ],
    ids=["call", "stream", "followed"],
)
def test_an_interrupted_cell_ends_soon_and_the_clients_go_on(
    cells: Kernel, simulator: Simulator, cell: str
) -> None:
    began = 0.0

    def interrupt() -> None:
        nonlocal began
        began = time.monotonic()
        cells.interrupt()

    simulator.delay("ListUsers", 60)
    shown = cells.run(cell, at="here", then=interrupt)
    assert shown.error == "KeyboardInterrupt"
    assert time.monotonic() - began < LIMIT
    simulator.clear_faults()
    check_that_clients_work(cells)
    assert simulator.wait_for(lambda: simulator.active_streams() == 0)


def test_an_interrupted_cell_of_the_asyncio_client_ends_with_the_next_line(
    cells: Kernel, simulator: Simulator
) -> None:
    def interrupt() -> None:
        # The kernel looks for the interruption when its loop wakes up.
        cells.interrupt()
        simulator.state.fleet.append_log(one_machine(simulator), "a line")

    shown = cells.run(
        "async with twin.machines.logs(machine, tail=1, follow=True) as log:\n"
        "    async for record in log:\n"
        "        print('here', flush=True)\n",
        at="here",
        then=interrupt,
    )
    assert shown.error == "CancelledError"
    check_that_clients_work(cells)
    assert simulator.wait_for(lambda: simulator.active_streams() == 0)

"""`omni-api machine`: dangerous verbs ask, and the work on a machine is told as it goes."""

from __future__ import annotations

import pexpect
import pytest
from cli_program import Open, Run

from omni_api.simulator import Simulator


@pytest.fixture
def spare(simulator: Simulator) -> str:
    """Return a machine in maintenance mode without Talos on its disk."""
    return simulator.state.fleet.add_machine().id


@pytest.mark.parametrize("verb", ["shutdown", "power-off"])
def test_a_machine_is_shut_down_after_a_yes(run: Run, simulator: Simulator, verb: str) -> None:
    machine = simulator.state.fleet.machines()[0].id
    refused = run("machine", verb, machine)
    assert refused.status == 2
    assert "--yes" in refused.err
    assert simulator.count("MachinePowerOff") == 0
    assert run("machine", verb, machine, "--yes").err == f"shut down machine {machine}\n"
    assert simulator.count("MachinePowerOff") == 1


def test_a_person_is_asked_and_no_means_that_nothing_is_sent(
    terminal: Open, simulator: Simulator
) -> None:
    machine = simulator.state.fleet.machines()[0].id
    child = terminal("machine", "shutdown", machine)
    child.expect_exact(f"Shut down machine {machine}? [y/N]")
    child.sendline("n")
    child.expect(pexpect.EOF)
    assert simulator.count("MachinePowerOff") == 0


def test_an_installation_is_told_line_by_line_on_standard_error(run: Run, spare: str) -> None:
    ended = run("machine", "install", spare, "--disk", "/dev/sda", "--yes")
    assert (ended.status, ended.out) == (0, "")
    told = ended.err.splitlines()
    assert told[0].startswith("[omni] pulling installer image")
    assert told[-1] == "[omni] rebooting machine to boot into installed Talos"


def test_programs_get_the_steps_when_it_is_over(run: Run, spare: str) -> None:
    ended = run("machine", "install", spare, "--disk", "/dev/sda", "--yes", "-o", "json")
    assert ended.json[0]["origin"] == "omni"
    assert "talos" in {step["origin"] for step in ended.json}


def test_an_installation_is_not_begun_without_a_yes(
    run: Run, simulator: Simulator, spare: str
) -> None:
    ended = run("machine", "install", spare, "--disk", "/dev/sda")
    assert ended.status == 2
    assert "What is on that disk is lost" in ended.err
    assert simulator.count("MaintenanceLifecycle") == 0


def test_an_upgrade_of_a_machine_without_talos_is_refused_in_the_servers_words(
    run: Run, spare: str
) -> None:
    ended = run("machine", "upgrade", spare, "--version", "1.13.7")
    assert ended.status == 1
    assert "Talos is not installed on this machine" in ended.err


def test_ctrl_c_leaves_the_work_going_and_says_so(
    terminal: Open, simulator: Simulator, spare: str
) -> None:
    machine = simulator.state.fleet.machine(spare)
    assert machine is not None
    machine.pause_after = 2
    child = terminal("machine", "install", spare, "--disk", "/dev/sda", "--yes")
    child.expect_exact("[omni] installer image pulled")
    child.sendintr()
    child.expect_exact("the work on the machine goes on")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    machine.pause_after = None


@pytest.mark.parametrize(
    ("arguments", "rpc"),
    [
        (["power-on"], "MachinePowerOn"),
        (["maintenance-upgrade", "--version", "1.13.8"], "MaintenanceUpgrade"),
        (["reset-node-unique-token", "--yes"], "ResetNodeUniqueToken"),
    ],
)
def test_a_machine_that_is_not_there_is_not_found(
    run: Run, simulator: Simulator, arguments: list[str], rpc: str
) -> None:
    verb, *options = arguments
    ended = run("m", verb, "00000000-0000-0000-0000-000000000000", *options)
    assert ended.status == 7
    assert "machine not found" in ended.err
    assert simulator.count(rpc) == 1


def test_several_machines_are_asked_for_once_and_each_is_told(
    run: Run, simulator: Simulator
) -> None:
    first, second = (machine.id for machine in simulator.state.fleet.machines()[:2])
    ended = run("machine", "shutdown", first, second, "--yes")
    assert ended.status == 0
    assert ended.err.splitlines() == [f"shut down machine {first}", f"shut down machine {second}"]

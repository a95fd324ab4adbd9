"""Installing and upgrading machines: typed steps, and what an interruption leaves open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from facades import Facade
from sample_calls import spare_machine

from omni_api import (
    CallError,
    FailedPreconditionError,
    InternalError,
    InvalidInputError,
    MaintenanceStep,
    NotFoundError,
    PermissionDeniedError,
    ReadOnlyError,
    UnavailableError,
)
from omni_api.simulator import Simulator
from omni_api.simulator._fleet import InstallerFailure


def test_an_installation_is_told_in_steps(omni: Any, simulator: Simulator) -> None:
    machine_id = spare_machine(simulator)
    with omni.machines.install(machine_id, disk="/dev/sda", version="v1.13.7") as stream:
        steps = list(stream)
    assert steps[0].origin == "omni"
    assert steps[0].text.startswith("pulling installer image factory.talos.dev/")
    assert MaintenanceStep(origin="talos", text="partitioning /dev/sda") in steps
    assert str(steps[-1]) == "[omni] rebooting machine to boot into installed Talos"
    assert stream.bytes_received == sum(len(str(step)) for step in steps)
    assert simulator.state.fleet.example("maintenance").talos_version == "1.13.7"


def test_an_installed_machine_is_upgraded(omni: Any, simulator: Simulator) -> None:
    stream = omni.machines.upgrade(spare_machine(simulator, "installed"), version="1.13.7")
    assert {step.origin for step in stream} == {"omni", "talos"}
    assert simulator.state.fleet.example("installed").talos_version == "1.13.7"


def test_a_stream_that_breaks_says_that_the_work_goes_on(omni: Any, simulator: Simulator) -> None:
    machine_id = spare_machine(simulator)
    simulator.break_stream("MaintenanceLifecycle", after=2)
    with pytest.raises(UnavailableError) as caught:
        list(omni.machines.install(machine_id, disk="/dev/sda"))
    assert caught.value.outcome_unknown
    assert caught.value.chunks == 2
    assert f"The work on machine {machine_id} goes on" in caught.value.hint
    assert "already in progress" in str(caught.value)


def test_a_second_call_meets_the_first_ones_work(
    omni: Any, simulator: Simulator, facade: Facade
) -> None:
    held = simulator.state.fleet.example("maintenance")
    held.pause_after = 1
    with omni.machines.install(held.id, disk="/dev/sda") as steps:
        next(steps)
    assert facade.meanwhile(lambda: simulator.wait_for(lambda: simulator.active_streams() == 0))
    with pytest.raises(FailedPreconditionError, match="already in progress") as caught:
        list(omni.machines.install(held.id, disk="/dev/sda"))
    assert "goes on" not in caught.value.hint
    simulator.state.fleet.resume(held.id)
    assert held.installed


def test_an_installer_that_failed_works_on_no_longer(omni: Any, simulator: Simulator) -> None:
    machine = simulator.state.fleet.example("maintenance")
    machine.installer_failure = InstallerFailure(reason="disk too small")
    with pytest.raises(CallError, match="disk too small") as caught:
        list(omni.machines.install(machine.id, disk="/dev/sda"))
    assert isinstance(caught.value, InternalError)
    assert "goes on" not in str(caught.value)


def test_a_server_that_was_never_reached_works_on_nothing(
    omni: Any, simulator: Simulator, facade: Facade
) -> None:
    facade.meanwhile(simulator.go_away)
    with pytest.raises(UnavailableError) as caught:
        list(omni.machines.install(spare_machine(simulator), disk="/dev/sda"))
    assert not caught.value.outcome_unknown
    assert "goes on" not in str(caught.value)


def test_an_unknown_machine_is_not_found(omni: Any) -> None:
    with pytest.raises(NotFoundError, match="machine not found"):
        list(omni.machines.install("ghost", disk="/dev/sda"))


def test_only_who_may_change_something_may_install(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    machine_id = spare_machine(simulator)
    with pytest.raises(PermissionDeniedError):
        list(as_role("Reader").machines.install(machine_id, disk="/dev/sda"))
    simulator.forget_calls()
    with pytest.raises(ReadOnlyError):
        list(as_role("Admin", read_only=True).machines.install(machine_id, disk="/dev/sda"))
    assert simulator.calls == []


@pytest.mark.parametrize(
    ("method", "arguments", "text"),
    [
        ("install", {"machine_id": "", "disk": "/dev/sda"}, "machine_id"),
        ("install", {"machine_id": "m", "disk": ""}, "disk must not be empty"),
        ("install", {"machine_id": "m", "disk": None}, "disk must be a str"),
        ("install", {"machine_id": "m", "disk": "d", "version": 1}, "version must be a str"),
        ("upgrade", {"machine_id": "m", "version": " "}, "version must not be empty"),
        ("upgrade", {"machine_id": None, "version": "1.13.7"}, "machine_id"),
    ],
)
def test_a_malformed_wish_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, method: str, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidInputError, match=text):
        getattr(omni.machines, method)(**arguments)
    assert simulator.calls == []

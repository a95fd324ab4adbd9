"""Machines in maintenance mode: upgraded in memory, installed and upgraded on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from facades import Facade
from sample_calls import one_machine, spare_machine

from omni_api import (
    CallError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    InvalidInputError,
    MaintenanceOperation,
    NotFoundError,
    PermissionDeniedError,
)
from omni_api.simulator import Simulator
from omni_api.simulator._fleet import InstallerFailure

INSTALL, UPGRADE = MaintenanceOperation.INSTALL, MaintenanceOperation.UPGRADE


def machine(simulator: Simulator, kind: str = "maintenance") -> Any:
    return simulator.state.fleet.example(kind)


def install(omni: Any, machine_id: str, **options: Any) -> Any:
    return omni.management.maintenance_lifecycle(
        machine_id=machine_id, operation=INSTALL, disk="/dev/sda", **options
    )


@pytest.mark.parametrize("version", ["1.13.7", "v1.13.7"])
def test_a_machine_boots_another_version(omni: Any, simulator: Simulator, version: str) -> None:
    answer = omni.management.maintenance_upgrade(
        machine_id=spare_machine(simulator), version=version
    )
    assert answer is None
    assert machine(simulator).talos_version == "1.13.7"


@pytest.mark.parametrize(
    ("kind", "version", "text"),
    [
        ("maintenance", "1.13.8", "is not a supported target from the version running in memory"),
        ("maintenance", "9.9.9", "is not tracked by this Omni release"),
        ("maintenance", "1.9.6", "is not supported by this Omni release"),
        ("untracked-talos", "1.13.8", "running an untracked Talos version"),
        ("agent-mode", "1.13.7", "not allowed on machines in agent mode"),
        ("no-schematic", "1.13.7", "machine schematic is not ready yet"),
    ],
)
def test_a_machine_that_is_not_ready_is_a_failed_precondition(
    omni: Any, simulator: Simulator, kind: str, version: str, text: str
) -> None:
    with pytest.raises(FailedPreconditionError, match=text):
        omni.management.maintenance_upgrade(
            machine_id=spare_machine(simulator, kind), version=version
        )


def test_a_machine_of_a_cluster_is_not_in_maintenance(omni: Any, simulator: Simulator) -> None:
    with pytest.raises(FailedPreconditionError, match="machine is not in maintenance mode"):
        omni.management.maintenance_upgrade(machine_id=one_machine(simulator), version="1.13.7")
    with pytest.raises(FailedPreconditionError, match="machine is not in maintenance mode"):
        list(install(omni, one_machine(simulator)))


def test_an_unknown_machine_is_not_found(omni: Any) -> None:
    with pytest.raises(NotFoundError, match="machine not found"):
        omni.management.maintenance_upgrade(machine_id="ghost", version="1.13.7")
    with pytest.raises(NotFoundError, match="machine not found"):
        list(install(omni, "ghost"))


def test_an_installation_tells_its_steps_and_leaves_talos_on_the_disk(
    omni: Any, simulator: Simulator
) -> None:
    assert not machine(simulator).installed
    with install(omni, spare_machine(simulator), version="1.13.7") as steps:
        texts = [step.message for step in steps]
    assert texts[0].startswith("[omni] pulling installer image factory.talos.dev/")
    assert texts[0].endswith(":v1.13.7")
    assert any(text.startswith("[talos] ") and "/dev/sda" in text for text in texts)
    assert texts[-1] == "[omni] rebooting machine to boot into installed Talos"
    assert machine(simulator).installed
    assert machine(simulator).talos_version == "1.13.7"


def test_an_installed_machine_is_upgraded(omni: Any, simulator: Simulator) -> None:
    machine_id = spare_machine(simulator, "installed")
    stream = omni.management.maintenance_lifecycle(
        machine_id=machine_id, operation=UPGRADE, version="v1.13.7"
    )
    assert len(list(stream)) == 9
    assert machine(simulator, "installed").talos_version == "1.13.7"


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        ("installed", {"operation": INSTALL, "disk": "/dev/sda"}, "use OPERATION_UPGRADE"),
        ("maintenance", {"operation": UPGRADE, "version": "1.13.7"}, "use OPERATION_INSTALL"),
        ("old-talos", {"operation": UPGRADE, "version": "1.13.8"}, "requires Talos 1.13 or newer"),
    ],
)
def test_the_wrong_operation_is_a_failed_precondition(
    omni: Any, simulator: Simulator, kind: str, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(FailedPreconditionError, match=text):
        list(
            omni.management.maintenance_lifecycle(
                machine_id=spare_machine(simulator, kind), **options
            )
        )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"operation": INSTALL}, "disk is required for INSTALL"),
        ({"operation": UPGRADE}, "version is required for UPGRADE"),
        (
            {"operation": UPGRADE, "version": "1.13.7", "disk": "/dev/sda"},
            "disk must not be set for UPGRADE",
        ),
        ({"operation": MaintenanceOperation.UNSPECIFIED}, "operation must be OPERATION_INSTALL"),
        ({"operation": 9}, "operation must be OPERATION_INSTALL"),
    ],
)
def test_an_incomplete_operation_is_an_invalid_argument(
    omni: Any, simulator: Simulator, options: dict[str, Any], text: str
) -> None:
    with pytest.raises((InvalidArgumentError, InvalidInputError), match=text):
        list(omni.management.maintenance_lifecycle(machine_id=spare_machine(simulator), **options))


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT])
def test_an_installer_that_fails_says_why_after_its_steps(
    omni: Any, simulator: Simulator, code: grpc.StatusCode
) -> None:
    machine(simulator).installer_failure = InstallerFailure(reason="disk too small", code=code)
    with pytest.raises(CallError, match="disk too small") as caught:
        list(install(omni, spare_machine(simulator)))
    assert caught.value.details.endswith("(installer exit code 1)")
    assert caught.value.code is code
    assert caught.value.chunks == 4
    assert caught.value.outcome_unknown is isinstance(caught.value, InternalError)
    assert not machine(simulator).installed
    assert not machine(simulator).busy


def test_the_work_goes_on_when_the_client_leaves(
    omni: Any, simulator: Simulator, facade: Facade
) -> None:
    held = machine(simulator)
    held.pause_after = 2
    with install(omni, held.id) as steps:
        next(steps)
        next(steps)
        with pytest.raises(FailedPreconditionError, match="is already in progress for machine"):
            list(install(omni, held.id))
    assert facade.meanwhile(lambda: simulator.wait_for(lambda: simulator.active_streams() == 0))
    assert held.busy
    with pytest.raises(FailedPreconditionError, match="already in progress"):
        list(install(omni, held.id))
    simulator.state.fleet.resume(held.id)
    assert held.installed
    assert not held.busy


def test_an_operator_may_and_an_auditor_may_not(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    with pytest.raises(PermissionDeniedError, match='"Auditor"'):
        list(install(as_role("Auditor"), spare_machine(simulator)))
    with pytest.raises(PermissionDeniedError, match='"Auditor"'):
        as_role("Auditor").management.maintenance_upgrade(machine_id="x", version="1.13.7")
    assert list(install(as_role("Operator"), spare_machine(simulator)))


@pytest.mark.parametrize(("machine_id", "version"), [("", "1.13.7"), (None, "1.13.7"), ("m", "")])
def test_a_missing_machine_or_version_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, machine_id: Any, version: Any
) -> None:
    with pytest.raises(InvalidInputError, match=r"machine_id|version"):
        omni.management.maintenance_upgrade(machine_id=machine_id, version=version)
    assert simulator.calls == []

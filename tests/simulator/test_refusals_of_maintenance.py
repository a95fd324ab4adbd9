"""Installing, upgrading and switching machines is refused with the server's own reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator

SERVICE = "management.ManagementService"
TARGET = "1.13.8"
INSTALL = {"operation": "OPERATION_INSTALL", "disk": "/dev/vda"}
UPGRADE = {"operation": "OPERATION_UPGRADE", "version": TARGET}


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


def answer(client: RawClient, rpc: str, **request: Any) -> tuple[str, str]:
    return client.call(SERVICE, rpc, request)[:2]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "machine id is required"),
        ({"machine_id": "m1"}, "talos version is required"),
    ],
)
def test_an_upgrade_needs_its_fields_before_any_role(
    simulator: Simulator, request_: dict[str, str], message: str
) -> None:
    client = RawClient(simulator, "None")
    assert answer(client, "MaintenanceUpgrade", **request_) == ("INVALID_ARGUMENT", message)
    client.close()


@pytest.mark.parametrize("rpc", ["MachineLogs", "MachinePowerOff", "MachinePowerOn"])
def test_a_machine_must_be_named_before_any_role(simulator: Simulator, rpc: str) -> None:
    client = RawClient(simulator, "None")
    assert answer(client, rpc) == ("INVALID_ARGUMENT", "machine id is required")
    assert answer(client, rpc, machine_id="m1")[0] == "PERMISSION_DENIED"
    client.close()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "machine id is required"),
        ({"machine_id": "m1", **INSTALL, "disk": ""}, "disk is required for INSTALL"),
        ({"machine_id": "m1", **UPGRADE, "disk": "/dev/vda"}, "disk must not be set for UPGRADE"),
        ({"machine_id": "m1", **UPGRADE, "version": ""}, "version is required for UPGRADE"),
        ({"machine_id": "m1"}, "operation must be OPERATION_INSTALL or OPERATION_UPGRADE"),
    ],
)
def test_an_operation_needs_its_own_fields(
    client: RawClient, request_: dict[str, str], message: str
) -> None:
    assert answer(client, "MaintenanceLifecycle", **request_) == ("INVALID_ARGUMENT", message)


def test_a_machine_that_talos_will_not_upgrade_stays_as_it_is(
    simulator: Simulator, client: RawClient
) -> None:
    machine = simulator.state.fleet.add_machine(
        "m1", talos_version="1.13.7", upgrade_failure="disk full"
    )
    refused = answer(client, "MaintenanceUpgrade", machine_id="m1", version=TARGET)
    assert refused == ("UNKNOWN", "failed to upgrade machine: disk full")
    assert machine.talos_version == "1.13.7"


NO_SCHEMATIC = "machine schematic is not ready yet"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"maintenance": False}, "machine is not in maintenance mode"),
        (
            {"talos_version": "1.2.3"},
            'no upgrade targets available: machine is running an untracked Talos version "1.2.3"',
        ),
        (
            {"in_agent_mode": True},
            "maintenance upgrade is not allowed on machines in agent mode",
        ),
        ({"schematic_ready": False}, NO_SCHEMATIC),
        ({"platform_known": False}, "machine platform is not known yet"),
        ({"security_state_known": False}, "machine security state is not known yet"),
    ],
)
def test_a_machine_that_is_not_ready_is_not_upgraded(
    simulator: Simulator, client: RawClient, fields: dict[str, Any], message: str
) -> None:
    given = {"talos_version": "1.13.7", **fields}
    machine = simulator.state.fleet.add_machine("m1", **given)
    refused = answer(client, "MaintenanceUpgrade", machine_id="m1", version=f"v{TARGET}")
    assert refused == ("FAILED_PRECONDITION", message)
    assert machine.talos_version == given["talos_version"]


@pytest.mark.parametrize(
    ("operation", "fields", "message"),
    [
        (INSTALL, {"maintenance": False}, "machine is not in maintenance mode"),
        (
            INSTALL,
            {"cluster": "talos-default", "maintenance": True},
            "machine is allocated to a cluster; its Talos lifecycle is managed by Omni",
        ),
        (
            INSTALL,
            {"in_agent_mode": True},
            "maintenance lifecycle is not allowed on machines in agent mode",
        ),
        (UPGRADE, {"installed": True, "schematic_ready": False}, NO_SCHEMATIC),
        (
            INSTALL,
            {"installed": True},
            "Talos is already installed on this machine; use OPERATION_UPGRADE",
        ),
        (UPGRADE, {}, "Talos is not installed on this machine; use OPERATION_INSTALL"),
        (
            INSTALL,
            {"busy": True},
            'a maintenance lifecycle operation is already in progress for machine "m1"',
        ),
    ],
)
def test_an_operation_is_refused_in_the_wrong_situation(
    simulator: Simulator,
    client: RawClient,
    operation: dict[str, str],
    fields: dict[str, Any],
    message: str,
) -> None:
    simulator.state.fleet.add_machine("m1", **{"talos_version": "1.13.7", **fields})
    refused = answer(client, "MaintenanceLifecycle", machine_id="m1", **operation)
    assert refused == ("FAILED_PRECONDITION", message)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("9.9.9", 'requested Talos version "9.9.9" is not tracked by this Omni release'),
        (
            "1.13.7",
            'requested Talos version "1.13.7" is not a supported target from the version running '
            'in memory ("1.13.7")',
        ),
    ],
)
def test_a_version_must_be_one_to_which_the_machine_can_move(
    simulator: Simulator, client: RawClient, version: str, message: str
) -> None:
    simulator.state.fleet.add_machine("m1", talos_version="1.13.7")
    refused = answer(client, "MaintenanceUpgrade", machine_id="m1", version=version)
    assert refused == ("FAILED_PRECONDITION", message)

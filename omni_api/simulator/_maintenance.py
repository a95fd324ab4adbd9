"""Installing and upgrading Talos on machines in maintenance mode.

A lifecycle operation belongs to the machine, not to the call: when the client leaves, the rest is
done at once, unless a test holds the operation with `Machine.pause_after`. Then the machine stays
busy until `Fleet.resume`; so no thread is needed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from omni_api._gen import management_pb2
from omni_api.simulator._call import (
    Call,
    Handler,
    Refused,
    failed_precondition,
    invalid,
    not_found,
    unknown,
)
from omni_api.simulator._schematics import EMPTY_SCHEMATIC_ID
from omni_api.simulator._versions import TALOS_RELEASES, minor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omni_api.simulator._fleet_objects import Machine

_Request = management_pb2.MaintenanceLifecycleRequest
_INSTALL = _Request.OPERATION_INSTALL
_UPGRADE = _Request.OPERATION_UPGRADE
_LIFECYCLE_SINCE = (1, 13)


def maintenance_upgrade(call: Call, request: Any) -> Any:
    if not request.machine_id:
        raise invalid("machine id is required")
    if not request.version:
        raise invalid("talos version is required")
    call.require("Operator")
    machine = _machine(call, request.machine_id)
    _check_maintenance(machine)
    version = request.version.removeprefix("v")
    _check_target(machine, version, may_stay=False)
    if machine.in_agent_mode:
        raise failed_precondition("maintenance upgrade is not allowed on machines in agent mode")
    for ready, refusal in (
        (machine.schematic_ready, "machine schematic is not ready yet"),
        (machine.platform_known, "machine platform is not known yet"),
        (machine.security_state_known, "machine security state is not known yet"),
    ):
        if not ready:
            raise failed_precondition(refusal)
    with call.omni.changed:
        if machine.upgrade_failure:
            raise unknown(f"failed to upgrade machine: {machine.upgrade_failure}")
        machine.talos_version = version
        call.omni.changed.notify_all()
    return management_pb2.MaintenanceUpgradeResponse()


def maintenance_lifecycle(call: Call, request: Any) -> Iterator[Any]:
    call.require("Operator")
    _check_operation(request)
    machine = _machine(call, request.machine_id)
    version = request.version.removeprefix("v") or machine.talos_version
    _check_lifecycle(machine, request, version)
    with call.omni.changed:
        if machine.busy:
            raise failed_precondition(
                "a maintenance lifecycle operation is already in progress for machine "
                f'"{machine.id}"'
            )
        machine.busy = True
        failure = machine.installer_failure
        machine.installer_failure = None
        call.omni.changed.notify_all()
    sent = 0
    try:
        for text in _messages(version, request.disk or "/dev/vda", failed=failure is not None):
            if not call.wait_until(partial(_may_go_on, machine, sent)):
                return
            # Counted first: the client may leave with this very message.
            sent += 1
            yield management_pb2.MaintenanceLifecycleResponse(message=text)
    finally:
        _finish(call, machine, version, succeeded=failure is None, sent=sent)
    if failure is not None:
        what = "installation" if request.operation == _INSTALL else "upgrade"
        raise Refused(
            failure.code,
            f"{what} failed: {failure.reason} (installer exit code {failure.exit_code})",
        )


def _machine(call: Call, machine_id: str) -> Machine:
    machine = call.omni.fleet.machine(machine_id)
    if machine is None:
        raise not_found("machine not found")
    return machine


def _check_maintenance(machine: Machine) -> None:
    if not machine.maintenance:
        raise failed_precondition("machine is not in maintenance mode")


def _check_target(machine: Machine, version: str, *, may_stay: bool) -> None:
    """Refuse a Talos version that the machine cannot move to."""
    requested = f'requested Talos version "{version}"'
    release = TALOS_RELEASES.get(version)
    if release is None:
        raise failed_precondition(f"{requested} is not tracked by this Omni release")
    if release.unsupported:
        raise failed_precondition(f"{requested} is not supported by this Omni release")
    running = TALOS_RELEASES.get(machine.talos_version)
    if running is None:
        raise failed_precondition(
            "no upgrade targets available: machine is running an untracked Talos version "
            f'"{machine.talos_version}"'
        )
    if version not in running.upgrades and not (may_stay and version == running.version):
        raise failed_precondition(
            f"{requested} is not a supported target from the version running in memory "
            f'("{machine.talos_version}")'
        )


def _check_operation(request: Any) -> None:
    if not request.machine_id:
        raise invalid("machine id is required")
    if request.operation == _INSTALL:
        if not request.disk:
            raise invalid("disk is required for INSTALL")
    elif request.operation == _UPGRADE:
        if request.disk:
            raise invalid("disk must not be set for UPGRADE")
        if not request.version:
            raise invalid("version is required for UPGRADE")
    else:
        raise invalid("operation must be OPERATION_INSTALL or OPERATION_UPGRADE")


def _check_lifecycle(machine: Machine, request: Any, version: str) -> None:
    _check_maintenance(machine)
    if machine.cluster:
        raise failed_precondition(
            "machine is allocated to a cluster; its Talos lifecycle is managed by Omni"
        )
    if minor(machine.talos_version) < _LIFECYCLE_SINCE:
        raise failed_precondition(
            f'machine Talos version "{machine.talos_version}" is not supported: '
            "the lifecycle API requires Talos 1.13 or newer"
        )
    installing = request.operation == _INSTALL
    _check_target(machine, version, may_stay=installing)
    if machine.in_agent_mode:
        raise failed_precondition("maintenance lifecycle is not allowed on machines in agent mode")
    if not machine.schematic_ready:
        raise failed_precondition("machine schematic is not ready yet")
    if installing and machine.installed:
        raise failed_precondition(
            "Talos is already installed on this machine; use OPERATION_UPGRADE"
        )
    if not installing and not machine.installed:
        raise failed_precondition("Talos is not installed on this machine; use OPERATION_INSTALL")


def _messages(version: str, disk: str, *, failed: bool) -> Iterator[str]:
    image = f"factory.talos.dev/metal-installer/{EMPTY_SCHEMATIC_ID}:v{version}"
    yield f"[omni] pulling installer image {image}"
    yield f"[omni] installer image pulled: {image}"
    yield f"[talos] running Talos installer v{version}"
    yield f"[talos] partitioning {disk}"
    if failed:
        return
    yield f"[talos] created EFI, META, STATE and EPHEMERAL on {disk}"
    yield "[talos] copying boot assets"
    yield "[talos] installing the bootloader"
    yield f"[talos] installation of v{version} complete"
    yield "[omni] rebooting machine to boot into installed Talos"


def _may_go_on(machine: Machine, sent: int) -> bool:
    return machine.pause_after is None or sent < machine.pause_after


def _finish(call: Call, machine: Machine, version: str, *, succeeded: bool, sent: int) -> None:
    installed = version if succeeded else None
    with call.omni.changed:
        if _may_go_on(machine, sent):
            machine.end_operation(installed)
        else:
            # Held by a test: the machine stays busy though the client is gone.
            machine.abandoned, machine.abandoned_version = True, installed
        call.omni.changed.notify_all()


_SERVICE = "/management.ManagementService/"

HANDLERS: dict[str, Handler] = {
    f"{_SERVICE}MaintenanceUpgrade": maintenance_upgrade,
    f"{_SERVICE}MaintenanceLifecycle": maintenance_lifecycle,
}

"""Machine logs, power and node tokens; what maintenance mode can do is in `_maintenance`."""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from omni_api._gen import common_pb2, management_pb2
from omni_api.simulator import _maintenance
from omni_api.simulator._call import (
    Call,
    Handler,
    Refused,
    failed_precondition,
    invalid,
    not_found,
    unknown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omni_api.simulator._fleet_objects import Machine
    from omni_api.simulator._machine_log import MachineLog

_BATCH = 64
"""Lines taken under the lock at once, so that a reader of much does not stop the writers."""


def machine_logs(call: Call, request: Any) -> Iterator[Any]:
    if not request.machine_id:
        raise invalid("machine id is required")
    call.require("Reader")
    fleet = call.omni.fleet
    machine = fleet.machine(request.machine_id)
    if machine is None:
        raise not_found(
            f'failed to get log store for machine "{request.machine_id}": '
            f"log store not found: {request.machine_id}"
        )
    log = fleet.log_of(machine)
    with call.omni.changed:
        stop = log.end
        position = log.first if request.tail_lines < 0 else max(0, stop - request.tail_lines)
    while True:
        with call.omni.changed:
            limit = _BATCH if request.follow else min(_BATCH, stop - position)
            position, lines = log.batch(position, limit)
        for line in lines:
            yield common_pb2.Data(bytes=line)
        if lines:
            continue
        if not request.follow or machine.removed:
            return
        if not call.wait_until(partial(_has_news, machine, log, position)):
            return


def _has_news(machine: Machine, log: MachineLog, position: int) -> bool:
    return log.end > position or machine.removed


def machine_power_off(call: Call, request: Any) -> Any:
    machine = _machine_for_power(call, request)
    if machine.infra_provider is not None:
        _check_infra_provider(machine, "set")
    # Omni itself asks Talos to shut down, so the audit log names the node by its id.
    access = {"full_method_name": "machine.MachineService/Shutdown"}
    if machine.cluster:
        access["cluster_name"] = machine.cluster
    access["machine_ip"] = machine.id
    call.omni.audit.record(
        call, "talos_access", data={"talos_access": access}, cluster_id=machine.cluster or ""
    )
    with call.omni.changed:
        machine.powered_on = machine.connected = False
        if machine.infra_provider is not None:
            machine.power_off_request_id = str(uuid.uuid4())
        call.omni.changed.notify_all()
    return management_pb2.MachinePowerOffResponse()


def machine_power_on(call: Call, request: Any) -> Any:
    machine = _machine_for_power(call, request)
    if machine.infra_provider is None:
        raise failed_precondition(
            "machine is not managed by a static infra provider, power on the machine manually"
        )
    _check_infra_provider(machine, "clear")
    with call.omni.changed:
        machine.power_off_request_id = ""
        machine.powered_on = machine.connected = True
        call.omni.changed.notify_all()
    return management_pb2.MachinePowerOnResponse()


def reset_node_unique_token(call: Call, request: Any) -> Any:
    call.require("Admin")
    machine = call.omni.fleet.machine(request.id)
    if machine is None:
        raise not_found("machine not found")
    with call.omni.changed:
        if not machine.unique_token:
            raise unknown(
                "failed to teardown and destroy node unique token: failed to get: "
                f"resource NodeUniqueTokens.omni.sidero.dev(default/{machine.id}@undefined) "
                "doesn't exist"
            )
        machine.unique_token = False
        call.omni.changed.notify_all()
    return management_pb2.ResetNodeUniqueTokenResponse()


def _machine_for_power(call: Call, request: Any) -> Machine:
    if not request.machine_id:
        raise invalid("machine id is required")
    call.require("Operator")
    machine = call.omni.fleet.machine(request.machine_id)
    if machine is None:
        raise not_found("machine not found")
    return machine


def _check_infra_provider(machine: Machine, verb: str) -> None:
    refusal = _infra_provider_refusal(machine, f"cannot {verb} machine power-off request")
    if refusal is not None:
        raise refusal


def _infra_provider_refusal(machine: Machine, consequence: str) -> Refused | None:
    if not machine.infra_provider_ready:
        return failed_precondition("failed to get infra provider status")
    if not machine.infra_config:
        return failed_precondition(f"infra machine config not found, {consequence}")
    if not machine.accepted:
        return unknown(
            "failed to update infra machine config: "
            f"infra machine config is not accepted yet, {consequence}"
        )
    return None


_SERVICE = "/management.ManagementService/"

HANDLERS: dict[str, Handler] = {
    f"{_SERVICE}MachineLogs": machine_logs,
    f"{_SERVICE}MachinePowerOff": machine_power_off,
    f"{_SERVICE}MachinePowerOn": machine_power_on,
    f"{_SERVICE}ResetNodeUniqueToken": reset_node_unique_token,
    **_maintenance.HANDLERS,
}

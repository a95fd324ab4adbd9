"""Machines switched off and on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sample_calls import one_machine, spare_machine

from omni_api import (
    FailedPreconditionError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    UnknownError,
)
from omni_api.simulator import Simulator


def test_a_machine_is_shut_down(omni: Any, simulator: Simulator) -> None:
    machine_id = one_machine(simulator)
    assert omni.management.machine_power_off(machine_id=machine_id) is None
    machine = simulator.state.fleet.machine(machine_id)
    assert machine is not None
    assert not machine.powered_on
    assert machine.power_off_request_id == ""


def test_a_bare_metal_machine_is_switched_off_and_on_by_its_provider(
    omni: Any, simulator: Simulator
) -> None:
    machine = simulator.state.fleet.example("bare-metal")
    omni.management.machine_power_off(machine_id=machine.id)
    assert not machine.powered_on
    assert machine.power_off_request_id
    assert omni.management.machine_power_on(machine_id=machine.id) is None
    assert machine.powered_on
    assert machine.power_off_request_id == ""


def test_a_machine_without_provider_has_to_be_switched_on_by_hand(
    omni: Any, simulator: Simulator
) -> None:
    with pytest.raises(FailedPreconditionError, match="power on the machine manually"):
        omni.management.machine_power_on(machine_id=one_machine(simulator))


@pytest.mark.parametrize(
    ("kind", "error", "text"),
    [
        ("bare-metal-pending", UnknownError, "infra machine config is not accepted yet"),
        ("bare-metal-no-config", FailedPreconditionError, "infra machine config not found"),
        ("bare-metal-no-provider", FailedPreconditionError, "failed to get infra provider status"),
    ],
)
@pytest.mark.parametrize("name", ["machine_power_off", "machine_power_on"])
def test_a_provider_that_is_not_ready_refuses(  # noqa: PLR0917 - pytest names them
    omni: Any, simulator: Simulator, name: str, kind: str, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text) as caught:
        getattr(omni.management, name)(machine_id=spare_machine(simulator, kind))
    assert not getattr(caught.value, "outcome_unknown")  # noqa: B009 - of some errors only
    assert simulator.state.fleet.example(kind).powered_on


@pytest.mark.parametrize("name", ["machine_power_off", "machine_power_on"])
def test_unknown_machines_and_readers_are_refused(
    omni: Any, as_role: Callable[..., Any], simulator: Simulator, name: str
) -> None:
    with pytest.raises(NotFoundError, match="machine not found"):
        getattr(omni.management, name)(machine_id="ghost")
    with pytest.raises(PermissionDeniedError, match='"Reader"'):
        getattr(as_role("Reader").management, name)(machine_id=one_machine(simulator))


@pytest.mark.parametrize("name", ["machine_power_off", "machine_power_on"])
@pytest.mark.parametrize("machine_id", ["", " ", None, 7])
def test_a_missing_machine_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, name: str, machine_id: Any
) -> None:
    with pytest.raises(InvalidInputError, match="machine_id must"):
        getattr(omni.management, name)(machine_id=machine_id)
    assert simulator.calls == []

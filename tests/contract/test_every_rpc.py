"""Every rpc of both services, walked through: it arrives, signed, and what it lacks is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import grpc
import pytest
from facades import Facade
from sample_calls import BY_NAME, SAMPLES, SIGNED, carry_out

from omni_api import (
    CallError,
    FailedPreconditionError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnimplementedError,
    UnknownError,
)
from omni_api.simulator import Simulator

SIGNATURE_KEYS = {"x-sidero-timestamp", "x-sidero-payload", "x-sidero-signature"}
WITH_A_ROLE = [name for name in SIGNED if BY_NAME[name].role != "signed"]
# Answered with an error to everybody who is no browser; their good answers are in test_login.py.
NOT_FOR_CLIENTS = {"confirm_public_key": UnknownError, "revoke_public_key": PermissionDeniedError}
OF_OMNI_1_2 = "tear_down_locked_cluster"
ANSWERED = [name for name in SAMPLES if name not in {OF_OMNI_1_2, *NOT_FOR_CLIENTS}]


def test_there_is_a_sample_call_of_every_rpc() -> None:
    assert SAMPLES.keys() == BY_NAME.keys()
    assert len(SAMPLES) == 28 + 1 + 4


@pytest.mark.parametrize("name", ANSWERED)
def test_every_rpc_arrives_at_its_path_and_is_answered(
    omni: Any, simulator: Simulator, name: str
) -> None:
    carry_out(name, omni, simulator)
    (call,) = simulator.calls
    assert call.path == BY_NAME[name].path
    assert set(call.metadata_keys) & SIGNATURE_KEYS == (SIGNATURE_KEYS if name in SIGNED else set())


@pytest.mark.parametrize("name", NOT_FOR_CLIENTS)
def test_an_rpc_of_the_browser_arrives_at_its_path_and_is_refused(
    omni: Any, simulator: Simulator, name: str
) -> None:
    with pytest.raises(NOT_FOR_CLIENTS[name]):
        carry_out(name, omni, simulator)
    assert [call.path for call in simulator.calls] == [BY_NAME[name].path]


def refusals(names: Iterable[str], omni: Any, simulator: Simulator) -> dict[str, CallError]:
    """Make the sample call of each rpc, of which all are refused; return the errors."""
    refused = {}
    for name in names:
        simulator.state.legacy = name == OF_OMNI_1_2
        simulator.forget_calls()
        with pytest.raises(CallError) as caught:
            carry_out(name, omni, simulator)
        assert [call.path for call in simulator.calls] == [BY_NAME[name].path]
        refused[name] = caught.value
    return refused


def test_a_role_too_low_is_refused_with_the_role_that_it_takes(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    for name, error in refusals(WITH_A_ROLE, as_role("None"), simulator).items():
        assert isinstance(error, PermissionDeniedError), name
        assert error.hint.startswith(f"The key has role None; {name} needs ")
        needed = BY_NAME[name].role
        assert all(role in error.hint for role in ([needed] if isinstance(needed, str) else needed))
        assert error.attempts == 1


@pytest.mark.parametrize("name", [name for name in SIGNED if BY_NAME[name].role == "signed"])
def test_an_rpc_for_everybody_takes_the_lowest_role(
    as_role: Callable[..., Any], simulator: Simulator, name: str
) -> None:
    if name in NOT_FOR_CLIENTS:
        with pytest.raises(PermissionDeniedError, match="permission denied"):
            carry_out(name, as_role("None"), simulator)
    else:
        carry_out(name, as_role("None"), simulator)
    assert simulator.count(BY_NAME[name].path) == 1


def test_an_rpc_without_a_signature_is_refused_with_the_first_answer(
    facade: Facade, simulator: Simulator
) -> None:
    for name, error in refusals(SIGNED, facade.client(simulator.endpoint), simulator).items():
        assert isinstance(error, UnauthenticatedError), name
        assert (error.details, error.method) == ("invalid signature", BY_NAME[name].path)
        assert "clock" in error.hint


def test_no_rpc_works_before_the_licence_is_accepted(omni: Any, simulator: Simulator) -> None:
    simulator.state.eula_accepted = False
    for name, error in refusals(SAMPLES, omni, simulator).items():
        assert isinstance(error, FailedPreconditionError), name
        assert "EULA has not been accepted" in error.details
        assert "accept the licence" in error.hint


def test_a_missing_rpc_says_which_releases_have_it(omni: Any, simulator: Simulator) -> None:
    for name in SAMPLES:
        simulator.fail(BY_NAME[name].path, code=grpc.StatusCode.UNIMPLEMENTED)
    for name, error in refusals(SAMPLES, omni, simulator).items():
        assert isinstance(error, UnimplementedError), name
        assert error.hint.startswith(f"{name} exists from Omni {BY_NAME[name].since}")
        assert error.attempts == 1

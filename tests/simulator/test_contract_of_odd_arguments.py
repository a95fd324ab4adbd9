"""Arguments at and beyond their limits are answered, never stumbled over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pysequoia
import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator

SERVICE = "management.ManagementService"
TALOS_DEFAULT = [["context", "talos-default"]]
LONG = "a" * 1025


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


def public_key() -> str:
    secret = pysequoia.Tsk.generate(user_id="x <x@example.org>", validity_seconds=86400)
    return str(secret.extract_certificate())


@pytest.mark.parametrize(
    ("ttl", "code"),
    [
        ("0.000000001s", "OK"),
        ("315360000s", "OK"),
        ("315360000.000000001s", "INVALID_ARGUMENT"),
        ("0s", "INVALID_ARGUMENT"),
        ("-0.000000001s", "INVALID_ARGUMENT"),
    ],
)
def test_the_limits_of_a_kubeconfigs_life_are_exact(client: RawClient, ttl: str, code: str) -> None:
    request: dict[str, Any] = {
        "service_account": True,
        "service_account_user": "bot",
        "service_account_ttl": ttl,
    }
    assert client.call(SERVICE, "Kubeconfig", request, TALOS_DEFAULT)[0] == code


@pytest.mark.parametrize("name", [LONG, "a\nb", "Big\x7f"])
def test_a_service_account_needs_a_valid_id(client: RawClient, name: str) -> None:
    request = {"name": name, "role": "Reader", "armored_pgp_public_key": public_key()}
    code, message, _ = client.call(SERVICE, "CreateServiceAccount", request)
    assert code == "INVALID_ARGUMENT"
    count = "2 errors" if name == "Big\x7f" else "1 error"
    assert message.startswith(f"failed to validate: {count} occurred:\n\t* ")


def test_a_user_needs_a_valid_id(client: RawClient) -> None:
    request = {"email": f"x@{LONG}", "role": "Reader"}
    code, message, _ = client.call(SERVICE, "CreateUser", request)
    assert code == "INVALID_ARGUMENT"
    assert message.startswith(f"failed to create Identity resource x@{LONG}: failed to validate: ")


def test_times_beyond_the_calendar_match_nothing(client: RawClient) -> None:
    far = {"start_ts_ms": 10**17}
    assert client.call(SERVICE, "ReadAuditLog", far) == ("OK", "", [])
    code, _, responses = client.call(
        SERVICE, "ReadAuditLog", {**far, "follow": True}, options={"limit": 1}
    )
    assert (code, "audit_log" in responses[0]) == ("OK", False)


def test_an_unknown_medium_is_missed_in_memory(client: RawClient) -> None:
    assert client.call(SERVICE, "CreateSchematic", {"media_id": "nope"})[:2] == (
        "UNKNOWN",
        "resource InstallationMedias.omni.sidero.dev(ephemeral/nope@undefined) doesn't exist",
    )


def test_a_given_join_token_is_escaped_in_the_url(client: RawClient) -> None:
    request = {"join_token": "a b&c", "use_grpc_tunnel": True}
    _, _, [response] = client.call(SERVICE, "GetMachineJoinConfig", request)
    assert response["kernel_args"][0].endswith("?grpc_tunnel=true&jointoken=a+b%26c")


def test_a_payload_that_only_python_can_read_is_refused(client: RawClient) -> None:
    def with_nan(content: Any) -> Any:
        return {**content, "extra": float("nan")}

    assert "NaN" in json.dumps(with_nan({}))
    answer = client.call(SERVICE, "Omniconfig", {}, options={"change": with_nan})
    assert answer[:2] == ("UNAUTHENTICATED", "invalid signature")

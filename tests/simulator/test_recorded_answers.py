"""The simulator gives the answers that a real Omni v1.10 gave to the same calls.

`recorded_answers.json` holds calls with their answers in the order in which they were made;
`recorded_roles.json` what each rpc answered to each role.
"""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pysequoia
import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator

HERE = Path(__file__).parent
ANSWERS = json.loads((HERE / "recorded_answers.json").read_text())
ROLES = json.loads((HERE / "recorded_roles.json").read_text())
# A Go library words these messages; only their code is a promise.
WORDED_BY_A_LIBRARY = {"schema-bad-schema"}


def shape(value: Any) -> Any:
    """The types of a JSON value; of a list, that of its first item."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


class Run:
    """What is made up for one run: a random suffix, and a key for each name."""

    def __init__(self) -> None:
        self.uid = uuid.uuid4().hex[:6]
        self._keys: dict[str, str] = {}

    def filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if not isinstance(value, str):
            return value
        value = value.replace("{uid}", self.uid)
        return re.sub(r"\{pgp:([^}]*)\}", lambda match: self._key(match[1]), value)

    def _key(self, name: str) -> str:
        if name not in self._keys:
            secret = pysequoia.Tsk.generate(
                user_id=f"{name} <{name}@serviceaccount.omni.sidero.dev>",
                validity_seconds=30 * 86400,
            )
            self._keys[name] = str(secret.extract_certificate())
        return self._keys[name]

    def masked(self, text: str) -> str:
        text = re.sub(r"\b[0-9a-f]{40}\b", "<hex>", text)
        return text.replace(self.uid, "<uid>")


def test_every_recorded_call_is_answered_as_recorded(simulator: Simulator) -> None:
    client, run, differences = RawClient(simulator), Run(), {}
    for case in ANSWERS:
        code, message, responses = client.call(
            case["service"],
            case["rpc"],
            run.filled(case.get("request", {})),
            case.get("headers"),
            case.get("options"),
        )
        got: dict[str, Any] = {"code": code, "count": len(responses)}
        if message:
            got["message"] = run.masked(message)
        if responses:
            got["shape"] = shape(responses[0])
        expected = case["answer"]
        if case["id"] in WORDED_BY_A_LIBRARY:
            got.pop("message")
            expected = {name: value for name, value in expected.items() if name != "message"}
        if got != expected:
            differences[case["id"]] = {"got": got, "expected": expected}
    client.close()
    assert not differences, json.dumps(differences, indent=1)


REQUESTS: dict[str, dict[str, Any]] = {
    "DestroyServiceAccount": {"name": "ghost"},
    "DestroyUser": {"email": "ghost@example.org"},
    "UpdateUser": {"email": "ghost@example.org"},
    "GetSupportBundle": {"cluster": "ghost"},
    "KubernetesUpgradePreChecks": {"new_version": "1.36.1"},
    "MachineLogs": {"machine_id": "ghost"},
    "MachinePowerOff": {"machine_id": "ghost"},
    "MachinePowerOn": {"machine_id": "ghost"},
    "MaintenanceLifecycle": {"machine_id": "ghost"},
    "MaintenanceUpgrade": {"machine_id": "ghost", "version": "1.13.8"},
    "ResetNodeUniqueToken": {"id": "ghost"},
    "ValidateConfig": {"config": "machine:\n  network:\n    hostname: a\n"},
    "ValidateJSONSchema": {"schema": "{}", "data": "{}"},
    "State.List Clusters": {"namespace": "default", "type": "Clusters.omni.sidero.dev"},
}


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_rpc_answers_each_role_as_recorded(simulator: Simulator, role: str) -> None:
    client, differences = RawClient(simulator, role), {}
    for rpc, expected in ROLES[role].items():
        state = rpc.startswith("State.")
        code, message, _ = client.call(
            "cosi.resource.State" if state else "management.ManagementService",
            "List" if state else rpc,
            REQUESTS.get(rpc, {}),
            [["context", "ghost"]],
        )
        # The recording was cut at 160 characters.
        got = f"{code} {message}".strip()
        if got != expected and not (len(expected) > 150 and got.startswith(expected)):
            differences[rpc] = {"got": got, "expected": expected}
    client.close()
    assert not differences, json.dumps(differences, indent=1)

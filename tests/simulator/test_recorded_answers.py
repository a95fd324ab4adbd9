"""The simulator gives the answers that a real Omni v1.10 gave to the same calls.

`recorded_answers.json` holds calls with their answers in the order in which they were made;
`recorded_roles.json` what each rpc answered to each role. The client here is written for this
test alone: if it shared code with the library, both could be wrong in the same way.
"""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pysequoia
import pytest
from google.protobuf import json_format

from omni_api._gen import auth_pb2, cosi_pb2, management_pb2, resources_pb2
from omni_api._gen._pool import message_class
from omni_api.simulator import Simulator

HERE = Path(__file__).parent
ANSWERS = json.loads((HERE / "recorded_answers.json").read_text())
ROLES = json.loads((HERE / "recorded_roles.json").read_text())
SERVICES = {
    service.full_name: service
    for file in (auth_pb2, cosi_pb2, management_pb2, resources_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
}
COVERED = (
    "x-sidero-timestamp",
    "nodes",
    "selectors",
    "fieldSelectors",
    "runtime",
    "context",
    "cluster",
    "namespace",
    "uid",
    "authorization",
)
# A Go library words these messages; only their code is a promise.
WORDED_BY_A_LIBRARY = {"schema-bad-schema"}


class RawClient:
    """Signs and sends what it is told to, right or wrong."""

    def __init__(self, simulator: Simulator, role: str = "Admin") -> None:
        value = json.loads(base64.b64decode(simulator.service_account_key(role)))
        self._name = value["name"]
        self._key = pysequoia.Tsk.from_bytes(value["pgp_key"].encode())
        text = str(self._key.extract_certificate())
        self._fingerprint = pysequoia.Cert.from_bytes(text.encode()).fingerprint
        self._channel = grpc.insecure_channel(f"127.0.0.1:{simulator.port}")

    def close(self) -> None:
        self._channel.close()

    def call(
        self,
        service: str,
        rpc: str,
        request: dict[str, Any],
        headers: list[list[str]] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[str, str, list[dict[str, Any]]]:
        """Return (code, message, responses as JSON)."""
        options = options or {}
        method = SERVICES[service].methods_by_name[rpc]
        path = f"/{service}/{rpc}"
        message = json_format.ParseDict(request, message_class(method.input_type.full_name)())
        streams = method.server_streaming
        stub = (self._channel.unary_stream if streams else self._channel.unary_unary)(
            path,
            request_serializer=type(message).SerializeToString,
            response_deserializer=message_class(method.output_type.full_name).FromString,
        )
        metadata = [(name, value) for name, value in headers or []]
        if options.get("signed", True):
            metadata += self._signature(path, metadata, options)
        responses: list[Any] = []
        try:
            if streams:
                stream = stub(message, metadata=metadata, timeout=10)
                for response in stream:
                    responses.append(response)
                    if len(responses) == options.get("limit"):
                        stream.cancel()
                        break
            else:
                responses.append(stub(message, metadata=metadata, timeout=10))
        except grpc.RpcError as error:
            return error.code().name, error.details(), [_json(one) for one in responses]
        return "OK", "", [_json(one) for one in responses]

    def _signature(
        self, path: str, metadata: list[tuple[str, str]], options: dict[str, Any]
    ) -> list[tuple[str, str]]:
        sent = [*metadata, ("x-sidero-timestamp", str(int(time.time()) + options.get("skew", 0)))]
        covered = {name: [v for k, v in sent if k == name] or None for name in sorted(COVERED)}
        payload = json.dumps({"headers": covered, "method": path}, separators=(",", ":"))
        signature = pysequoia.sign(
            self._key.signer(),
            payload.encode(),
            mode=pysequoia.SignatureMode.DETACHED,
            armor=False,
        )
        if options.get("tamper"):
            payload = payload.replace(path, path + " ")
        encoded = base64.b64encode(signature).decode()
        return [
            sent[-1],
            ("x-sidero-payload", payload),
            ("x-sidero-signature", f"siderov1 {self._name} {self._fingerprint} {encoded}"),
        ]


def _json(message: Any) -> dict[str, Any]:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


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


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


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

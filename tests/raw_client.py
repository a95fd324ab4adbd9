"""A client that signs and sends what it is told to, right or wrong.

Written for the simulator's tests alone: if they used the library's own signing, both sides could
be wrong in the same way.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import grpc
import pysequoia
from google.protobuf import json_format

from omni_api._gen import auth_pb2, cosi_pb2, management_pb2, resources_pb2
from omni_api._gen._pool import message_class
from omni_api.simulator import Simulator

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


class RawClient:
    """Signs and sends what it is told to, right or wrong."""

    def __init__(self, simulator: Simulator, role: str = "Admin") -> None:
        value = json.loads(base64.b64decode(simulator.service_account_key(role)))
        self.name = value["name"]
        self.use_key(pysequoia.Tsk.from_bytes(value["pgp_key"].encode()))
        self._channel = grpc.insecure_channel(f"127.0.0.1:{simulator.port}")

    def use_key(self, key: pysequoia.Tsk) -> None:
        """Sign with another key."""
        self._key = key
        text = str(key.extract_certificate())
        self.fingerprint = pysequoia.Cert.from_bytes(text.encode()).fingerprint

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
        stub: Any = (self._channel.unary_stream if streams else self._channel.unary_unary)(
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
            return error.code().name, error.details() or "", [_json(one) for one in responses]
        return "OK", "", [_json(one) for one in responses]

    def _signature(
        self, path: str, metadata: list[tuple[str, str]], options: dict[str, Any]
    ) -> list[tuple[str, str]]:
        sent = [*metadata, ("x-sidero-timestamp", str(int(time.time()) + options.get("skew", 0)))]
        covered = {name: [v for k, v in sent if k == name] or None for name in sorted(COVERED)}
        content: Any = {"headers": covered, "method": path}
        change: Callable[[Any], Any] = options.get("change", lambda unchanged: unchanged)
        payload = json.dumps(change(content), separators=(",", ":"))
        signature = pysequoia.sign(
            self._key.signer(),
            payload.encode(),
            mode=pysequoia.SignatureMode.DETACHED,
            armor=False,
        )
        if options.get("tamper"):
            payload = payload.replace(path, path + " ")
        encoded = base64.b64encode(signature).decode()
        header = f"siderov1 {self.name} {self.fingerprint} {encoded}"
        return [
            sent[-1],
            ("x-sidero-payload", payload),
            ("x-sidero-signature", options.get("header", header)),
        ]


def _json(message: Any) -> dict[str, Any]:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)

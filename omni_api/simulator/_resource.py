"""One resource, and how both services write it: as JSON text, or as metadata, proto and YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
from google.protobuf import json_format
from google.protobuf.message import Message

from omni_api._gen import cosi_pb2, specs_pb2
from omni_api.simulator import _goyaml
from omni_api.simulator._spec_wire import plain, proto_spec

if TYPE_CHECKING:
    from datetime import datetime


@attrs.frozen(kw_only=True)
class Resource:
    """Metadata and spec; the spec has proto field names, as in the JSON of ResourceService."""

    type: str
    id: str
    created: datetime
    spec: Mapping[str, Any]
    namespace: str = "default"
    version: int = 1
    owner: str = ""
    labels: Mapping[str, str] = attrs.field(factory=dict)
    annotations: Mapping[str, str] = attrs.field(factory=dict)
    finalizers: tuple[str, ...] = ()
    phase: str = "running"
    updated: datetime | None = None
    """When it was last changed; as `created` unless given."""

    def json(self) -> str:
        """As ResourceService writes it: nothing empty, times to the second."""
        metadata: dict[str, Any] = {
            "created": time_text(self.created),
            "updated": time_text(self.updated or self.created),
            "namespace": self.namespace,
            "type": self.type,
            "id": self.id,
            "owner": self.owner,
            "phase": self.phase,
        }
        for name in ("labels", "annotations"):
            if values := getattr(self, name):
                metadata[name] = dict(sorted(values.items()))
        if self.finalizers:
            metadata["finalizers"] = list(self.finalizers)
        metadata["version"] = self.version
        document = {"spec": self.spec, "metadata": metadata}
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False)

    def message(self) -> Any:
        """As cosi.resource.State writes it."""
        message = cosi_pb2.Resource()
        message.metadata.namespace = self.namespace
        message.metadata.type = self.type
        message.metadata.id = self.id
        message.metadata.version = str(self.version)
        message.metadata.owner = self.owner
        message.metadata.phase = self.phase
        message.metadata.created.FromDatetime(self.created)
        message.metadata.updated.FromDatetime(self.updated or self.created)
        message.metadata.finalizers.extend(self.finalizers)
        message.metadata.labels.update(self.labels)
        message.metadata.annotations.update(self.annotations)
        if (kind := _SPECS.get(self.type)) is not None:
            spec = json_format.ParseDict(dict(self.spec), kind())
            message.spec.proto_spec = spec.SerializeToString()
            message.spec.yaml_spec = _goyaml.dump(_go_fields(spec))
        else:
            message.spec.proto_spec = proto_spec(self.type, self.spec)
            message.spec.yaml_spec = self.yaml_spec()
        return message

    def yaml_spec(self) -> str:
        return _goyaml.dump(_lowered(self.spec))

    def yaml(self) -> str:
        """As in a support bundle: metadata and spec in one document."""
        metadata: dict[str, Any] = {
            "namespace": self.namespace,
            "type": self.type,
            "id": self.id,
            "version": self.version,
            "owner": self.owner or None,
            "phase": self.phase,
            "created": time_text(self.created),
            "updated": time_text(self.updated or self.created),
        }
        for name in ("labels", "annotations"):
            if values := getattr(self, name):
                metadata[name] = dict(sorted(values.items()))
        if self.finalizers:
            metadata["finalizers"] = list(self.finalizers)
        return _goyaml.dump({"metadata": metadata, "spec": _lowered(self.spec)})


def time_text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


_SPECS = {
    "Clusters.omni.sidero.dev": specs_pb2.ClusterSpec,
    "DefaultJoinTokens.omni.sidero.dev": specs_pb2.DefaultJoinTokenSpec,
    "JoinTokenStatuses.omni.sidero.dev": specs_pb2.JoinTokenStatusSpec,
    "JoinTokens.omni.sidero.dev": specs_pb2.JoinTokenSpec,
    "SysVersions.system.sidero.dev": specs_pb2.SysVersionSpec,
}


def _go_fields(message: Any) -> dict[str, Any]:
    """A message as Go's YAML writes the generated struct: every field, even unset ones."""
    fields: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if isinstance(value, Message):
            value = _go_fields(value) if message.HasField(field.name) else None
        elif field.message_type is not None:
            value = [_go_fields(item) for item in value]
        fields[_lower(field.name)] = value
    return fields


def _lowered(value: Any, name: str = "") -> Any:
    """A value of the JSON form as Go's YAML has it: numbers are numbers, times are messages."""
    if isinstance(value, Mapping):
        return {_lower(key): _lowered(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_lowered(item, name) for item in value]
    return plain(name, value)


def _lower(name: str) -> str:
    return name.replace("_", "").lower()

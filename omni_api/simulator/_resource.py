"""One resource, and how both services write it: as JSON text, or as metadata, proto and YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from omni_api._gen import cosi_pb2, specs_pb2
from omni_api.simulator import _goyaml
from omni_api.simulator._spec_wire import proto_spec

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

    def json(self) -> str:
        """As ResourceService writes it: nothing empty, times to the second."""
        metadata: dict[str, Any] = {
            "created": time_text(self.created),
            "updated": time_text(self.created),
            "namespace": self.namespace,
            "type": self.type,
            "id": self.id,
            "owner": self.owner,
            "phase": "running",
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
        message.metadata.phase = "running"
        message.metadata.created.FromDatetime(self.created)
        message.metadata.updated.FromDatetime(self.created)
        message.metadata.finalizers.extend(self.finalizers)
        message.metadata.labels.update(self.labels)
        message.metadata.annotations.update(self.annotations)
        if (make := _SPECS.get(self.type)) is not None:
            spec = make(self.spec)
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
            "phase": "running",
            "created": time_text(self.created),
            "updated": time_text(self.created),
        }
        for name in ("labels", "annotations"):
            if values := getattr(self, name):
                metadata[name] = dict(sorted(values.items()))
        if self.finalizers:
            metadata["finalizers"] = list(self.finalizers)
        return _goyaml.dump({"metadata": metadata, "spec": _lowered(self.spec)})


def time_text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _cluster_spec(spec: Mapping[str, Any]) -> Any:
    return specs_pb2.ClusterSpec(
        kubernetes_version=spec["kubernetes_version"],
        talos_version=spec["talos_version"],
        features=specs_pb2.ClusterSpec.Features(),
    )


def _sys_version_spec(spec: Mapping[str, Any]) -> Any:
    return specs_pb2.SysVersionSpec(**spec)


_SPECS = {
    "Clusters.omni.sidero.dev": _cluster_spec,
    "SysVersions.system.sidero.dev": _sys_version_spec,
}


def _go_fields(message: Any) -> dict[str, Any]:
    """A message as Go's YAML writes the generated struct: every field, even unset ones."""
    fields: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        name = _lower(field.name)
        if field.message_type is None:
            fields[name] = getattr(message, field.name)
        else:
            inner = getattr(message, field.name)
            fields[name] = _go_fields(inner) if message.HasField(field.name) else None
    return fields


def _lowered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_lower(key): _lowered(item) for key, item in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value


def _lower(name: str) -> str:
    return name.replace("_", "").lower()

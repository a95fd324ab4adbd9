"""One resource of Omni: a cluster, a machine, a version, and everything else that it keeps.

Decides how a resource is named and read. Which calls bring it is left to `omni.resources`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import attrs

from omni_api._core.arguments import text
from omni_api._core.values import moment, redacted
from omni_api.errors import InvalidInputError
from omni_api.rows import Value

if TYPE_CHECKING:
    from omni_api._gen.cosi_pb2 import GetResponse, ListResponse
    from omni_api._gen.cosi_pb2 import Resource as ResourceProto

__all__ = ["Resource"]

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9-]+)*")
_SUFFIX = ".omni.sidero.dev"
_ELSEWHERE = {"SysVersions": "SysVersions.system.sidero.dev"}
_SECRET_IDS = frozenset(("JoinTokens", "JoinTokenStatuses"))
"""Types whose id is a secret: it is the token itself."""


@attrs.frozen(kw_only=True, repr=False)
class Resource(Value):
    """One resource. Its repr shows neither content nor, where it is a secret, the id.

    Nor does a table of resources: it has what stands around the content, labels included.

    Attributes:
        namespace: Namespace, for example `default` or `ephemeral`.
        type: Full type, for example `Clusters.omni.sidero.dev`.
        id: Id, unique for namespace and type.
        version: Rises with each change. None for what is computed for the caller.
        owner: Controller that owns it. Empty for what users make.
        phase: `running`, or `tearingDown` once its removal has begun.
        created: When it was created.
        updated: When it was last changed.
        finalizers: Who must agree before it can go.
        labels: Labels, which `list` can select by.
        annotations: Further notes.
        spec: The content. Names are those of the YAML that servers write: lower case without
            underscores, such as `talosversion`. Enums are numbers, and a point in time is a
            mapping of `seconds` and `nanos`.
        spec_proto: The content as protobuf, byte for byte.

    Example:
        >>> from omni_api import Resource
        >>> cluster = Resource(type="Clusters.omni.sidero.dev", id="prod", version=3)
        >>> cluster
        <Resource Clusters.omni.sidero.dev default/prod, version 3, running>
    """

    _columns: ClassVar = (
        *("type", "namespace", "id=_shown_id", "version", "owner", "phase", "created", "updated"),
        "labels",
    )

    namespace: str = "default"
    type: str
    id: str
    version: int | None = None
    owner: str = ""
    phase: str = "running"
    created: datetime | None = None
    updated: datetime | None = None
    finalizers: tuple[str, ...] = ()
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    annotations: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    spec: Mapping[str, object] = attrs.field(factory=dict, hash=False)
    spec_proto: bytes = b""

    @property
    def _shown_id(self) -> str:
        return redacted(self.id) if is_secret(self.type) else self.id

    def __repr__(self) -> str:
        version = "" if self.version is None else f", version {self.version}"
        return f"<Resource {self.type} {self.namespace}/{self._shown_id}{version}, {self.phase}>"


def is_secret(type_: str) -> bool:
    """Whether the id of a resource of this type is a secret."""
    return type_.partition(".")[0] in _SECRET_IDS


def full_type(type_: str) -> str:
    """Return the full name of a resource type, which may be given without its domain.

    Raises:
        InvalidInputError: It is no such name.
    """
    if not _TYPE.fullmatch(text("type", type_)):
        raise InvalidInputError(
            "type must be a resource type such as 'Clusters' or 'Clusters.omni.sidero.dev', "
            f"not {type_!r}"
        )
    return type_ if "." in type_ else _ELSEWHERE.get(type_, type_ + _SUFFIX)


def read(answer: GetResponse | ListResponse) -> Resource:
    """Return the resource of an answer.

    Raises:
        ValueError: Its version or its YAML cannot be read.
    """
    return from_proto(answer.resource)


def from_proto(message: ResourceProto) -> Resource:
    """Return a message of the resource state API as a value.

    Raises:
        ValueError: Its version or its YAML cannot be read.
    """
    about = message.metadata
    return Resource(
        namespace=about.namespace,
        type=about.type,
        id=about.id,
        version=None if about.version in {"", "undefined"} else int(about.version),
        owner=about.owner,
        phase=about.phase,
        created=moment(about.created) if about.HasField("created") else None,
        updated=moment(about.updated) if about.HasField("updated") else None,
        finalizers=tuple(about.finalizers),
        labels=dict(about.labels),
        annotations=dict(about.annotations),
        spec=_content(message.spec.yaml_spec),
        spec_proto=message.spec.proto_spec,
    )


def _content(document: str) -> Mapping[str, object]:
    import yaml

    # The reader in C is ten times as fast, and is missing where PyYAML was built without it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(document, loader)  # noqa: S506 - both are safe loaders
    except yaml.YAMLError:
        # The text of that error would show the content, which may be a secret.
        content = ""
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError("the content of the resource is no YAML mapping")  # noqa: TRY004
    return content


def list_reader() -> Callable[[bytes], Resource]:
    """Return the reader of the messages of a list."""
    from omni_api._core.reading import value
    from omni_api._gen import cosi_pb2, table

    return value(cosi_pb2.ListResponse, read, table.LIST_RESOURCES.path)()


def get_reader() -> Callable[[bytes], Resource]:
    """Return the reader of the answer that has one resource."""
    from omni_api._core.reading import value
    from omni_api._gen import cosi_pb2, table

    return value(cosi_pb2.GetResponse, read, table.GET_RESOURCE.path)()

"""One change of a manifest sync: which object, what differs, and whether it is rolled out.

Decides how the two forms of paths and objects are read that servers send, depending on the Talos
version of the cluster.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

import attrs

from omni_api._core.values import enum_value, redacted
from omni_api._gen.models import ManifestSyncType
from omni_api.rows import Value

__all__ = ["ManifestChange"]

# `Kind/namespace/name` (Talos 1.13 and newer) or `group/version.Kind/namespace/name`. The group
# has slash and dots itself, but only a kind begins with a capital letter.
_PATH = re.compile(
    r"(?:(?P<api>(?:[^/A-Z]+/)?[^/A-Z]+)\.)?(?P<kind>[A-Z][^/.]*)"
    r"(?:/(?P<namespace>[^/]*))?/(?P<name>[^/]+)"
)
_NO_PATH: Mapping[str, str | None] = {}
_PHASES: Mapping[int, Literal["manifest", "rollout"]] = {
    ManifestSyncType.MANIFEST: "manifest",
    ManifestSyncType.ROLLOUT: "rollout",
}


@attrs.frozen(kw_only=True)
class ManifestChange(Value):
    """One manifest that was compared, or is being rolled out.

    `str(change)` is the path, what happens, and the diff. The diff of a Secret is left out there;
    the repr shows neither diffs nor objects.

    Attributes:
        path: Which object, as the server names it.
        response_type: What the message is about; see `phase`.
        skipped: Whether the server says that nothing had to be done. In a dry run servers do not
            say so for clusters on Talos 1.13 or newer; `changed` is right there too.
        diff: Difference between cluster and manifest as text. Empty if there is none.
        object_yaml: The object as YAML, as it came.

    Example:
        >>> from omni_api import ManifestChange, ManifestSyncType
        >>> change = ManifestChange(
        ...     response_type=ManifestSyncType.MANIFEST,
        ...     path="apps/v1.Deployment/kube-system/coredns",
        ... )
        >>> change.api_version, change.kind, change.namespace, change.name
        ('apps/v1', 'Deployment', 'kube-system', 'coredns')
        >>> print(change)
        apps/v1.Deployment/kube-system/coredns: unchanged
    """

    _columns: ClassVar = ("kind", "namespace", "name", "phase", "changed", "skipped", "path")

    path: str
    response_type: ManifestSyncType | int
    skipped: bool = False
    diff: str = attrs.field(default="", repr=redacted)
    object_yaml: bytes = attrs.field(default=b"", repr=redacted)

    @property
    def phase(self) -> Literal["manifest", "rollout", ""]:
        """`manifest`: compared and, unless in a dry run, applied. `rollout`: being rolled out."""
        return _PHASES.get(self.response_type, "")

    @property
    def changed(self) -> bool:
        """Whether cluster and manifest differed. False while it is rolled out: told before."""
        return self.phase == "manifest" and not self.skipped and bool(self.diff)

    @property
    def api_version(self) -> str:
        """Group and version such as `apps/v1`; "" where the path has none (Talos 1.13, newer)."""
        return self._parts.get("api") or ""

    @property
    def kind(self) -> str:
        """Kind such as `Deployment`; "" if the path has another form than is known."""
        return self._parts.get("kind") or ""

    @property
    def namespace(self) -> str:
        """Namespace; "" for objects of the whole cluster."""
        return self._parts.get("namespace") or ""

    @property
    def name(self) -> str:
        """Name of the object; "" if the path has another form than is known."""
        return self._parts.get("name") or ""

    @property
    def object(self) -> Mapping[str, object]:
        """The object, decoded anew with each access; empty if it is no YAML mapping.

        For clusters on Talos 1.13 and newer servers wrap it in a key `object`, which is left out
        here.
        """
        import yaml

        try:
            decoded = yaml.safe_load(self.object_yaml)
        except (yaml.YAMLError, ValueError):
            return {}
        if isinstance(decoded, dict) and decoded.keys() == {"object"}:
            decoded = decoded["object"]
        return decoded if isinstance(decoded, dict) else {}

    @property
    def _parts(self) -> Mapping[str, str | None]:
        found = _PATH.fullmatch(self.path)
        return found.groupdict() if found else _NO_PATH

    def __str__(self) -> str:
        if self.phase == "rollout":
            return f"{self.path}: rolling out"
        if not self.changed:
            return f"{self.path}: unchanged"
        if self.kind == "Secret":
            return f"{self.path}: changed (the diff of a Secret is in `diff`)"
        return f"{self.path}: changed\n{self.diff}".rstrip("\n")


def change_reader() -> Callable[[bytes], ManifestChange]:
    """Return the reader of one stream."""
    from omni_api._core.reading import value
    from omni_api._gen.management_pb2 import KubernetesSyncManifestResponse

    def read(message: KubernetesSyncManifestResponse) -> ManifestChange:
        return ManifestChange(
            path=message.path,
            response_type=enum_value(ManifestSyncType, message.response_type),
            skipped=message.skipped,
            diff=message.diff,
            object_yaml=message.object,
        )

    return value(
        KubernetesSyncManifestResponse,
        read,
        "/management.ManagementService/KubernetesSyncManifests",
    )()

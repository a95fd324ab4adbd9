"""Is this text a Talos config patch that Omni would take?

Fields and their types are known as far as `_config_kinds` knows them; below that everything
passes. Texts follow Talos's decoder, which names what it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from omni_api.simulator import _goyaml
from omni_api.simulator._config_kinds import FORBIDDEN_KINDS, KINDS, V1ALPHA1
from omni_api.simulator._go import multiple
from omni_api.simulator._go_types import PATCH, mismatches, strangers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ALLOWED_ROLES = "machine.features.kubernetesTalosAPIAccess.allowedRoles"
_FORBIDDEN = (
    *(
        f"cluster.{name}"
        for name in (
            "clusterName",
            "id",
            "controlPlane.endpoint",
            "token",
            "secret",
            "aescbcEncryptionSecret",
            "secretboxEncryptionSecret",
            "ca",
            "acceptedCAs",
            "serviceAccount",
        )
    ),
    *(
        f"machine.{name}"
        for name in ("token", "ca", "type", "install.disk", "install.extensions", "acceptedCAs")
    ),
)


class PatchError(Exception):
    """Why the server refuses the patch, in its words."""


def check_patch(text: str) -> None:
    """Raise PatchError unless `text` is a patch."""
    documents = list(_documents(text))
    if not documents:
        raise PatchError("config not found")
    for line, document in documents:
        try:
            _decode(document, line)
        except RecursionError as error:  # an alias that contains itself
            raise PatchError(f"decode error: {_goyaml.reason(error)}") from error
    _refuse_twins(document for _, document in documents)
    if problems := [problem for _, document in documents for problem in _overrides(document)]:
        raise PatchError(multiple(problems))


def _documents(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        loader = _goyaml.GoLoader(text)
        while loader.check_node():
            node: Any = loader.get_node()
            line = node.start_mark.line + 1
            if node.tag == "tag:yaml.org,2002:null":
                continue
            if not isinstance(node, yaml.MappingNode):
                raise PatchError(f"expected a YAML document at line {line}")
            if document := loader.construct_document(node):
                yield line, document
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise PatchError(f"decode error: {_goyaml.reason(error)}") from error


def _decode(document: dict[str, Any], line: int) -> None:
    api = _word(document.get("apiVersion"))
    kind = _word(document.get("kind"))
    name = _word(document.get("name")) if kind else ""
    label = f"{api}/{kind}/{name}" if api or kind else "/v1alpha1/"
    prefix = f"error decoding document {label} (line {line}): "
    if label != "/v1alpha1/":
        if not kind:
            raise PatchError(f"{prefix}missing kind")
        if api != "v1alpha1" or kind not in KINDS:
            raise PatchError(f'{prefix}"{kind}" "{api}": not registered')
    fields = KINDS[kind] if api else V1ALPHA1
    if faults := list(mismatches(document, fields, f"v1alpha1.{kind}")):
        text = "\n".join(f"  line {line}: {fault}" for fault in faults)
        raise PatchError(f"{prefix}yaml: unmarshal errors:\n{text}")
    if unknown := strangers(document, fields):
        raise PatchError(f"{prefix}unknown keys found during decoding:\n{_goyaml.dump(unknown)}")


def _refuse_twins(documents: Iterable[Mapping[str, Any]]) -> None:
    """Talos takes one machine config, and one document of a kind and name."""
    seen = set()
    for document in documents:
        if PATCH in document:
            continue
        kind, name = _word(document.get("kind")), _word(document.get("name"))
        if (kind, name) in seen:
            what = f"duplicate document: {kind}/{name}" if kind else "duplicate v1alpha1.Config"
            raise PatchError(what)
        seen.add((kind, name))


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _overrides(document: Mapping[str, Any]) -> Iterator[str]:
    """What belongs to Omni alone; a field that is only deleted is not overridden."""
    kind = document.get("kind")
    if kind is not None:
        if kind in FORBIDDEN_KINDS:
            yield f'the "{kind}" document is not allowed in the config patch'
        return
    for path in _FORBIDDEN:
        value = _at(document, path)
        deleted = isinstance(value, dict) and PATCH in value
        # Go cannot tell an empty text or list from one that was never given.
        if value not in (None, "", []) and not deleted:
            yield f'overriding "{path}" is not allowed in the config patch'
    roles = _at(document, _ALLOWED_ROLES)
    if isinstance(roles, list) and "os:admin" in roles:
        yield f'element "os:admin" is not allowed in field "{_ALLOWED_ROLES}"'


def _at(document: Any, path: str) -> Any:
    for key in path.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document

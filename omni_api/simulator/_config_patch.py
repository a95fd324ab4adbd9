"""Is this text a Talos config patch that Omni would take?

The shape is known to the second level of the machine config, and to the third where users write
most; below that everything passes. Texts follow Talos's decoder, which names what it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from omni_api.simulator import _goyaml
from omni_api.simulator._config_kinds import FORBIDDEN_KINDS, KNOWN_KINDS, V1ALPHA1

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DELETE = "$patch"
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
    if problems := [problem for _, document in documents for problem in _overrides(document)]:
        count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
        bullets = "".join(f"\t* {problem}\n" for problem in problems)
        raise PatchError(f"{count} occurred:\n{bullets}\n")


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
        if api != "v1alpha1" or kind not in KNOWN_KINDS:
            raise PatchError(f'{prefix}"{kind}" "{api}": not registered')
        return
    if mismatches := list(_mismatches(document, V1ALPHA1, "Config")):
        text = "\n".join(f"  line {line}: {mismatch}" for mismatch in mismatches)
        raise PatchError(f"{prefix}yaml: unmarshal errors:\n{text}")
    if strangers := _unknown_keys(document, V1ALPHA1):
        raise PatchError(f"{prefix}unknown keys found during decoding:\n{_goyaml.dump(strangers)}")


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mismatches(section: Mapping[str, Any], shape: Mapping[str, Any], name: str) -> Iterator[str]:
    """Values that are no mapping where Talos has a section."""
    for key, inner in shape.items():
        value = section.get(key)
        if inner is None or value is None:
            continue
        section_name = key[:1].upper() + key[1:] + name.removeprefix("Machine")
        if not isinstance(value, dict):
            tag = {bool: "bool", int: "int", float: "float", list: "seq"}.get(type(value), "str")
            shown = "" if isinstance(value, list) else f" `{value}`"
            yield f"cannot unmarshal !!{tag}{shown} into v1alpha1.{section_name}"
        else:
            yield from _mismatches(value, inner, section_name)


def _unknown_keys(section: Mapping[str, Any], shape: Mapping[str, Any]) -> dict[str, Any]:
    strangers: dict[str, Any] = {}
    for key, value in section.items():
        if key == _DELETE:
            continue
        if key not in shape:
            strangers[str(key)] = value
        elif (
            shape[key] is not None
            and isinstance(value, dict)
            and (inner := _unknown_keys(value, shape[key]))
        ):
            strangers[key] = inner
    return strangers


def _overrides(document: Mapping[str, Any]) -> Iterator[str]:
    """What belongs to Omni alone; a field that is only deleted is not overridden."""
    kind = document.get("kind")
    if kind is not None:
        if kind in FORBIDDEN_KINDS:
            yield f'the "{kind}" document is not allowed in the config patch'
        return
    for path in _FORBIDDEN:
        value = _at(document, path)
        deleted = isinstance(value, dict) and _DELETE in value
        if value is not None and not deleted:
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

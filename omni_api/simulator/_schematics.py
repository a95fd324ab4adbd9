"""Image factory schematics: their canonical YAML, their ids, and the URLs of boot assets."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from omni_api._gen import management_pb2
from omni_api.simulator import _goyaml
from omni_api.simulator._call import Call, Handler, Refused, invalid, unknown
from omni_api.simulator._go_types import mismatches, strangers
from omni_api.simulator._installation_media import MEDIA, OVERLAYS
from omni_api.simulator._joining import kernel_args
from omni_api.simulator._versions import is_semver

EMPTY_SCHEMATIC_ID = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
_LABELS_META = 12
_ALLOWED_META = (10, _LABELS_META, 13, 14)
_BOOTLOADERS = {1: "dual-boot", 2: "sd-boot", 3: "grub"}

# The fields of a schematic in the factory's order, which is the order of the canonical YAML.
_FIELDS: dict[str, Any] = {
    "owner": "string",
    "overlay": {"image": "string", "name": "string", "options": {"*": None}},
    "customization": {
        "embeddedMachineConfiguration": "string",
        "extraKernelArgs": ["string"],
        "meta": [{"key": "uint8", "value": "string"}],
        "systemExtensions": {"officialExtensions": ["string"]},
        "bootloader": "string",
        "secureboot": {"enrollKeys": "string", "includeWellKnownCertificates": "bool"},
    },
}


def schematic_id(canonical: str) -> str:
    return hashlib.sha256(canonical.encode()).hexdigest()


def canonical_yaml(schematic: Mapping[str, Any]) -> str:
    """Write a schematic as the factory does before hashing: ordered, nothing empty."""
    return _goyaml.dump(_in_order(schematic, _FIELDS))


def _in_order(section: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    ordered: dict[str, Any] = {}
    always = ("customization", "key")
    for name, inner in fields.items():
        value = section.get(name)
        if isinstance(inner, dict) and "*" not in inner and isinstance(value, Mapping):
            value = _in_order(value, inner)
        elif isinstance(inner, list) and isinstance(inner[0], dict) and value:
            value = [_in_order(item or {}, inner[0]) for item in value]
        if value or name in always:
            ordered[name] = value or ({} if name == "customization" else 0)
    return ordered


def create_schematic(call: Call, request: Any) -> Any:
    call.require("Operator")
    if request.image_factory_url not in ("", call.omni.image_factory):
        raise unknown(
            f'no image factory client configured for the given URL "{request.image_factory_url}"'
        )
    if request.media_id and request.media_id not in MEDIA:
        # Ephemeral resources are kept in memory, whose errors carry no `failed to get: `.
        raise unknown(
            "resource InstallationMedias.omni.sidero.dev"
            f"(ephemeral/{request.media_id}@undefined) doesn't exist"
        )
    if request.talos_version and not is_semver(request.talos_version):
        raise invalid("invalid Talos version")
    tunnel = request.siderolink_grpc_tunnel_mode == management_pb2.CreateSchematicRequest.ENABLED
    customization = {
        "embeddedMachineConfiguration": request.embedded_machine_config,
        "extraKernelArgs": [
            *kernel_args(call.omni, request.join_token, grpc_tunnel=tunnel),
            *request.extra_kernel_args,
        ],
        "meta": _meta(request.meta_values),
        "systemExtensions": {"officialExtensions": sorted(set(request.extensions))},
        "bootloader": _BOOTLOADERS.get(request.bootloader),
    }
    text = canonical_yaml({"overlay": _overlay(request), "customization": customization})
    return management_pb2.CreateSchematicResponse(
        schematic_id=schematic_id(text), schematic_yml=text, grpc_tunnel_enabled=tunnel
    )


def _meta(values: Mapping[int, str]) -> list[dict[str, Any]]:
    for key in sorted(values):
        if key not in _ALLOWED_META:
            raise invalid(
                f"meta key 0x{key:02x} is not allowed to be set in the schematic, "
                "as it's reserved by Talos"
            )
    if _LABELS_META in values:
        _check_labels(values[_LABELS_META])
    return [{"key": key, "value": values[key]} for key in sorted(values, reverse=True)]


def _check_labels(text: str) -> None:
    try:
        document = _goyaml.load(text)
    except _goyaml.YamlError as error:
        raise invalid(f"failed to parse machine labels: {error}") from error
    if document is not None and not isinstance(document, dict):
        raise invalid("failed to parse machine labels: yaml: cannot unmarshal into a mapping")
    document = document or {}
    if "initialMachineLabels" in document:
        raise invalid("'initialMachineLabels' is deprecated")
    labels = document.get("machineLabels")
    if not labels:
        raise invalid("machine labels are empty")
    if not isinstance(labels, dict) or any(isinstance(v, dict | list) for v in labels.values()):
        raise invalid("failed to parse machine labels: yaml: cannot unmarshal into a mapping")


def _overlay(request: Any) -> dict[str, Any]:
    if not request.HasField("overlay"):
        return dict(OVERLAYS.get(request.media_id, {}))
    overlay = request.overlay
    try:
        options = _goyaml.load(overlay.options) if overlay.options else None
    except _goyaml.YamlError as error:
        raise unknown(f"failed to ensure schematic: invalid overlay options: {error}") from error
    return {"image": overlay.image, "name": overlay.name, "options": options}


def create_schematic_from_raw(call: Call, request: Any) -> Any:
    call.require_one_of("InfraProvider", "Operator", "Admin")
    prefix = "failed to unmarshal raw schematic: "
    try:
        document = _goyaml.load(request.raw_schematic)
    except _goyaml.YamlError as error:
        raise unknown(f"{prefix}{error}") from error
    if _goyaml.is_empty(request.raw_schematic):
        raise unknown(f"{prefix}EOF")
    document = {} if document is None else document
    problems = list(mismatches(document, _FIELDS, "schematic.Schematic"))
    if unknown_fields := strangers(document, _FIELDS):
        first = next(iter(unknown_fields))
        problems.append(f"field {first} not found in type schematic.Schematic")
    bootloader = ((document.get("customization") or {}) if not problems else {}).get("bootloader")
    if bootloader and bootloader not in _BOOTLOADERS.values():
        problems.append(f"invalid bootloader kind: {bootloader}")
    if problems:
        # Line numbers are not kept, so line 1 stands for all.
        lines = "".join(f"\n  line 1: {problem}" for problem in problems)
        raise unknown(f"{prefix}yaml: unmarshal errors:{lines}")
    if request.talos_version and not is_semver(request.talos_version):
        raise unknown("failed to ensure raw schematic: invalid Talos version")
    try:
        canonical = canonical_yaml(document)
    except RecursionError as error:  # an alias that contains itself
        raise unknown(f"{prefix}{_goyaml.reason(error)}") from error
    return management_pb2.CreateSchematicResponse(schematic_id=schematic_id(canonical))


def get_boot_asset_url(call: Call, request: Any) -> Any:
    call.require_one_of("InfraProvider", "Operator", "Admin")
    kinds = management_pb2.BootAssetURLRequest
    kind = request.boot_asset_kind
    if kind not in (
        kinds.BOOT_ASSET_KIND_PXE,
        kinds.BOOT_ASSET_KIND_ISO,
        kinds.BOOT_ASSET_KIND_DISK,
    ):
        raise invalid(f"unknown boot asset kind {_kind_name(kind)}")
    is_disk = kind == kinds.BOOT_ASSET_KIND_DISK
    for what, value, valid in (
        ("platform", request.platform, r"[a-z][A-Za-z0-9-]*"),
        ("architecture", request.architecture, "amd64|arm64"),
        ("disk image format", request.format, r"[a-z0-9]+(\.[a-z0-9]+)*" if is_disk else ".*"),
        ("schematic ID", request.schematic_id, "[0-9a-f]{64}"),
    ):
        if not re.fullmatch(valid, value):
            raise _invalid_asset(what, value)
    if not is_semver(request.talos_version):
        raise _invalid_asset("Talos version", request.talos_version)
    suffix = {
        kinds.BOOT_ASSET_KIND_PXE: "",
        kinds.BOOT_ASSET_KIND_ISO: ".iso",
        kinds.BOOT_ASSET_KIND_DISK: f".{request.format}",
    }[kind]
    secure = "-secureboot" if request.secure_boot else ""
    pxe = kind == kinds.BOOT_ASSET_KIND_PXE
    omni = call.omni
    base = f"{omni.image_factory_pxe}/pxe" if pxe else f"{omni.image_factory}/image"
    file = f"{request.platform}-{request.architecture}{secure}{suffix}"
    version = request.talos_version.removeprefix("v")
    url = f"{base}/{request.schematic_id}/v{version}/{file}"
    answer = management_pb2.BootAssetURLResponse(
        url=url,
        headers=omni.image_factory_headers,
        image_factory_host=urlsplit(omni.image_factory).netloc,
        storage_key=hashlib.sha256(url.encode()).hexdigest(),
    )
    if (pxe or request.standalone_url) and answer.headers:
        token = answer.headers.pop("Authorization").removeprefix("Basic ")
        credentials = base64.b64decode(token).decode() + "@"
        answer.url = url.replace("://", f"://{credentials}", 1)
    return answer


def _invalid_asset(what: str, value: str) -> Refused:
    return invalid(f'invalid boot asset request: invalid {what} "{value}"')


def _kind_name(kind: int) -> str:
    values = management_pb2.BootAssetURLRequest.BootAssetKind
    return values.Name(kind) if kind in values.values() else str(kind)


_SERVICE = "/management.ManagementService/"

HANDLERS: dict[str, Handler] = {
    f"{_SERVICE}CreateSchematic": create_schematic,
    f"{_SERVICE}CreateSchematicFromRaw": create_schematic_from_raw,
    f"{_SERVICE}GetBootAssetURL": get_boot_asset_url,
}

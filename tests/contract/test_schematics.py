"""Schematics and the URLs of what the image factory makes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from sample_calls import EMPTY_SCHEMATIC

from omni_api import (
    BootAssetKind,
    InvalidArgumentError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    SchematicBootloader,
    SchematicOverlay,
    SiderolinkGRPCTunnelMode,
    UnknownError,
)
from omni_api.simulator import Simulator


def test_a_schematic_makes_machines_join_and_its_id_is_the_hash_of_its_text(omni: Any) -> None:
    answer = omni.management.create_schematic(
        talos_version="1.13.8",
        extensions=["siderolabs/zfs", "siderolabs/amdgpu", "siderolabs/zfs"],
        extra_kernel_args=["console=ttyS0"],
    )
    assert answer.schematic_id == hashlib.sha256(answer.schematic_yml.encode()).hexdigest()
    made = yaml.safe_load(answer.schematic_yml)["customization"]
    assert made["systemExtensions"]["officialExtensions"] == ["siderolabs/amdgpu", "siderolabs/zfs"]
    assert made["extraKernelArgs"][0].startswith("siderolink.api=")
    assert made["extraKernelArgs"][-1] == "console=ttyS0"
    assert answer.pxe_url == ""
    assert not answer.grpc_tunnel_enabled
    assert "siderolink" not in repr(answer)


def test_equal_wishes_get_the_same_id(omni: Any) -> None:
    first = omni.management.create_schematic(extensions=["a", "b"])
    assert omni.management.create_schematic(extensions=("b", "a")) == first
    assert omni.management.create_schematic(extensions=["c"]) != first


def test_every_option_arrives_in_the_schematic(omni: Any) -> None:
    answer = omni.management.create_schematic(
        meta_values={10: "network", 12: "machineLabels: {rack: r7}"},
        siderolink_grpc_tunnel_mode=SiderolinkGRPCTunnelMode.ENABLED,
        join_token="my-token",
        overlay=SchematicOverlay(name="rpi_generic", image="siderolabs/sbc-raspberrypi"),
        bootloader=SchematicBootloader.SD,
        embedded_machine_config="machine: {}",
        image_factory_url="https://factory.talos.dev",
    )
    assert answer.grpc_tunnel_enabled
    made = yaml.safe_load(answer.schematic_yml)
    assert made["overlay"]["name"] == "rpi_generic"
    custom = made["customization"]
    assert [meta["key"] for meta in custom["meta"]] == [12, 10]
    assert custom["bootloader"] == "sd-boot"
    assert custom["embeddedMachineConfiguration"] == "machine: {}"
    assert "grpc_tunnel=true&jointoken=my-token" in custom["extraKernelArgs"][0]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"meta_values": {6: "x"}}, "meta key 0x06 is not allowed"),
        ({"meta_values": {12: "- a"}}, "failed to parse machine labels"),
        ({"talos_version": "latest"}, "invalid Talos version"),
    ],
)
def test_a_schematic_that_talos_would_not_take_is_an_invalid_argument(
    omni: Any, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=text):
        omni.management.create_schematic(**options)


def test_an_unknown_factory_is_unknown_and_an_unknown_medium_not_found(omni: Any) -> None:
    with pytest.raises(UnknownError, match="no image factory client configured"):
        omni.management.create_schematic(image_factory_url="https://factory.example.org")
    with pytest.raises(NotFoundError, match="InstallationMedias"):
        omni.management.create_schematic(media_id="floppy")


def test_media_say_what_the_factory_calls_them_and_one_for_a_board_brings_its_overlay(
    omni: Any,
) -> None:
    with omni.resources.list("InstallationMedias", namespace="ephemeral") as stream:
        media = {medium.id: medium.spec for medium in stream}
    assert media["metal-amd64.iso"]["name"] == "ISO (amd64)"
    assert media["aws-arm64.raw.xz"]["profile"] == "aws"
    board = media["rpi_generic.raw.xz"]
    assert (board["nosecureboot"], board["mintalosversion"]) == (True, "1.7.0")
    made = yaml.safe_load(
        omni.management.create_schematic(media_id="rpi_generic.raw.xz").schematic_yml
    )
    assert made["overlay"]["name"] == board["overlay"] == "rpi_generic"


def test_a_talos_version_has_extensions(omni: Any) -> None:
    items: Any = omni.resources.get("TalosExtensions", "1.13.8").spec["items"]
    assert "siderolabs/iscsi-tools" in [item["name"] for item in items]


def test_a_raw_schematic_is_registered_as_it_is(omni: Any) -> None:
    answer = omni.management.create_schematic_from_raw(raw_schematic=b"customization: {}")
    assert answer.schematic_id == EMPTY_SCHEMATIC
    assert answer.schematic_yml == ""


@pytest.mark.parametrize("raw", [b"a: [", b"bogus: 1", b"customization: {bogus: 1}"])
def test_a_raw_schematic_that_cannot_be_read_is_unknown(omni: Any, raw: bytes) -> None:
    with pytest.raises(UnknownError, match="failed to unmarshal raw schematic"):
        omni.management.create_schematic_from_raw(raw_schematic=raw)


def asset(omni: Any, kind: BootAssetKind | int, **options: Any) -> Any:
    """Ask for a boot asset of the empty schematic."""
    wish = {"talos_version": "1.13.8", "platform": "metal", "architecture": "amd64"} | options
    return omni.management.get_boot_asset_url(
        **({"schematic_id": EMPTY_SCHEMATIC} | wish), boot_asset_kind=kind
    )


@pytest.mark.parametrize(
    ("kind", "options", "end"),
    [
        (BootAssetKind.ISO, {}, "/v1.13.8/metal-amd64.iso"),
        (BootAssetKind.ISO, {"secure_boot": True}, "/v1.13.8/metal-amd64-secureboot.iso"),
        (BootAssetKind.DISK, {"format": "raw.zst"}, "/v1.13.8/metal-amd64.raw.zst"),
        (BootAssetKind.PXE, {"architecture": "arm64"}, "/v1.13.8/metal-arm64"),
    ],
)
def test_a_boot_asset_is_found_at_the_factory(
    omni: Any, kind: BootAssetKind, options: dict[str, Any], end: str
) -> None:
    answer = asset(omni, kind, **options)
    assert answer.url.startswith("https://")
    assert answer.url.endswith(EMPTY_SCHEMATIC + end)
    assert ("https://pxe." in answer.url) is (kind is BootAssetKind.PXE)
    assert answer.image_factory_host == "factory.talos.dev"
    assert answer.headers == {}
    assert len(answer.storage_key) == 64
    assert "https" not in repr(answer)


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        (BootAssetKind.UNSET, {}, "unknown boot asset kind"),
        (77, {}, "unknown boot asset kind 77"),
        (BootAssetKind.ISO, {"architecture": "riscv"}, 'invalid architecture "riscv"'),
        (BootAssetKind.DISK, {}, 'invalid disk image format ""'),
        (BootAssetKind.ISO, {"schematic_id": "abc"}, 'invalid schematic ID "abc"'),
    ],
)
def test_an_incomplete_wish_for_an_asset_is_an_invalid_argument(
    omni: Any, kind: Any, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=text):
        asset(omni, kind, **options)


def test_infra_providers_may_and_auditors_may_not(as_role: Callable[..., Any]) -> None:
    assert asset(as_role("InfraProvider"), BootAssetKind.ISO).url
    with pytest.raises(PermissionDeniedError) as caught:
        asset(as_role("Auditor"), BootAssetKind.ISO)
    assert "needs InfraProvider or Operator or Admin" in caught.value.hint


@pytest.mark.parametrize(
    "options",
    [
        {"extensions": "siderolabs/zfs"},
        {"extensions": [1]},
        {"meta_values": {"a": "b"}},
        {"meta_values": {-1: "b"}},
        {"bootloader": SiderolinkGRPCTunnelMode.AUTO},
        {"bootloader": "sd-boot"},
        {"overlay": {"name": "x"}},
    ],
)
def test_a_malformed_wish_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(options))):
        omni.management.create_schematic(**options)
    assert simulator.calls == []

"""YAML is read and written as Go does it: patches, schematics, labels, and their bad forms."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from raw_client import RawClient

from omni_api.simulator import Simulator
from omni_api.simulator._goyaml import dump

SERVICE = "management.ManagementService"
EMPTY_ID = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("a: [", "decode error: yaml: line 1: "),
        ("machine:\n  a: 1\n  a: 2\n", 'yaml: line 3: mapping key "a" already defined'),
        ("machine: &m\n  network: *m\n", "yaml: document contains excessive aliasing"),
        ("machine:\n  bogus: &b\n    c: *b\n", "yaml: document contains excessive aliasing"),
        ("- machine\n", "expected a YAML document at line 1"),
        ("machine: {}\n---\ntext\n", "expected a YAML document at line 3"),
        ("null\n", "config not found"),
        ("apiVersion: v1alpha1\n", "error decoding document v1alpha1// (line 1): missing kind"),
        ("kind: HostnameConfig\n", '"HostnameConfig" "": not registered'),
        (
            "apiVersion: v1alpha1\nkind: KubeClusterConfig\n",
            'the "KubeClusterConfig" document is not allowed in the config patch',
        ),
        (
            "machine:\n  features:\n    kubernetesTalosAPIAccess:\n"
            "      allowedRoles: [os:reader, os:admin]\n",
            'element "os:admin" is not allowed in field '
            '"machine.features.kubernetesTalosAPIAccess.allowedRoles"',
        ),
    ],
)
def test_a_patch_that_is_none_is_told_why(client: RawClient, config: str, message: str) -> None:
    code, text, _ = client.call(SERVICE, "ValidateConfig", {"config": config})
    assert code == "INVALID_ARGUMENT"
    assert message in text


@pytest.mark.parametrize(
    "config",
    [
        "null\n---\nmachine: {sysctls: {a: b}}\n",
        "$patch: delete\n---\n$patch: delete\n",
        "machine:\n  <<: {sysctls: {a: b}}\n  <<: {sysfs: {a: b}}\n",
    ],
)
def test_an_odd_patch_is_a_patch_all_the_same(client: RawClient, config: str) -> None:
    assert client.call(SERVICE, "ValidateConfig", {"config": config})[:2] == ("OK", "")


def create(client: RawClient, **request: Any) -> tuple[str, str, dict[str, Any]]:
    code, message, responses = client.call(SERVICE, "CreateSchematic", request)
    return code, message, responses[0] if responses else {}


def raw(client: RawClient, text: str, **more: str) -> tuple[str, str]:
    request = {"raw_schematic": base64.b64encode(text.encode()).decode(), **more}
    code, message, responses = client.call(SERVICE, "CreateSchematicFromRaw", request)
    return code, responses[0]["schematic_id"] if responses else message


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("a: [", "failed to parse machine labels: yaml: line 1: "),
        ("- a\n", "failed to parse machine labels: "),
        ("machineLabels: [a]\n", "failed to parse machine labels: "),
        ("machineLabels: {a: [b]}\n", "failed to parse machine labels: "),
        ("initialMachineLabels: {a: b}\n", "'initialMachineLabels' is deprecated"),
        ("", "machine labels are empty"),
        ("machineLabels: {}\n", "machine labels are empty"),
    ],
)
def test_labels_of_a_schematic_must_be_labels(client: RawClient, labels: str, message: str) -> None:
    code, text, _ = create(client, meta_values={12: labels})
    assert code == "INVALID_ARGUMENT"
    assert text.startswith(message)


def test_meta_values_are_sorted_and_reserved_ones_refused(client: RawClient) -> None:
    code, message, _ = create(client, meta_values={6: "x"})
    assert (code, message) == (
        "INVALID_ARGUMENT",
        "meta key 0x06 is not allowed to be set in the schematic, as it's reserved by Talos",
    )
    values = {10: "x", 12: "machineLabels:\n  a: b\n"}
    code, _, response = create(client, meta_values=values)
    assert code == "OK"
    meta = yaml.safe_load(response["schematic_yml"])["customization"]["meta"]
    assert meta == [{"key": 12, "value": values[12]}, {"key": 10, "value": "x"}]


def test_an_overlay_stands_before_the_customization(client: RawClient) -> None:
    overlay = {"name": "rpi", "image": "siderolabs/sbc", "options": "configTxt: |\n  a=1\n"}
    code, _, response = create(client, overlay=overlay)
    assert code == "OK"
    assert response["schematic_yml"].startswith(
        "overlay:\n    image: siderolabs/sbc\n    name: rpi\n    options:\n"
        "        configTxt: |\n            a=1\ncustomization:\n"
    )
    code, message, _ = create(client, overlay={"name": "rpi", "options": "a: ["})
    assert code == "UNKNOWN"
    assert message.startswith("failed to ensure schematic: invalid overlay options: yaml: ")


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"talos_version": "latest"}, ("INVALID_ARGUMENT", "invalid Talos version")),
        (
            {"image_factory_url": "https://other.example"},
            (
                "UNKNOWN",
                'no image factory client configured for the given URL "https://other.example"',
            ),
        ),
    ],
)
def test_a_schematic_is_for_a_known_version_and_factory(
    client: RawClient, request_: dict[str, str], answer: tuple[str, str]
) -> None:
    assert create(client, **request_)[:2] == answer


def test_a_raw_schematic_is_hashed_in_its_canonical_form(client: RawClient) -> None:
    assert raw(client, "customization: {}\n") == ("OK", EMPTY_ID)
    assert raw(client, "null\n", talos_version="1.13.8") == ("OK", EMPTY_ID)
    assert raw(client, "{}", talos_version="latest") == (
        "UNKNOWN",
        "failed to ensure raw schematic: invalid Talos version",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "yaml: line 1: "),
        ("", "EOF"),
        ("bogus: 1\n", "field bogus not found in type schematic.Schematic"),
        ("customization:\n  bootloader: lilo\n", "invalid bootloader kind: lilo"),
        ("overlay:\n  options: &o\n    a: *o\n", "yaml: document contains excessive aliasing"),
        ("customization: &c\n  meta: [*c]\n", "yaml: "),
    ],
)
def test_a_raw_schematic_that_is_none_is_told_why(
    client: RawClient, text: str, message: str
) -> None:
    code, got = raw(client, text)
    assert code == "UNKNOWN"
    assert got.startswith("failed to unmarshal raw schematic: ")
    assert message in got


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": {}}, "a: {}\n"),
        ({"a": []}, "a: []\n"),
        ({"a": [1, [2, 3]]}, "a:\n    - 1\n    - - 2\n      - 3\n"),
        ({"a": [{"b": 1, "c": None}]}, "a:\n    - b: 1\n      c: null\n"),
        ({"a": "x\ny"}, "a: |-\n    x\n    y\n"),
        ({"a": "x\n\ny\n"}, "a: |\n    x\n\n    y\n"),
        ({"a": "x\n\n"}, "a: |+\n    x\n\n"),
        ({"a": "yes", "b": "on", "c": "text"}, 'a: "yes"\nb: "on"\nc: text\n'),
        ({"a": "0o17", "b": "1e3", "c": ""}, 'a: "0o17"\nb: "1e3"\nc: ""\n'),
        ({"a": "it's: so", "b": "*x"}, "a: 'it''s: so'\nb: '*x'\n"),
        ({"a": True, "b": 1.5}, "a: true\nb: 1.5\n"),
    ],
)
def test_yaml_is_written_in_gos_layout_and_reads_back(value: Any, written: str) -> None:
    assert dump(value) == written
    assert yaml.safe_load(written) == value


def test_a_boot_asset_is_of_a_version(client: RawClient) -> None:
    request = {
        "boot_asset_kind": "BOOT_ASSET_KIND_ISO",
        "platform": "metal",
        "architecture": "amd64",
        "schematic_id": EMPTY_ID,
        "talos_version": "latest",
    }
    assert client.call(SERVICE, "GetBootAssetURL", request)[:2] == (
        "INVALID_ARGUMENT",
        'invalid boot asset request: invalid Talos version "latest"',
    )

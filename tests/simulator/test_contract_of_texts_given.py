"""Config patches, schematics and schemas are judged as Go's decoders judge them."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator

SERVICE = "management.ManagementService"
HOSTNAME = "apiVersion: v1alpha1\nkind: HostnameConfig\n"


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


def validate(client: RawClient, config: str) -> tuple[str, str]:
    code, message, _ = client.call(SERVICE, "ValidateConfig", {"config": config})
    return code, message


@pytest.mark.parametrize(
    "config",
    [
        "cluster:\n  token: ''\n  acceptedCAs: []\n",
        "machine:\n  ca:\n    $patch: delete\n",
        "machine:\n  sysctls:\n    vm.swappiness: 10\n",
        "machine:\n  time:\n    disabled: yes\n",
        "cluster:\n  apiServer:\n    extraArgs:\n      v: '2'\n",
        f"machine: {{}}\n---\n{HOSTNAME}hostname: a\n",
    ],
)
def test_a_patch_that_overrides_nothing_is_taken(client: RawClient, config: str) -> None:
    assert validate(client, config) == ("OK", "")


@pytest.mark.parametrize(
    ("config", "part"),
    [
        ("cluster:\n  apiServer:\n    bogus: 1\n", "\n    apiServer:\n        bogus: 1\n"),
        ("machine:\n  network:\n    interfaces:\n    - nope: 1\n", "nope: 1"),
        (f"{HOSTNAME}bogus: 1\n", "HostnameConfig/ (line 1): unknown keys found"),
        ("debug: maybe\n", "cannot unmarshal !!str `maybe` into bool"),
        ("machine:\n  sysctls: 5\n", "cannot unmarshal !!int `5` into map[string]string"),
        ("machine:\n  certSANs:\n    a: b\n", "cannot unmarshal !!map into []string"),
        ("machine: {}\n---\nmachine: {}\n", "duplicate v1alpha1.Config"),
        (
            f"{HOSTNAME}hostname: a\n---\n{HOSTNAME}hostname: b\n",
            "duplicate document: HostnameConfig/",
        ),
    ],
)
def test_a_patch_that_talos_cannot_decode_is_refused(
    client: RawClient, config: str, part: str
) -> None:
    code, message = validate(client, config)
    assert code == "INVALID_ARGUMENT"
    assert part in message


def test_all_forbidden_fields_are_named_at_once(client: RawClient) -> None:
    assert validate(client, "machine:\n  token: x\n  type: worker\n") == (
        "INVALID_ARGUMENT",
        '2 errors occurred:\n\t* overriding "machine.token" is not allowed in the config patch\n'
        '\t* overriding "machine.type" is not allowed in the config patch\n\n',
    )


@pytest.mark.parametrize(
    ("schematic", "code"),
    [
        ("customization: {}\n---\nbogus: 1\n", "OK"),
        ("null\n", "OK"),
        ("# nothing\n", "UNKNOWN"),
        ("[]\n", "UNKNOWN"),
        ("customization:\n  meta:\n  - key: 10\n    value: x\n", "OK"),
        ("customization:\n  meta:\n  - key: 300\n    value: x\n", "UNKNOWN"),
        ("customization:\n  meta:\n  - value: [x]\n", "UNKNOWN"),
        ("customization:\n  bootloader: grub\n", "OK"),
        ("customization:\n  bootloader: lilo\n", "UNKNOWN"),
        ("customization:\n  secureboot:\n    includeWellKnownCertificates: maybe\n", "UNKNOWN"),
    ],
)
def test_a_raw_schematic_is_one_strict_document(
    client: RawClient, schematic: str, code: str
) -> None:
    raw = base64.b64encode(schematic.encode()).decode()
    got, message, _ = client.call(SERVICE, "CreateSchematicFromRaw", {"raw_schematic": raw})
    assert got == code
    assert message.startswith("failed to unmarshal raw schematic: ") is (code != "OK")


def test_data_for_a_schema_is_the_first_document(client: RawClient) -> None:
    request = {"schema": '{"required":["a"]}', "data": "a: 1\n---\nb: 2\n"}
    assert client.call(SERVICE, "ValidateJSONSchema", request) == ("OK", "", [{}])


@pytest.mark.parametrize(
    ("version", "cause"),
    [
        ("1.2.3.4", 'Invalid character(s) found in patch number "3.4"'),
        ("1.36-rc", "Short version cannot contain PreRelease/Build meta data"),
        ("1.36.1-", "Prerelease is empty"),
        ("1..1", 'strconv.ParseUint: parsing "": invalid syntax'),
    ],
)
def test_a_version_that_is_none_is_no_upgrade_path(
    client: RawClient, version: str, cause: str
) -> None:
    context = [["context", "talos-default"]]
    assert client.call(
        SERVICE, "KubernetesUpgradePreChecks", {"new_version": version}, context
    ) == ("INVALID_ARGUMENT", f"invalid upgrade path: error parsing to version: {cause}", [])

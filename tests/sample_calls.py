"""One good call of every rpc, by the name of its Python method.

What is true of all rpcs (roles, signatures, read-only clients) is tested by walking this table, so
that no rpc can be forgotten: `test_every_rpc.py` compares it with the generated one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pysequoia

from omni_api import BootAssetKind, Identity, MaintenanceOperation, PublicKey
from omni_api._core.call import Method
from omni_api._gen.table import METHODS
from omni_api.simulator import Simulator

NO_KEY = "0" * 40
EMPTY_SCHEMATIC = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
BY_NAME: dict[str, Method[Any]] = {method.name: method for method in METHODS}
SIGNED = tuple(method.name for method in METHODS if method.signed)

Sample = Callable[[Any, Simulator], Any]


def public_key(email: str, lifetime: timedelta | None = timedelta(days=30)) -> str:
    """Return the public half of a fresh OpenPGP key, armored."""
    return str(private_key(email, lifetime).extract_certificate())


def private_key(email: str, lifetime: timedelta | None = timedelta(days=30)) -> pysequoia.Tsk:
    """Return a fresh OpenPGP key that belongs to an e-mail address."""
    seconds = None if lifetime is None else int(lifetime.total_seconds())
    return pysequoia.Tsk.generate(
        user_id=f"{email.partition('@')[0]} (test) <{email}>",
        profile=pysequoia.Profile.RFC4880,
        validity_seconds=seconds,
    )


def one_machine(simulator: Simulator) -> str:
    """Return the id of a machine that runs in the cluster talos-default."""
    cluster = simulator.state.fleet.cluster("talos-default")
    assert cluster is not None
    return cluster.machine_ids[0]


def spare_machine(simulator: Simulator, kind: str = "maintenance") -> str:
    """Return the id of the spare machine that shows one situation."""
    return simulator.state.fleet.example(kind).id


SAMPLES: dict[str, Sample] = {
    "register_public_key": lambda omni, _: omni.auth.register_public_key(
        public_key=PublicKey(
            pgp_data=public_key("reader@example.org", timedelta(hours=4)).encode()
        ),
        identity=Identity(email="reader@example.org"),
    ),
    "await_public_key_confirmation": lambda omni, sim: omni.auth.await_public_key_confirmation(
        public_key_id=next(iter(sim.state.accounts.keys)), timeout=5.0
    ),
    "confirm_public_key": lambda omni, _: omni.auth.confirm_public_key(public_key_id=NO_KEY),
    "revoke_public_key": lambda omni, _: omni.auth.revoke_public_key(public_key_id=NO_KEY),
    "kubeconfig": lambda omni, _: omni.management.kubeconfig(cluster="talos-default"),
    "talosconfig": lambda omni, _: omni.management.talosconfig(cluster="talos-default"),
    "omniconfig": lambda omni, _: omni.management.omniconfig(),
    "machine_logs": lambda omni, sim: omni.management.machine_logs(
        machine_id=one_machine(sim), tail_lines=3
    ),
    "validate_config": lambda omni, _: omni.management.validate_config(
        config="machine: {network: {hostname: node-1}}"
    ),
    "validate_json_schema": lambda omni, _: omni.management.validate_json_schema(
        data="{}", schema="{}"
    ),
    "create_service_account": lambda omni, _: omni.management.create_service_account(
        name="sampled", role="Reader", armored_pgp_public_key=public_key("sampled@example.org")
    ),
    "renew_service_account": lambda omni, _: omni.management.renew_service_account(
        name="automation", armored_pgp_public_key=public_key("automation@example.org")
    ),
    "list_service_accounts": lambda omni, _: omni.management.list_service_accounts(),
    "destroy_service_account": lambda omni, sim: omni.management.destroy_service_account(
        name=_account_to_destroy(sim)
    ),
    "create_user": lambda omni, _: omni.management.create_user(
        email="sampled@example.org", role="Reader"
    ),
    "list_users": lambda omni, _: omni.management.list_users(),
    "update_user": lambda omni, _: omni.management.update_user(
        email="reader@example.org", role="Operator"
    ),
    "destroy_user": lambda omni, _: omni.management.destroy_user(email="reader@example.org"),
    "kubernetes_upgrade_pre_checks": lambda omni, _: omni.management.kubernetes_upgrade_pre_checks(
        cluster="talos-default", new_version="1.36.1"
    ),
    "kubernetes_sync_manifests": lambda omni, _: omni.management.kubernetes_sync_manifests(
        cluster="talos-default"
    ),
    "create_schematic": lambda omni, _: omni.management.create_schematic(),
    "create_schematic_from_raw": lambda omni, _: omni.management.create_schematic_from_raw(
        raw_schematic=b"customization: {}"
    ),
    "get_boot_asset_url": lambda omni, _: omni.management.get_boot_asset_url(
        talos_version="1.13.8",
        schematic_id=EMPTY_SCHEMATIC,
        boot_asset_kind=BootAssetKind.ISO,
        platform="metal",
        architecture="amd64",
    ),
    "get_support_bundle": lambda omni, _: omni.management.get_support_bundle(cluster="nowhere"),
    "read_audit_log": lambda omni, _: omni.management.read_audit_log(),
    "maintenance_upgrade": lambda omni, sim: omni.management.maintenance_upgrade(
        machine_id=spare_machine(sim), version="1.13.7"
    ),
    "maintenance_lifecycle": lambda omni, sim: omni.management.maintenance_lifecycle(
        machine_id=spare_machine(sim), operation=MaintenanceOperation.INSTALL, disk="/dev/sda"
    ),
    "machine_power_off": lambda omni, sim: omni.management.machine_power_off(
        machine_id=one_machine(sim)
    ),
    "machine_power_on": lambda omni, sim: omni.management.machine_power_on(
        machine_id=spare_machine(sim, "bare-metal")
    ),
    "get_machine_join_config": lambda omni, _: omni.management.get_machine_join_config(),
    "create_join_token": lambda omni, _: omni.management.create_join_token(name="sampled"),
    "reset_node_unique_token": lambda omni, sim: omni.management.reset_node_unique_token(
        id=one_machine(sim)
    ),
    "tear_down_locked_cluster": lambda omni, _: omni.management.tear_down_locked_cluster(
        cluster_id="imported"
    ),
}


def _account_to_destroy(simulator: Simulator) -> str:
    simulator.service_account_key("Reader", name="doomed")
    return "doomed"


def carry_out(name: str, omni: Any, simulator: Simulator) -> Any:
    """Make the sample call of an rpc; of a stream return all messages."""
    answer = SAMPLES[name](omni, simulator)
    if not BY_NAME[name].stream:
        return answer
    with answer as stream:
        return list(stream)

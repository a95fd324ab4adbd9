"""No secret gets into a log, a repr or an error, whatever goes well or wrong."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from typing import Any

import pytest
import yaml
from facades import Facade
from sample_calls import one_machine

from omni_api import DamagedKeyError, OmniError, RetryPolicy, ServiceAccountKey
from omni_api.simulator import Simulator

PIECE = 24


class ListeningKey:
    """A key that remembers the signatures it made."""

    def __init__(self, key: ServiceAccountKey) -> None:
        self._key = key
        self.identity, self.fingerprint, self.expires = key.identity, key.fingerprint, key.expires
        self.signatures: list[str] = []

    def sign(self, data: bytes) -> bytes:
        signature = self._key.sign(data)
        self.signatures.append(base64.b64encode(signature).decode())
        return signature

    def __repr__(self) -> str:
        return repr(self._key)


def pieces(secret: str) -> set[str]:
    """Cut a secret into pieces, of which none may be seen."""
    lines = [line for line in secret.split() if len(line) >= PIECE and not line.startswith("--")]
    return {
        line[at : at + PIECE] for line in lines for at in range(0, len(line) - PIECE + 1, PIECE)
    }


def secrets_of(key: str) -> set[str]:
    """The pieces of a service-account key: as it travels, and the private key within."""
    armored = json.loads(base64.b64decode(key))["pgp_key"]
    # Above the blank line stand comments, which are no secret.
    return pieces(key) | pieces(armored.partition("\n\n")[2])


def everything_shown(records: list[logging.LogRecord], values: list[object]) -> str:
    """What somebody can see: records with their arguments, reprs, errors with their causes."""
    shown = [f"{record.getMessage()} {record.args} {record.exc_text}" for record in records]
    for value in values:
        shown.append(repr(value))
        if isinstance(value, BaseException):
            shown += [str(value), *traceback.format_exception(value)]
    return "\n".join(shown)


def test_nothing_secret_is_logged_or_shown(
    facade: Facade, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    text = simulator.service_account_key()
    key = ListeningKey(ServiceAccountKey.decode(text))
    quick = RetryPolicy(first_wait=0.001, max_wait=0.005)
    omni = facade.client(simulator.endpoint, auth=key, retry=quick)
    simulator.state.break_glass_allowed = True
    machine_id = one_machine(simulator)
    simulator.state.fleet.append_log(machine_id, "password=correct-horse-battery-staple")

    made = omni.service_accounts.create("ci", "Reader")
    token = omni.management.kubeconfig(
        cluster="talos-default",
        service_account=True,
        service_account_ttl=60,
        service_account_user="robot",
    )
    admin = omni.management.kubeconfig(cluster="talos-default", break_glass=True)
    join_token = omni.management.create_join_token(name="rack-7")
    schematic = omni.management.create_schematic(join_token="a-very-long-and-secret-token")
    with omni.management.machine_logs(machine_id=machine_id, tail_lines=1) as lines:
        (line,) = lines
    with omni.audit_log.read(search="JoinTokens") as log:
        events = list(log)
    simulator.fail("ListUsers", times=2)
    simulator.break_stream("MachineLogs", after=1)
    errors: list[object] = []
    for call in (
        lambda: omni.management.create_user(email="x", role="Chief"),
        lambda: omni.management.create_service_account(
            name="x", role="Reader", armored_pgp_public_key=made.encode()
        ),
        lambda: omni.management.get_machine_join_config(join_token=7),
        lambda: list(omni.management.machine_logs(machine_id=machine_id)),
        lambda: omni.management.list_users(),
    ):
        try:
            call()
        except OmniError as error:
            errors.append(error)
    assert len(errors) == 4

    values = [omni, key, made, token, admin, join_token, schematic, lines, log, *events, *errors]
    shown = everything_shown(caplog.records, values)
    assert "/management.ManagementService/ListUsers attempt 1: UNAVAILABLE" in shown
    assert "'ci'" in shown
    kept = {
        "key": secrets_of(text),
        "new key": secrets_of(made.encode()),
        "signatures": set.union(*map(pieces, key.signatures)),
        "kubeconfig token": pieces(yaml.safe_load(token.kubeconfig)["users"][0]["user"]["token"]),
        "admin key": pieces(
            yaml.safe_load(admin.kubeconfig)["users"][0]["user"]["client-key-data"]
        ),
        "join token": {join_token.id},
        "schematic": {"a-very-long-and-secret-token"},
    }
    assert all(kept.values())
    for what, secrets in kept.items():
        leaked = [secret for secret in secrets if secret in shown]
        assert not leaked, f"{what} leaked: {leaked[:3]}"
    assert b"correct-horse" in line.bytes
    assert not any("correct-horse" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-40], lambda text: text + "!", lambda _: "{"]
)
def test_a_damaged_key_is_not_quoted(simulator: Simulator, damage: Any) -> None:
    text = simulator.service_account_key()
    with pytest.raises(DamagedKeyError) as caught:
        ServiceAccountKey.decode(damage(text))
    shown = everything_shown([], [caught.value])
    assert not any(piece in shown for piece in secrets_of(text))
    assert caught.value.__cause__ is None


def test_a_key_shows_its_name_and_fingerprint_only(simulator: Simulator) -> None:
    text = simulator.service_account_key("Reader")
    key = ServiceAccountKey.decode(text)
    assert (
        repr(key) == f"ServiceAccountKey(name='simulator-reader', fingerprint='{key.fingerprint}')"
    )
    assert not any(piece in repr(vars_of(key)) for piece in secrets_of(text))


def vars_of(value: Any) -> list[Any]:
    """The fields of a value, and of what these hold."""
    fields = [getattr(value, name, None) for name in getattr(value, "__slots__", ())]
    return [*fields, *(getattr(value, "__dict__", {}).values())]

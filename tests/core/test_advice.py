"""What an error says to do next."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from by_hand import failure

from omni_api._core import flow
from omni_api._core.advice import advice
from omni_api._core.call import Call
from omni_api._gen import calls, table

Code = grpc.StatusCode


def hint(call: Call[Any], code: Code, details: str = "") -> str:
    error = failure(code, details, call.method.path)
    flow.complete(error, call)
    assert error.hint == advice(call.method, code, details)
    assert not error.hint or error.hint in str(error)
    return error.hint


@pytest.mark.parametrize(
    ("call", "details", "expected"),
    [
        (
            calls.create_user(email="a@b", role="Reader"),
            'unauthorized: access denied: insufficient role: "Reader"',
            "The key has role Reader; create_user needs Admin. Use a key with that role",
        ),
        (
            calls.read_audit_log(),
            'unauthorized: role "Operator" is not one of the allowed roles [Auditor Admin]',
            "The key has role Operator; read_audit_log needs Auditor or Admin. Use a key with that "
            "role",
        ),
        (
            calls.machine_logs(machine_id="m"),
            'unauthorized: access denied: insufficient role: "None"',
            "The key has role None; machine_logs needs Reader or higher. Use a key with that role",
        ),
        (
            calls.kubeconfig(cluster="c", break_glass=True),
            'unauthorized: access denied: insufficient role: "Operator"',
            "The key has role Operator, which is enough for kubeconfig, but not with these "
            "arguments. Use a key with a higher role",
        ),
    ],
)
def test_a_lacking_role_is_named_with_the_one_that_is_needed(
    call: Call[Any], details: str, expected: str
) -> None:
    assert hint(call, Code.PERMISSION_DENIED, details) == expected


def test_a_denial_that_is_not_about_the_role_gets_no_advice_about_roles() -> None:
    call = calls.kubeconfig(cluster="c", break_glass=True)
    assert hint(call, Code.PERMISSION_DENIED, "permission denied") == ""
    assert "break-glass has to be enabled" in hint(call, Code.PERMISSION_DENIED, "not allowed")


def test_a_refused_signature_gets_all_its_causes_named() -> None:
    text = hint(calls.list_users(), Code.UNAUTHENTICATED, "invalid signature")
    for cause in ("endpoint", "revoked", "expired", "clock"):
        assert cause in text


def test_an_rpc_that_a_server_lacks_is_named_with_the_releases_that_have_it() -> None:
    newer = hint(calls.maintenance_upgrade(machine_id="m", version="1.13.0"), Code.UNIMPLEMENTED)
    assert f"from Omni {table.MAINTENANCE_UPGRADE.since};" in newer
    older = hint(calls.tear_down_locked_cluster(cluster_id="c"), Code.UNIMPLEMENTED)
    row = table.TEAR_DOWN_LOCKED_CLUSTER
    assert f"from Omni {row.since} to {row.until};" in older


def test_a_failure_of_tls_and_a_server_that_is_not_there_get_different_advice() -> None:
    call = calls.list_users()
    untrusted = hint(call, Code.UNAVAILABLE, "Ssl handshake failed: CERTIFICATE_VERIFY_FAILED")
    absent = hint(call, Code.UNAVAILABLE, "failed to connect to all addresses: Connection refused")
    assert "tls=TLS(ca_file=" in untrusted
    assert absent == (
        "Check the endpoint, the network, a proxy named by https_proxy, and whether the server runs"
    )


def test_a_licence_that_nobody_accepted_and_a_passed_deadline_get_advice() -> None:
    call = calls.list_users()
    eula = "EULA has not been accepted; please accept the End User License Agreement before"
    assert "accept the licence" in hint(call, Code.FAILED_PRECONDITION, eula)
    assert "longer timeout" in hint(call, Code.DEADLINE_EXCEEDED, "Deadline Exceeded")
    assert hint(call, Code.FAILED_PRECONDITION, "machine is not in maintenance mode") == ""


@pytest.mark.parametrize(
    "code", [Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.UNKNOWN, Code.INTERNAL]
)
def test_where_the_servers_words_say_all_nothing_is_added(code: Code) -> None:
    assert hint(calls.list_users(), code, "machine not found") == ""

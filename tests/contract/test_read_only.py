"""A read-only client: nothing that changes the server leaves it, everything else does."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
from sample_calls import BY_NAME, SAMPLES, carry_out

from omni_api import OmniError, ReadOnlyError, UnsentError
from omni_api.simulator import Simulator

CHANGES = [name for name in SAMPLES if BY_NAME[name].retry == "never"]
READS = [name for name in SAMPLES if BY_NAME[name].retry == "read"]


@pytest.fixture
def omni(as_role: Callable[..., Any]) -> Any:
    """An Admin who may only look."""
    return as_role("Admin", read_only=True)


def test_a_call_that_changes_something_is_refused_before_it_is_sent(
    omni: Any, simulator: Simulator
) -> None:
    for name in CHANGES:
        with pytest.raises(ReadOnlyError, match=rf"^{name} changes something") as caught:
            carry_out(name, omni, simulator)
        assert isinstance(caught.value, UnsentError)
        assert isinstance(caught.value, OmniError)
        assert "nothing was sent" in str(caught.value)
    assert simulator.calls == []


def test_a_read_passes(omni: Any, simulator: Simulator) -> None:
    for name in READS:
        carry_out(name, omni, simulator)
    assert [call.path for call in simulator.calls] == [BY_NAME[name].path for name in READS]


@pytest.mark.parametrize(
    "refused",
    [
        lambda omni: omni.management.kubeconfig(cluster="talos-default", break_glass=True),
        lambda omni: omni.management.talosconfig(cluster="talos-default", break_glass=True),
        lambda omni: list(
            omni.management.kubernetes_sync_manifests(cluster="talos-default", dry_run=False)
        ),
        lambda omni: omni.service_accounts.create("ci", "Reader"),
        lambda omni: omni.service_accounts.renew("automation"),
    ],
    ids=["kubeconfig", "talosconfig", "sync_manifests", "create", "renew"],
)
def test_arguments_that_make_a_change_of_a_read_are_refused(
    omni: Any, simulator: Simulator, refused: Callable[[Any], Any]
) -> None:
    simulator.state.break_glass_allowed = True
    before = len(simulator.state.accounts.keys)
    with pytest.raises(ReadOnlyError, match="read_only=True"):
        refused(omni)
    assert simulator.calls == []
    assert len(simulator.state.accounts.keys) == before
    assert not any(cluster.tainted for cluster in simulator.state.fleet.clusters())


def test_a_refused_stream_is_refused_when_it_is_asked_for_and_leaves_nothing_behind(
    omni: Any, simulator: Simulator
) -> None:
    with pytest.raises(ReadOnlyError) as caught:
        omni.management.kubernetes_sync_manifests(cluster="talos-default", dry_run=False)
    # The half-made stream goes now, so that a complaint of its end is this test's.
    caught.value.__traceback__ = None
    del caught
    gc.collect()
    assert simulator.calls == []


def test_a_composed_read_passes(omni: Any, simulator: Simulator) -> None:
    assert list(omni.audit_log.read())
    assert simulator.count("ReadAuditLog") == 1

"""Support bundles: progress by source, the ZIP at the end, encryption, and what goes wrong."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from facades import Facade

from omni_api import InvalidArgumentError, InvalidInputError, PermissionDeniedError
from omni_api.simulator import Simulator

EMPTY_ZIP = 22
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


@pytest.fixture(scope="module")
def real_messages() -> Any:
    """All messages of a bundle of talos-default, by package; taken once, since it takes a while."""
    taken: dict[str, list[Any]] = {}

    def take(name: str) -> list[Any]:
        if name not in taken:
            with Simulator() as simulator:
                from omni_api import ServiceAccountKey

                facade = Facade(name)
                key = ServiceAccountKey.decode(simulator.service_account_key("Operator"))
                omni = facade.client(simulator.endpoint, auth=key)
                with omni.management.get_support_bundle(cluster="talos-default") as messages:
                    taken[name] = list(messages)
                facade.close()
        return taken[name]

    return take


@pytest.fixture
def messages(facade: Facade, real_messages: Callable[[str], list[Any]]) -> list[Any]:
    return real_messages(facade.name)


def test_the_last_message_and_no_other_carries_a_valid_zip(messages: list[Any]) -> None:
    *progress, last = messages
    assert not any(message.has_bundle_data for message in progress)
    assert last.has_bundle_data
    with zipfile.ZipFile(io.BytesIO(last.bundle_data)) as bundle:
        assert bundle.testzip() is None
        names = bundle.namelist()
    assert "kubernetesResources/nodes.yaml" in names
    assert any(name.startswith("omni/machine-logs/") for name in names)
    assert any(name.startswith("omni/resources/Clusters.omni") for name in names)


def test_every_source_counts_its_steps_up_to_its_total(messages: list[Any]) -> None:
    totals = {"omni": 55, "cluster": 411}
    steps = [message for message in messages if message.source]
    assert Counter(step.source for step in steps) == totals
    for source, total in totals.items():
        own = [step for step in steps if step.source == source]
        assert [step.value for step in own] == list(range(1, total + 1))
        assert {step.total for step in own} == {total}
        assert own[-1].progress_percentage == 100.0
        assert 0 < own[0].progress_percentage < 3
        assert f"{source} {total}/{total} (100.0 %)" in own[-1].progress_string()


def test_a_step_that_failed_says_so_and_the_bundle_arrives_all_the_same(
    messages: list[Any],
) -> None:
    failed = [message for message in messages if message.has_error]
    assert len(failed) == 12
    assert all("failed: " in message.progress_string() for message in failed)
    with zipfile.ZipFile(io.BytesIO(messages[-1].bundle_data)) as bundle:
        names = {name.rpartition("/")[2] for name in bundle.namelist()}
    assert not {message.state.removeprefix("collect ") for message in failed} & names


def test_the_bundle_stays_out_of_the_repr(messages: list[Any]) -> None:
    assert len(repr(messages[-1])) < 500
    assert "bundle received: " in messages[-1].progress_string()


def test_an_unknown_cluster_is_one_failed_step_and_an_empty_zip(omni: Any) -> None:
    failed, last = omni.management.get_support_bundle(cluster="ghost")
    assert "cluster ghost is not found" in failed.error
    assert (failed.source, failed.total, failed.value) == ("cluster", 0, 0)
    assert failed.progress_percentage == 0.0
    assert len(last.bundle_data) == EMPTY_ZIP
    assert zipfile.ZipFile(io.BytesIO(last.bundle_data)).namelist() == []


def test_two_streams_count_for_themselves(omni: Any) -> None:
    first = omni.management.get_support_bundle(cluster="staging")
    second = omni.management.get_support_bundle(cluster="staging")
    with first, second:
        assert next(first).value == next(second).value == 1
        assert next(first).value == next(second).value == 2


@pytest.mark.parametrize("cluster", ["", "   ", None])
def test_an_empty_cluster_name_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, cluster: Any
) -> None:
    with pytest.raises(InvalidInputError, match="cluster must"):
        omni.management.get_support_bundle(cluster=cluster)
    assert simulator.calls == []


def test_an_encrypted_bundle_begins_with_its_recipients(omni: Any) -> None:
    first, *progress, last = omni.management.get_support_bundle(
        cluster="ghost", encrypt=True, encryption_recipients=[RECIPIENT]
    )
    assert first.encryption_recipients == ("Sidero Labs Support", RECIPIENT)
    assert not first.has_bundle_data
    assert RECIPIENT in first.progress_string()
    assert len(progress) == 1
    assert last.bundle_data.startswith(b"age-encryption.org/v1\n")
    assert last.bundle_data.count(b"-> X25519 ") == 2


def test_the_recipients_of_the_server_can_be_left_out(omni: Any) -> None:
    first, *_, last = omni.management.get_support_bundle(
        cluster="ghost",
        encrypt=True,
        encryption_recipients=[RECIPIENT],
        encryption_no_default_recipients=True,
    )
    assert first.encryption_recipients == (RECIPIENT,)
    assert last.bundle_data.count(b"-> X25519 ") == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"encryption_recipients": [RECIPIENT]}, "when encryption is disabled"),
        ({"encrypt": True, "encryption_no_default_recipients": True}, "no recipients to encrypt"),
        ({"encrypt": True, "encryption_recipients": ["x"]}, 'failed to parse recipient "x"'),
    ],
)
def test_recipients_that_make_no_sense_are_an_invalid_argument(
    omni: Any, options: dict[str, Any], text: str
) -> None:
    with pytest.raises((InvalidArgumentError, InvalidInputError), match=text):
        list(omni.management.get_support_bundle(cluster="ghost", **options))


def test_a_bundle_of_sixty_four_mebibytes_arrives_whole(omni: Any, simulator: Simulator) -> None:
    size = 64 * 1024 * 1024
    simulator.state.fleet.support_bundle_padding = size
    with omni.management.get_support_bundle(cluster="ghost") as stream:
        *_, last = stream
    assert stream.bytes_received == len(last.bundle_data) > size
    with zipfile.ZipFile(io.BytesIO(last.bundle_data)) as bundle:
        assert bundle.getinfo("padding.bin").file_size == size
        assert bundle.testzip() is None


def test_a_reader_is_not_enough(as_role: Callable[..., Any]) -> None:
    with pytest.raises(PermissionDeniedError, match='"Reader"') as caught:
        list(as_role("Reader").management.get_support_bundle(cluster="talos-default"))
    assert "needs Operator or higher" in caught.value.hint
    assert list(as_role("Operator").management.get_support_bundle(cluster="ghost"))

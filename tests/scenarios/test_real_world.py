"""What people do with this library, as they would write it; against a real Omni when one is named.

By default a simulator answers. With OMNI_ENDPOINT and a key variable in the environment the same
runs against that server; OMNI_CLUSTER names the cluster (default: talos-default).
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from facades import Facade

from omni_api import NotFoundError, PermissionDeniedError
from omni_api.simulator import Simulator

KEYS = ("SIDERO_SERVICE_ACCOUNT_KEY", "OMNI_SERVICE_ACCOUNT_KEY")
VARIABLES = (*KEYS, "OMNI_ENDPOINT", "OMNI_CA_FILE", "OMNI_CLUSTER")
# As it was at the start: other tests may turn the environment.
AT_START = {name: os.environ[name] for name in VARIABLES if name in os.environ}
REAL = "OMNI_ENDPOINT" in AT_START and any(name in AT_START for name in KEYS)
CLUSTER = AT_START.get("OMNI_CLUSTER", "talos-default")
MOST_CHUNKS = 10_000
WEEK = timedelta(days=7)


@attrs.frozen
class Place:
    """Where a scenario takes place."""

    omni: Any
    simulator: Simulator | None


@pytest.fixture
def place(facade: Facade) -> Iterator[Place]:
    """The named server, or a simulator."""
    if REAL:
        yield Place(facade.dress(facade.client_class.from_env(environ=AT_START)), None)
        return
    with Simulator() as simulator:
        made = facade.client_class.from_env(environ=simulator.environment())
        yield Place(facade.dress(made), simulator)


def take_bundle(omni: Any, cluster: str) -> tuple[bytes, dict[str, int], int]:
    """Return the bundle, how many steps each source had, and how many failed."""
    bundle, steps, failed = b"", dict[str, int](), 0
    with omni.management.get_support_bundle(cluster=cluster, timeout=600) as stream:
        for progress in stream:
            if stream.chunks >= MOST_CHUNKS:
                break
            if progress.has_bundle_data:
                bundle = progress.bundle_data
            elif progress.source:
                steps[progress.source] = max(progress.value, steps.get(progress.source, 0))
                failed += progress.has_error
    return bundle, steps, failed


def read_week(omni: Any, most: int) -> list[dict[str, Any]]:
    """Return events of the last seven days, at most so many; none where there is no access."""
    today = datetime.now(UTC).date()
    events: list[dict[str, Any]] = []
    try:
        with omni.audit_log.read(today - WEEK, today, timeout=600) as stream:
            for line in stream:
                events.append(json.loads(line.audit_log))
                if stream.chunks >= most:
                    break
    except NotFoundError:
        return []
    except PermissionDeniedError as error:
        if not error.hint:  # with one it is the role, which the scenario is prepared for
            raise
        return []
    return events


def test_real_world_get_support_bundle_with_cluster(place: Place) -> None:
    try:
        bundle, steps, failed = take_bundle(place.omni, CLUSTER)
    except PermissionDeniedError as error:
        if place.simulator is not None:
            raise
        pytest.skip(str(error))
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert any(name.startswith("omni/resources/Clusters.omni.sidero.dev-") for name in names)
    assert steps["omni"] > 0
    assert steps["cluster"] > 0
    assert failed < sum(steps.values())
    if place.simulator is not None:
        assert steps == {"omni": 55, "cluster": 411}


def test_real_world_read_audit_log_with_date_range(place: Place) -> None:
    events = read_week(place.omni, MOST_CHUNKS)
    oldest = (datetime.now(UTC) - WEEK - timedelta(days=2)).timestamp() * 1000
    assert all(event["event_ts"] > oldest for event in events)
    assert all("session" in event["event_data"] for event in events)
    times = [event["event_ts"] for event in events]
    assert times == sorted(times)
    if place.simulator is not None:
        assert {"create", "audit_log_access"} <= {event["event_type"] for event in events}


def test_real_world_a_limit_of_chunks_ends_the_reading(place: Place) -> None:
    few = read_week(place.omni, 5)
    assert len(few) <= 5
    if (simulator := place.simulator) is not None:
        assert len(few) == 5
        assert simulator.wait_for(lambda: simulator.active_streams() == 0)


@pytest.mark.skipif(REAL, reason="needs a key of lesser rights, which only a simulator hands out")
@pytest.mark.parametrize("role", ["Reader", "Operator"])
def test_real_world_without_the_rights_there_is_nothing_to_read_and_a_hint(
    facade: Facade, role: str
) -> None:
    with Simulator() as simulator:
        environ = simulator.environment()
        environ["OMNI_SERVICE_ACCOUNT_KEY"] = simulator.service_account_key(role)
        omni = facade.dress(facade.client_class.from_env(environ=environ))
        assert read_week(omni, MOST_CHUNKS) == []
        if role == "Reader":
            with pytest.raises(PermissionDeniedError, match="get_support_bundle needs Operator"):
                take_bundle(omni, CLUSTER)


def test_real_world_a_cluster_that_is_not_there_has_an_empty_bundle(place: Place) -> None:
    bundle, steps, failed = take_bundle(place.omni, "there-is-no-such-cluster")
    assert len(bundle) == 22
    assert steps == {"cluster": 0}
    assert failed == 1


def test_real_world_logs_of_an_unknown_machine_are_not_found(place: Place) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"
    with pytest.raises(NotFoundError, match="log store not found"):
        list(place.omni.management.machine_logs(machine_id=unknown))

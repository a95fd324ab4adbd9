"""Streams whose opening fails, and streams closed before it: not empty, and nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from facades import Facade
from sample_calls import one_machine, spare_machine

from omni_api import TLS, ClosedError, ConfigurationError, MaintenanceOperation, ServiceAccountKey
from omni_api.simulator import Simulator


@pytest.fixture
def secure() -> Iterator[Simulator]:
    """A simulator that serves TLS."""
    with Simulator(tls=True) as running:
        yield running


def enter(stream: Any) -> None:
    with stream:
        pass


def step(stream: Any) -> None:
    next(stream)


def loop(stream: Any) -> None:
    for _ in stream:
        break


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("begin", [enter, step, loop])
def test_a_stream_that_could_not_open_is_broken_even_when_it_could_open_now(
    facade: Facade, secure: Simulator, tmp_path: Path, begin: Any, follow: bool
) -> None:
    missing = tmp_path / "ca.pem"
    key = ServiceAccountKey.decode(secure.service_account_key())
    omni = facade.client(secure.endpoint, auth=key, tls=TLS(ca_file=missing))
    stream = omni.management.machine_logs(
        machine_id=one_machine(secure), tail_lines=3, follow=follow
    )
    with pytest.raises(ConfigurationError, match=str(missing)):
        begin(stream)
    missing.write_bytes(secure.ca_pem)
    assert "broken: 0 chunks" in repr(stream)
    with pytest.raises(ClosedError, match="machine_logs is broken"):
        list(stream)
    stream.close()
    assert "broken" in repr(stream)
    assert secure.calls == []
    again = omni.management.machine_logs(machine_id=one_machine(secure), tail_lines=3)
    assert len(list(again)) == 3


def driver_of(client: Any) -> Any:
    """Return the driver of a client, dressed or not."""
    return vars(client).get("_target", client)._driver


@pytest.mark.parametrize("follow", [False, True])
def test_a_step_of_a_stream_closed_before_its_start_sends_nothing(
    omni: Any, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, follow: bool
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(driver_of(omni), "open", opened.append)
    logs = omni.management.machine_logs(machine_id=one_machine(simulator), follow=follow)
    change = omni.management.maintenance_lifecycle(
        machine_id=spare_machine(simulator), operation=MaintenanceOperation.INSTALL, disk="/dev/sda"
    )
    for stream in (logs, change):
        stream.close()
        assert next(stream, None) is None
        assert "closed: 0 chunks, 0 bytes" in repr(stream)
    assert opened == []
    assert simulator.calls == []

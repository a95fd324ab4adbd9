"""Faults come when they were asked for, and leave when they are cleared."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from raw_client import RawClient

from omni_api.simulator import Simulator

SERVICE = "management.ManagementService"


@pytest.fixture
def client(simulator: Simulator) -> Iterator[RawClient]:
    made = RawClient(simulator)
    yield made
    made.close()


def test_chosen_calls_fail_and_are_counted(simulator: Simulator, client: RawClient) -> None:
    fault = simulator.fail("ListUsers", code=grpc.StatusCode.ABORTED, times=2, after=1)
    codes = [client.call(SERVICE, "ListUsers", {})[0] for _ in range(4)]
    assert codes == ["OK", "ABORTED", "ABORTED", "OK"]
    assert fault.hits == 2
    assert simulator.count("ListUsers") == 4
    assert [call.code.name for call in simulator.calls if call.code] == codes


def test_a_stream_breaks_after_its_messages(simulator: Simulator, client: RawClient) -> None:
    simulator.break_stream("ReadAuditLog", after=3)
    code, _, responses = client.call(SERVICE, "ReadAuditLog", {})
    assert (code, len(responses)) == ("UNAVAILABLE", 3)
    assert client.call(SERVICE, "ReadAuditLog", {})[0] == "OK"


def test_a_delay_ends_when_the_server_goes_away(simulator: Simulator, client: RawClient) -> None:
    simulator.delay("ListUsers", seconds=30)
    answers: list[Any] = []
    caller = threading.Thread(
        target=lambda: answers.append(client.call(SERVICE, "ListUsers", {})[0])
    )
    caller.start()
    assert simulator.wait_for(lambda: simulator.count("ListUsers") == 1)
    port = simulator.port
    simulator.restart()
    caller.join(5)
    assert answers == ["UNAVAILABLE"]
    assert simulator.port == port


def test_a_wrong_clock_makes_every_signature_invalid(
    simulator: Simulator, client: RawClient
) -> None:
    simulator.clock_offset = timedelta(minutes=10)
    assert client.call(SERVICE, "Omniconfig", {})[1] == "invalid signature"
    simulator.clear_faults()
    assert client.call(SERVICE, "Omniconfig", {})[0] == "OK"


def test_a_given_clock_stands_still_until_it_is_turned() -> None:
    simulator = Simulator(now=datetime(2026, 1, 1, tzinfo=UTC))
    assert simulator.now == simulator.now
    simulator.advance(timedelta(hours=1))
    assert simulator.now == datetime(2026, 1, 1, 1, tzinfo=UTC)


def test_the_licence_comes_before_the_signature(simulator: Simulator, client: RawClient) -> None:
    simulator.state.eula_accepted = False
    code, message, _ = client.call(SERVICE, "ListUsers", {}, options={"signed": False})
    assert code == "FAILED_PRECONDITION"
    assert message.startswith("EULA has not been accepted; ")


def test_nothing_is_left_after_a_stop() -> None:
    simulator = Simulator(tls=True).start()
    assert simulator.ca_file is not None
    path = Path(simulator.ca_file)
    assert path.read_bytes() == simulator.ca_pem
    simulator.stop()
    simulator.stop()
    assert not path.parent.exists()


@pytest.mark.parametrize("listen", ["", "localhost", "127.0.0.1:", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_refused(listen: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        Simulator(listen=listen)


def test_keys_are_not_shown(simulator: Simulator) -> None:
    key = simulator.service_account_key("Reader")
    assert key == simulator.service_account_key("Reader")
    assert key not in repr(simulator) + repr(simulator._handed) + repr(simulator.state)
    with pytest.raises(ValueError, match="no role 'reader'"):
        simulator.service_account_key("reader")

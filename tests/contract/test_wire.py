"""What goes over the wire: compression when asked for, and messages of any size."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from facades import Facade
from relay import Relay

from omni_api import ServiceAccountKey
from omni_api.simulator import Simulator

LARGE = '{"description": "' + "word " * 190_000 + '"}'


def wired(facade: Facade, relay: Relay, simulator: Simulator, compression: str) -> Any:
    key = ServiceAccountKey.decode(simulator.service_account_key())
    return facade.client(relay.endpoint, auth=key, compression=compression)


@pytest.mark.parametrize(("compression", "small"), [("none", False), ("gzip", True)])
def test_a_request_is_compressed_when_that_is_asked_for(
    facade: Facade, simulator: Simulator, compression: Literal["none", "gzip"], small: bool
) -> None:
    with Relay(simulator.port) as relay:
        omni = wired(facade, relay, simulator, compression)
        assert omni.management.validate_json_schema(schema=LARGE, data="{}").errors == ()
        omni.close()
        assert relay.sent < 20_000 if small else relay.sent > len(LARGE)


@pytest.mark.parametrize(("compression", "small"), [("none", False), ("gzip", True)])
def test_an_answer_is_compressed_by_a_server_that_does_so(
    facade: Facade, compression: Literal["none", "gzip"], small: bool
) -> None:
    with Simulator(compression=small) as simulator, Relay(simulator.port) as relay:
        machine = simulator.state.fleet.example("maintenance")
        simulator.state.fleet.append_log(machine.id, "word " * 3000)
        omni = wired(facade, relay, simulator, compression)
        with omni.management.machine_logs(machine_id=machine.id, tail_lines=1) as lines:
            assert [line.bytes for line in lines] == [b"word " * 3000]
        omni.close()
        assert relay.received < 2_000 if small else relay.received > 15_000


def test_requests_and_answers_beyond_four_mebibytes_arrive(omni: Any) -> None:
    token = "x" * 5_000_000
    first, *_ = omni.management.get_machine_join_config(join_token=token).kernel_args
    assert first.endswith(token)

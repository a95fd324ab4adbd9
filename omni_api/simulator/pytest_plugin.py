"""pytest fixtures: a fresh simulator for each test, and a client of either kind on it.

pytest loads this file at every start of every test run, so it imports nothing heavy: grpc and
the clients come in when a test asks for a fixture.

Example:
    def test_users_can_be_listed(omni_client):
        assert omni_client.management.list_users()

    def test_a_broken_call_is_tried_again(omni_client, omni_simulator):
        omni_simulator.fail("ListUsers", times=1)
        omni_client.management.list_users()
        assert omni_simulator.count("ListUsers") == 2
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import omni_api_async
    from omni_api import OmniClient
    from omni_api.simulator import Simulator


@pytest.fixture
def omni_simulator() -> Iterator[Simulator]:
    """A simulated Omni server on a free port, fresh for each test."""
    from omni_api.simulator import Simulator

    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def omni_client(omni_simulator: Simulator) -> Iterator[OmniClient]:
    """A blocking client of the simulator, signed in as an Admin, closed after the test."""
    from omni_api import OmniClient, ServiceAccountKey

    key = ServiceAccountKey.decode(omni_simulator.service_account_key())
    with OmniClient(omni_simulator.endpoint, auth=key) as client:
        yield client


@pytest.fixture
def async_omni_client(omni_simulator: Simulator) -> omni_api_async.OmniClient:
    """An asyncio client of the simulator, signed in as an Admin, not opened yet.

    A channel belongs to the event loop in which it was made, and plain pytest has none; so the
    test opens the client itself, and needs no plugin for it:

        def test_it(async_omni_client):
            async def body():
                async with async_omni_client as client:
                    ...
            asyncio.run(body())
    """
    from omni_api import ServiceAccountKey
    from omni_api_async import OmniClient

    key = ServiceAccountKey.decode(omni_simulator.service_account_key())
    return OmniClient(omni_simulator.endpoint, auth=key)

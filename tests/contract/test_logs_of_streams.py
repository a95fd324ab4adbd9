"""What a stream writes to the log: its path, its end and how much it was, but nothing of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from facades import Facade
from sample_calls import one_machine

from omni_api import CallError
from omni_api.simulator import Simulator

PATH = "/management.ManagementService/MachineLogs"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """A function that returns what our logger said at DEBUG of ends of streams."""
    with caplog.at_level(logging.DEBUG):
        yield lambda: [
            record.getMessage()
            for record in caplog.records
            if record.name == "omni_api" and " messages" in record.getMessage()
        ]


@pytest.mark.parametrize("follow", [False, True])
def test_a_stream_that_broke_says_so_once(
    omni: Any, simulator: Simulator, lines: Callable[[], list[str]], follow: bool
) -> None:
    simulator.break_stream("MachineLogs", after=3)
    stream = omni.management.machine_logs(machine_id=one_machine(simulator), follow=follow)
    with pytest.raises(CallError):
        list(stream)
    (line,) = lines()
    assert line.startswith(f"{PATH}: broken after 3 messages, {stream.bytes_received} bytes")


def test_a_stream_that_came_to_its_end_says_so_once(
    omni: Any, simulator: Simulator, lines: Callable[[], list[str]]
) -> None:
    with omni.management.machine_logs(machine_id=one_machine(simulator), tail_lines=2) as stream:
        assert len(list(stream)) == 2
    (line,) = lines()
    assert line.startswith(f"{PATH}: ended after 2 messages, {stream.bytes_received} bytes")


@pytest.mark.parametrize("follow", [False, True])
def test_a_stream_that_was_closed_says_so_once(
    omni: Any, simulator: Simulator, lines: Callable[[], list[str]], follow: bool
) -> None:
    with omni.management.machine_logs(
        machine_id=one_machine(simulator), follow=follow, tail_lines=2
    ) as stream:
        next(stream)
    (line,) = lines()
    assert line.startswith(f"{PATH}: closed after 1 messages, {stream.bytes_received} bytes")


@pytest.mark.parametrize("follow", [False, True])
def test_a_stream_that_was_refused_says_so_once(
    omni: Any, lines: Callable[[], list[str]], follow: bool
) -> None:
    with pytest.raises(CallError):
        next(omni.management.machine_logs(machine_id="unknown", follow=follow))
    (line,) = lines()
    assert line.startswith(f"{PATH}: broken after 0 messages, 0 bytes")


def test_a_stream_that_could_not_be_signed_says_so_once(
    facade: Facade, simulator: Simulator, lines: Callable[[], list[str]]
) -> None:
    class Broken:
        identity, fingerprint, expires = "ci", "ab" * 20, None

        def sign(self, data: bytes) -> bytes:
            raise CallError("no", code=None, method=PATH)  # type: ignore[arg-type]

    omni = facade.client(simulator.endpoint, auth=Broken())
    with pytest.raises(CallError):
        next(omni.management.machine_logs(machine_id=one_machine(simulator)))
    (line,) = lines()
    assert line.startswith(f"{PATH}: broken after 0 messages, 0 bytes")


def test_neither_keys_nor_answers_are_logged(
    facade: Facade, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    environ = simulator.environment()
    with caplog.at_level(1):
        omni = facade.dress(facade.client_class.from_env(environ=environ))
        texts = [
            line.bytes.decode()
            for line in omni.management.machine_logs(
                machine_id=one_machine(simulator), tail_lines=3
            )
        ]
        config = omni.management.kubeconfig(cluster="talos-default").kubeconfig.decode()
        omni.close()
    assert PATH in caplog.text
    secrets = [environ["OMNI_SERVICE_ACCOUNT_KEY"], "PGP", "siderov1", "x-sidero", config, *texts]
    assert [secret for secret in secrets if secret in caplog.text] == []

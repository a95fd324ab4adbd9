"""Time limits hold for the whole call, and a server that comes back is found again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import grpc
import pytest
from facades import Facade
from sample_calls import one_machine

from omni_api import DeadlineExceededError, InvalidInputError, RetryPolicy, UnavailableError
from omni_api.simulator import Simulator

QUICK = RetryPolicy(first_wait=0.001, max_wait=0.005)
LONG = 30.0


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail a block that takes longer."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


@pytest.mark.parametrize("limit", [0.1, timedelta(milliseconds=100)])
def test_a_slow_answer_ends_with_the_timeout(
    omni: Any, simulator: Simulator, limit: float | timedelta
) -> None:
    simulator.delay("ListUsers", LONG)
    with at_most(5.0), pytest.raises(DeadlineExceededError) as caught:
        omni.management.list_users(timeout=limit)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.hint.startswith("Pass a longer timeout")
    assert simulator.count("ListUsers") == caught.value.attempts == 1


def test_a_change_that_ran_into_its_timeout_may_have_happened(
    omni: Any, simulator: Simulator
) -> None:
    simulator.delay("CreateUser", LONG)
    with pytest.raises(DeadlineExceededError) as caught:
        omni.management.create_user(email="slow@example.org", role="Reader", timeout=0.1)
    assert caught.value.outcome_unknown


def test_the_timeout_of_the_client_is_that_of_every_unary_call(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    omni = as_role("Admin", timeout=0.1)
    simulator.delay("ListUsers", LONG)
    with at_most(5.0), pytest.raises(DeadlineExceededError):
        omni.management.list_users()
    simulator.clear_faults()
    assert omni.management.list_users(timeout=None).users


def test_the_timeout_of_the_client_does_not_end_streams(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    omni = as_role("Admin", timeout=0.1)
    fault = simulator.delay("MachineLogs", 0.15)
    with omni.management.machine_logs(machine_id=one_machine(simulator), tail_lines=2) as lines:
        assert len(list(lines)) == 2
    assert fault.hits == 1


def test_a_stream_ends_with_a_timeout_of_its_own(omni: Any, simulator: Simulator) -> None:
    stream = omni.management.machine_logs(
        machine_id=one_machine(simulator), follow=True, tail_lines=2, timeout=0.2
    )
    with at_most(5.0), pytest.raises(DeadlineExceededError) as caught:
        list(stream)
    assert caught.value.chunks == 2
    assert simulator.wait_for(lambda: simulator.active_streams() == 0)


def test_the_waits_between_attempts_count_towards_the_timeout(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    omni = as_role("Admin", retry=RetryPolicy(attempts=1000, first_wait=0.05, max_wait=0.05))
    simulator.fail("ListUsers", times=None)
    # Which of the two it is depends on whether a wait takes longer than it was meant to.
    with at_most(5.0), pytest.raises((UnavailableError, DeadlineExceededError)) as caught:
        omni.management.list_users(timeout=0.25)
    arrived = simulator.count("ListUsers")
    # The last one may run out of time on its way to the server.
    assert 1 < arrived <= caught.value.attempts <= arrived + 1 < 20


def test_a_wait_that_would_outlast_the_timeout_is_not_begun(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    omni = as_role("Admin", retry=RetryPolicy(first_wait=LONG, max_wait=LONG))
    simulator.fail("ListUsers")
    with at_most(5.0), pytest.raises(UnavailableError, match="injected fault"):
        omni.management.list_users(timeout=10.0)
    assert simulator.count("ListUsers") == 1


def test_what_is_left_of_the_timeout_bounds_the_next_attempt(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    omni = as_role("Admin", retry=QUICK)
    simulator.fail("ListUsers", times=1)
    simulator.delay("ListUsers", LONG)
    with at_most(5.0), pytest.raises(DeadlineExceededError):
        omni.management.list_users(timeout=0.2)


@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), float("inf"), "5", True])
def test_a_timeout_that_is_none_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, limit: Any
) -> None:
    with pytest.raises(InvalidInputError, match="timeout"):
        omni.management.list_users(timeout=limit)
    assert simulator.calls == []


def test_a_server_that_went_away_is_unavailable_and_found_again_on_its_port(
    as_role: Callable[..., Any], simulator: Simulator
) -> None:
    omni = as_role("Admin", retry=QUICK)
    assert omni.management.list_users().users
    port = simulator.port
    simulator.go_away()
    with pytest.raises(UnavailableError) as caught:
        omni.management.list_users()
    assert caught.value.attempts == 4
    assert "whether the server runs" in caught.value.hint
    simulator.come_back()
    assert simulator.port == port
    patient = as_role("Admin")
    assert patient.management.list_users().users


class _OnTheFirstFailure(logging.Handler):
    """Does something as soon as the client has noticed a failure."""

    def __init__(self, action: Callable[[], None]) -> None:
        super().__init__(logging.DEBUG)
        self._action = action
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if " attempt " in text and not self.records:
            self.records.append(text)
            self._action()


@pytest.fixture
def on_failure() -> Iterator[Callable[[Callable[[], None]], None]]:
    """A function that takes what shall be done when the first attempt has failed."""
    logger = logging.getLogger("omni_api")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    handlers: list[logging.Handler] = []

    def add(action: Callable[[], None]) -> None:
        handlers.append(_OnTheFirstFailure(action))
        logger.addHandler(handlers[-1])

    yield add
    for handler in handlers:
        logger.removeHandler(handler)
    logger.setLevel(level)


def test_a_read_begun_while_the_server_is_away_arrives_when_it_returns(
    omni: Any, simulator: Simulator, on_failure: Callable[[Callable[[], None]], None]
) -> None:
    simulator.go_away()
    on_failure(simulator.come_back)
    assert omni.management.list_users().users
    assert simulator.count("ListUsers") == 1


def test_a_stream_begun_while_the_server_is_away_arrives_when_it_returns(
    omni: Any, simulator: Simulator, on_failure: Callable[[Callable[[], None]], None]
) -> None:
    simulator.go_away()
    on_failure(simulator.come_back)
    assert len(list(omni.management.machine_logs(machine_id=one_machine(simulator)))) == 1000


def test_a_change_that_never_left_has_a_known_outcome(omni: Any, simulator: Simulator) -> None:
    simulator.go_away()
    with pytest.raises(UnavailableError) as caught:
        omni.management.create_user(email="late@example.org", role="Reader")
    assert not caught.value.outcome_unknown
    assert caught.value.attempts == 1


def test_a_stream_that_loses_its_server_breaks_and_is_not_begun_again(
    omni: Any, simulator: Simulator, facade: Facade
) -> None:
    stream = omni.management.machine_logs(
        machine_id=one_machine(simulator), follow=True, tail_lines=3
    )
    assert len([next(stream) for _ in range(3)]) == 3
    facade.meanwhile(simulator.restart)
    with pytest.raises(UnavailableError) as caught:
        next(stream)
    assert caught.value.chunks == 3
    assert simulator.count("MachineLogs") == 1
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


def test_a_port_where_nobody_listens_is_unavailable_with_a_hint(facade: Facade) -> None:
    with Simulator() as gone:
        endpoint = gone.endpoint
    omni = facade.client(endpoint, retry=QUICK)
    with at_most(5.0), pytest.raises(UnavailableError) as caught:
        omni.management.list_users()
    assert caught.value.hint.startswith("Check the endpoint")

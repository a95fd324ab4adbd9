"""A clock that is wrong and a key that is too old: a clear error, at once, and nothing lost."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from operations import OPERATIONS, Operation

from omni_api import ExpiredKeyError, OmniError, UnauthenticatedError
from omni_api._core import following
from omni_api.simulator import Simulator


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
def test_a_clock_that_is_off_by_ten_minutes_is_named(
    omni: Any, simulator: Simulator, tmp_path: Path, operation: Operation
) -> None:
    directory = tmp_path / "out"
    directory.mkdir()
    for offset in (timedelta(minutes=10), -timedelta(minutes=10)):
        simulator.clock_offset = offset
        simulator.forget_calls()
        with pytest.raises(UnauthenticatedError, match="clock") as caught:
            operation(omni, simulator, directory)
        assert "within five minutes" in caught.value.hint
        assert len(simulator.calls) == caught.value.attempts == 1
        assert not list(directory.iterdir())


def expire_here(omni: Any, simulator: Simulator) -> None:
    """Move the client's clock behind the lifetime of its key."""
    driver = omni._driver
    later = datetime.now(UTC) + timedelta(days=400)
    driver.session = attrs.evolve(driver.session, now=lambda: later)


def expire_there(omni: Any, simulator: Simulator) -> None:
    """Let the server find that the key is over, while the client does not know."""
    key = simulator.state.accounts.keys[omni._driver.session.signer.fingerprint]
    key.expiration = datetime.now(UTC) - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("expire", "kind"),
    [(expire_here, ExpiredKeyError), (expire_there, UnauthenticatedError)],
    ids=["by its own date", "by the server's"],
)
def test_a_key_that_expires_while_following_ends_it_with_the_checkpoint_intact(
    as_role: Callable[..., Any],
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    expire: Callable[[Any, Simulator], None],
    kind: type[OmniError],
) -> None:
    monkeypatch.setattr(following, "AFTER_CLEAN_END", 0.001)
    omni = as_role("Auditor")
    audit = simulator.state.audit
    with omni.audit_log.follow() as events:
        first = events.checkpoint + 1
        ids = [audit.record(None, "create", resource_type="T") for _ in range(6)]
        assert [next(events).id for _ in range(3)] == ids[:3]
        expire(omni, simulator)
        # What the stream that is open still brings is delivered; the next one is not opened.
        simulator.expire_follow_leases()
        got: list[int] = []
        with pytest.raises(kind) as caught:
            got += (event.id for event in events)
    assert got == list(range(first + 3, first + 3 + len(got)))
    assert events.checkpoint == first + 2 + len(got)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), kind)
    with as_role("Admin").audit_log.follow(checkpoint=events.checkpoint) as more:
        rest = [next(more).id for _ in range(ids[-1] - events.checkpoint)]
    assert [*ids[:3], *got, *rest] == list(range(first, ids[-1] + 1))

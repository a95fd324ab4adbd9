"""The retry policy: which failure of which call is tried again, and after how long. Pure.

Only reads are repeated, and only after failures that say "not now". What changes something is
sent once, whatever the code: Omni knows no idempotency key, so a second CreateUser could be a
second user. Strategies are tenacity's; randomness comes from the caller, so that a test decides.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import grpc

from omni_api._core.advice import untrusted
from omni_api._core.call import Call
from omni_api.errors import CallError, InvalidInputError

PASSING = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED})
"""Codes that the same call may outlive. RESOURCE_EXHAUSTED is not one: Omni's limits stay."""

AMBIGUOUS = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.UNKNOWN,
    }
)
"""Codes after which a change may or may not have happened."""

_A_DAY = 86_400
# What grpc itself says; a server's handler may report a refused connection of its own.
_NEVER_SENT = (
    "failed to connect to all addresses",
    "DNS resolution failed",
    "Name resolution failure",
    "name resolution failure",
    "failed to ask the server",
)


def _at_least_one(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInputError(f"{attribute.name} must be an int of 1 or more, not {value!r}")


def _positive(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _A_DAY:
        raise InvalidInputError(
            f"{attribute.name} must be seconds above 0, not {value!r}; the longest is a day"
        )


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and how patiently reads are tried again.

    Args:
        attempts: How often a read is sent at most, the first time included. Default 4; 1 turns
            retries off.
        first_wait: Seconds before the second attempt, before jitter. Default 0.2. Each further
            wait is twice as long.
        max_wait: Longest wait in seconds. Default 5.

    Raises:
        InvalidInputError: A number is out of range.

    Example:
        >>> from omni_api import RetryPolicy
        >>> RetryPolicy(attempts=2, max_wait=1.0)
        RetryPolicy(attempts=2, first_wait=0.2, max_wait=1.0)
    """

    attempts: int = attrs.field(default=4, validator=_at_least_one)
    first_wait: float = attrs.field(default=0.2, validator=_positive)
    max_wait: float = attrs.field(default=5.0, validator=_positive)

    def wait_after(
        self,
        error: CallError,
        call: Call[object],
        *,
        attempt: int,
        remaining: float | None,
        random: Callable[[], float],
    ) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up.

        Args:
            error: What the last attempt answered.
            call: The call; only reads are repeated.
            attempt: Number of the last attempt, from 1.
            remaining: Seconds left of the call's timeout, None without one.
            random: Source of jitter: numbers from 0 to 1.
        """
        if not call.repeatable or error.code not in PASSING or untrusted(error.details):
            return None
        return self.patience(attempt=attempt, remaining=remaining, random=random)

    def patience(
        self, *, attempt: int, remaining: float | None, random: Callable[[], float]
    ) -> float | None:
        """Return the seconds to wait after a failure that may pass, or None to give up.

        Args:
            attempt: Number of the last attempt, from 1.
            remaining: Seconds left for all of them, None without a limit.
            random: Source of jitter: numbers from 0 to 1.
        """
        # Imported on the first failure: a good call never needs it.
        import tenacity

        state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
        state.attempt_number = attempt
        if tenacity.stop_after_attempt(self.attempts)(state):
            return None
        longest = tenacity.wait_exponential(multiplier=self.first_wait, max=self.max_wait)(state)
        # Half of the wait is fixed, half is chance: callers that failed together spread out.
        wait = longest * (0.5 + random() / 2)
        return None if remaining is not None and wait >= remaining else wait


def outcome_unknown(error: CallError, call: Call[object]) -> bool:
    """Whether `call` changes something and may have been carried out although it failed."""
    if not call.changes or error.code not in AMBIGUOUS:
        return False
    if error.code is grpc.StatusCode.UNKNOWN:
        # Omni's plain errors are UNKNOWN too; they come from a handler that finished. What grpc
        # itself reports as UNKNOWN starts so:
        return error.details.startswith(("Stream removed", "Exception "))
    return not error.details.startswith(_NEVER_SENT)

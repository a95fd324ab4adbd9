"""The lines of several machines in the order of their times. Pure.

The lines of one machine stay in their own order, whatever their times say. A line without time
stays behind its predecessor. The next line is the one with the earliest time among the first
waiting lines of all machines, so it can be chosen safely only when no machine lacks one. How long
to wait for a machine that lacks one is decided here too.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

from omni_api.machine_log import LogRecord

_BEFORE = datetime.min.replace(tzinfo=UTC)

SHORT_WAIT_S = 0.25
"""Longest wait of a line for an older one of a machine that may be silent."""


class TimeOrder:
    """Lines that wait for their turn, by machine."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[tuple[datetime, int, LogRecord]]] = {}
        self._latest: dict[str, datetime] = {}
        self._heads: list[tuple[datetime, int, str]] = []
        self._numbers = itertools.count()
        # When each waiting line arrived; those that went already are dropped later.
        self._arrivals: deque[tuple[float, int]] = deque()
        self._waiting: set[int] = set()
        self._patience: dict[str, float] = {}
        self._lacking: set[str] = set()

    def __len__(self) -> int:
        """Return how many lines wait."""
        return len(self._waiting)

    @property
    def lacking(self) -> AbstractSet[str]:
        """The machines that lines are expected of and that have none waiting."""
        return self._lacking

    def waiting(self, machine_id: str) -> int:
        """Return how many lines of a machine wait."""
        return len(self._queues.get(machine_id, ()))

    def expect(self, machine_id: str, patience: float = math.inf) -> None:
        """Make other lines wait for those of this machine, each for at most `patience` seconds."""
        self._patience[machine_id] = patience
        if not self.waiting(machine_id):
            self._lacking.add(machine_id)

    def forget(self, machine_id: str) -> None:
        """Wait no longer for lines of this machine."""
        self._patience.pop(machine_id, None)
        self._lacking.discard(machine_id)

    def put(self, record: LogRecord, now: float | None = None) -> None:
        """Add a line that arrived at `now`; None where `due` is not asked for."""
        machine_id = record.machine_id
        time = record.time or self._latest.get(machine_id, _BEFORE)
        self._latest[machine_id] = time
        number = next(self._numbers)
        queue = self._queues.setdefault(machine_id, deque())
        queue.append((time, number, record))
        if now is not None:
            self._arrivals.append((now, number))
        self._waiting.add(number)
        if len(queue) == 1:
            heapq.heappush(self._heads, (time, number, machine_id))
            self._lacking.discard(machine_id)

    def due(self, now: float) -> float | None:
        """Return the seconds after which a line may go, 0 for at once; None if there is none.

        It is the line that waits longest whose time counts, whichever goes first then: older
        lines of a machine whose clock is slow must not hold up the others for ever.
        """
        while self._arrivals and self._arrivals[0][1] not in self._waiting:
            self._arrivals.popleft()
        if not self._arrivals:
            return None
        patience = max((self._patience[one] for one in self._lacking), default=0.0)
        return max(0.0, self._arrivals[0][0] + patience - now)

    def pop(self) -> LogRecord:
        """Take out the line whose turn it is, though a machine may lack one."""
        _, number, machine_id = heapq.heappop(self._heads)
        queue = self._queues[machine_id]
        record = queue.popleft()[2]
        self._waiting.discard(number)
        if queue:
            heapq.heappush(self._heads, (queue[0][0], queue[0][1], machine_id))
        elif machine_id in self._patience:
            self._lacking.add(machine_id)
        return record

"""The audit log from before the start: any number of events without keeping them.

Event n is computed from n. First come the events that set the fleet up, once each; then one
script of everyday work is repeated, each time with its own scratch cluster, contractor and
pipeline account, so that names differ and what is created is destroyed again. A million events
cost the memory of one script.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterator

import attrs

from omni_api.simulator._audit_message import Row, follow_message, message

_GOLDEN = 2654435761  # Knuth's multiplier: spreads consecutive numbers evenly over 32 bits


@attrs.frozen(kw_only=True)
class Event:
    """One line of the history. `~d~` and `~x~` stand for the number of the repetition."""

    event_type: str
    resource_type: str
    resource_id: str
    cluster_id: str
    actor: str
    data: str
    start: str
    """The JSON line up to its time."""
    form: bytes = attrs.field(init=False)
    arguments: int = attrs.field(init=False)

    @form.default
    def _form(self) -> bytes:
        text = self.start.replace("%", "%%").replace("~d~", "%06d").replace("~x~", "%08x")
        return text.encode() + b"%d}\n"

    @arguments.default
    def _arguments(self) -> int:
        return self.start.count("~d~") + self.start.count("~x~")


@attrs.define(eq=False)
class History:
    """`count` events, evenly spread from `start_ms` over `span_ms`, ascending in time.

    Indexes start at 0; the id of an event is its index plus one.
    """

    count: int = 0
    start_ms: int = 0
    span_ms: int = 1
    once: list[Event] = attrs.field(factory=list)
    script: list[Event] = attrs.field(factory=list)

    def time(self, index: int) -> int:
        """Unix milliseconds of an event: its slot, and a place within the slot that varies."""
        slot = self.span_ms // self.count
        within = slot * (index * _GOLDEN & 0xFFFFFFFF) >> 32
        return self.start_ms + index * self.span_ms // self.count + within

    def first_at(self, ts: int) -> int:
        """The index of the first event at or after a time; `count` without any."""
        return bisect.bisect_left(range(self.count), ts, key=self.time)

    def event(self, index: int) -> tuple[Event, int]:
        """The event at an index, and the number of the repetition it is in."""
        if index < len(self.once):
            return self.once[index], 0
        repetition, line = divmod(index - len(self.once), len(self.script))
        return self.script[line], repetition + 1

    def line(self, index: int) -> bytes:
        """The JSON line of an event."""
        event, repetition = self.event(index)
        return event.form % ((repetition,) * event.arguments + (self.time(index),))

    def row(self, index: int) -> Row:
        """The event with its columns, for filters and orders."""
        event, repetition = self.event(index)
        return Row(
            id=index + 1,
            ts=self.time(index),
            event_type=event.event_type,
            resource_type=event.resource_type,
            resource_id=filled(event.resource_id, repetition),
            cluster_id=filled(event.cluster_id, repetition),
            actor=filled(event.actor, repetition),
            data=filled(event.data, repetition),
            line=self.line(index),
        )

    def indexes(
        self,
        first: int,
        last: int,
        wanted: Callable[[Event], bool],
        *,
        descending: bool = False,
    ) -> Iterator[int]:
        """The indexes from `first` up to but not including `last` of the wanted lines."""
        once = [at for at, event in enumerate(self.once[:last]) if at >= first and wanted(event)]
        lines = [at for at, event in enumerate(self.script) if wanted(event)]
        size, start = max(len(self.script), 1), len(self.once)
        repetitions = range(max(first - start, 0) // size, max(last - start + size - 1, 0) // size)
        if descending:
            once, lines, repetitions = once[::-1], lines[::-1], repetitions[::-1]
        repeated = (
            index
            for repetition in repetitions
            for line in lines
            if first <= (index := start + repetition * size + line) < last
        )
        return itertools.chain(repeated, once) if descending else itertools.chain(once, repeated)

    def messages(self, first: int, last: int) -> Iterator[bytes]:
        """The messages of events `first` up to but not including `last`."""
        return map(message, map(self.line, range(first, last)))

    def follow_messages(self, first: int, last: int) -> Iterator[bytes]:
        """The same for a follow stream, with ids."""
        for index in range(max(first, 0), last):
            yield follow_message(self.line(index), index + 1)


def filled(text: str, repetition: int) -> str:
    """Put the number of the repetition into a text."""
    if "~" not in text:
        return text
    return text.replace("~d~", f"{repetition:06d}").replace("~x~", f"{repetition:08x}")

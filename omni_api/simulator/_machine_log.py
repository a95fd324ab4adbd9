"""The log Omni keeps of one machine: a ring of lines, the old ones written only when read.

A fleet of ten thousand machines must start in seconds, so the lines from before the simulator's
start are a pure function of machine and position; only appended lines take memory.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

CAPACITY = 5000
"""Lines Omni keeps per machine."""
LINE_LIMIT = 16 * 1024
"""Longest stored line; the rest is cut."""


@attrs.define(kw_only=True, eq=False)
class MachineLog:
    """Lines by position: `first` is the oldest still kept, `end` the next to come."""

    history: int
    """How many lines were there before the simulator started."""
    line_of: Callable[[int], bytes]
    _appended: deque[bytes] = attrs.field(factory=lambda: deque(maxlen=CAPACITY), init=False)
    _appended_ever: int = attrs.field(default=0, init=False)

    @property
    def end(self) -> int:
        return self.history + self._appended_ever

    @property
    def first(self) -> int:
        return max(0, self.end - CAPACITY)

    def append(self, line: bytes) -> None:
        self._appended.append(line[:LINE_LIMIT])
        self._appended_ever += 1

    def line(self, position: int) -> bytes:
        if position < self.history:
            return self.line_of(position)
        return self._appended[position - self.end + len(self._appended)]

    def batch(self, start: int, limit: int) -> tuple[int, list[bytes]]:
        """At most `limit` lines from `start`, or from `first` when those are gone already.

        Returns:
            The position after the last line, and the lines.
        """
        start = max(start, self.first)
        stop = min(start + limit, self.end)
        return stop, [self.line(position) for position in range(start, stop)]


def talos_lines(*, seed: str, count: int, until: datetime, hostname: str) -> Callable[[int], bytes]:
    """The lines of a machine that has been up for a while, ending at `until`."""
    # Not `hash()`, which differs from process to process.
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8])

    def line_of(position: int) -> bytes:
        random = Random(start + position)  # noqa: S311 - believable, not secret
        age = timedelta(seconds=7 * (count - position) - random.random() * 6)
        entry = _BOOT[position] if position < len(_BOOT) else None
        fields = _kernel(position, entry) if entry else _service(random, hostname)
        fields["talos-time"] = go_time(until - age, random.randrange(1000))
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()

    return line_of


def go_time(moment: datetime, nanoseconds: int = 0) -> str:
    """RFC 3339 as Go writes it: up to nanoseconds, trailing zeros dropped."""
    fraction = f"{moment.microsecond * 1000 + nanoseconds:09d}".rstrip("0")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}Z"


_BOOT = (
    "Linux version 6.18.8-talos (@buildkitsandbox) (gcc (GCC) 15.2.0) #1 SMP",
    "Command line: talos.platform=metal console=tty0 init_on_alloc=1 slab_nomerge pti=on",
    "BIOS-provided physical RAM map:",
    "NX (Execute Disable) protection: active",
    "SMBIOS 3.0.0 present.",
    "DMI: QEMU Standard PC (Q35 + ICH9, 2009), BIOS edk2-stable202408 08/13/2024",
    "tsc: Detected 3999.998 MHz processor",
    "Memory: 66953216K/67108864K available",
    "smpboot: CPU0: qemu Fake CPU",
    "clocksource: tsc: mask: 0xffffffffffffffff max_cycles: 0x7350b39bd16",
    "virtio_blk virtio2: [vda] 104857600 512-byte logical blocks (53.7 GB/50.0 GiB)",
    "EXT4-fs (vda4): mounted filesystem with ordered data mode. Quota mode: none.",
    "XFS (vda6): Ending clean mount",
    "IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready",
)


def _kernel(position: int, text: str) -> dict[str, Any]:
    return {
        "clock": 1_200_000 + 31_337 * position,
        "facility": "kern",
        "msg": text,
        "priority": "info",
        "seq": 900 + position,
        "talos-level": "info",
    }


_DISCOVERY = "discovery.talos.dev:443"
_NO_RESOLVER = "rpc error: code = Unavailable desc = name resolver error: produced zero addresses"


def _service(random: Random, hostname: str) -> dict[str, Any]:
    """One line of a Talos controller; `msg` repeats the fields, as Talos's logger does."""
    message, level, fields = random.choice(_SERVICE_LINES)(random, hostname)
    repeated = f" {json.dumps(fields)}" if fields else " "
    return {**fields, "msg": f"{message}{repeated}\n", "talos-level": level}


def _restarting(random: Random, _: str) -> _Line:
    delay = random.uniform(200, 900)
    return f"restarting controller in {delay:.6f}ms", "debug", {}


def _discovery_wait(random: Random, _: str) -> _Line:
    wait_ns = random.randrange(400_000_000, 64_000_000_000)
    return "waiting before attempting next discovery refresh", "debug", {"interval": wait_ns}


def _event(random: Random, _: str) -> _Line:
    resource = f"Services.v1alpha1.talos.dev(runtime/apid@{random.randrange(2, 9)})"
    return "sent event", "debug", {"resource": resource}


_Line = tuple[str, str, dict[str, Any]]
"""Message, level and fields."""

_SERVICE_LINES: tuple[Callable[[Random, str], _Line], ...] = (
    lambda _, __: ("meta not found", "info", {"key": 6}),
    lambda _, __: ("hello failed", "error", {"error": _NO_RESOLVER, "endpoint": _DISCOVERY}),
    lambda _, name: ("updated node", "info", {"node": name}),
    lambda _, name: ("created static pod", "info", {"name": f"kube-apiserver-{name}"}),
    lambda _, __: ("controller starting", "debug", {}),
    _restarting,
    _discovery_wait,
    _event,
)

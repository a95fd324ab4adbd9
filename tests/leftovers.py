"""What a process has open, counted before and after: whatever is new was left behind."""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import grpc
import grpc.aio

_DESCRIPTORS = Path("/proc/self/fd")


def until(happened: Callable[[], bool], *, seconds: float = 5.0) -> bool:
    """Wait until something that other threads do has happened; False when it does not."""
    tick, deadline = threading.Event(), time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        tick.wait(0.01)
    return True


@attrs.frozen
class Possessions:
    """Threads, open files and sockets, channels of gRPC, and files in a directory.

    Attributes:
        directory: Where temporary files go.
        threads: All that run, but for the poller that grpc.aio keeps for the whole process.
        descriptors: How many are open to what.
        channels: How many of gRPC's channels live that were made since the start.
        files: What is in the directory.
    """

    directory: Path
    threads: frozenset[threading.Thread]
    descriptors: Counter[str]
    channels: int
    files: frozenset[Path]

    @classmethod
    def now(cls, directory: Path) -> Possessions:
        """Count."""
        return cls(
            directory=directory,
            threads=frozenset(
                one for one in threading.enumerate() if "_poll_wrapper" not in one.name
            ),
            descriptors=_descriptors(),
            channels=sum(
                isinstance(one, grpc.Channel | grpc.aio.Channel) for one in gc.get_objects()
            ),
            files=frozenset(directory.rglob("*")),
        )

    def new(self) -> list[str]:
        """Name what is new since, with garbage taken out before."""
        gc.collect()
        after = Possessions.now(self.directory)
        more = after.channels - self.channels
        return [
            *(f"thread {one.name}" for one in after.threads - self.threads),
            *(f"descriptor of {name}" for name in after.descriptors - self.descriptors),
            *(f"{more} channels" for _ in range(more > 0)),
            *(f"file {path}" for path in sorted(after.files - self.files)),
        ]


@contextmanager
def nothing_left(directory: Path) -> Iterator[None]:
    """Fail a block that leaves something behind which does not go within seconds."""
    # What there is already is nobody's garbage, and looked at by nobody: that takes long.
    gc.freeze()
    try:
        before = Possessions.now(directory)
        yield
        left = before.new()
        assert not left or until(lambda: not before.new(), seconds=3.0), f"left behind: {left}"
    finally:
        gc.unfreeze()


def _descriptors() -> Counter[str]:
    found: Counter[str] = Counter()
    for link in _DESCRIPTORS.iterdir() if _DESCRIPTORS.exists() else ():
        try:
            target = str(link.readlink())
        except OSError:  # the one that lists the directory
            continue
        # Sockets, pipes and epolls have numbers, which say nothing.
        found[target.partition(":")[0]] += 1
    return found

"""A daemon that is killed at any moment: each event is in the files once, and none is lost."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from daemons import ENDPOINT, EndOfLogError, Log, copy_to_files, line, written

from omni_api.audit._daemon import loop
from omni_api.audit._daemon.checkpoint import load
from omni_api.errors import StorageError

LINES = [line(id_, after=timedelta(days=id_ // 5)) for id_ in range(1, 6)]
WANTED = [one.raw.decode().rstrip() for one in LINES]


class Killed(BaseException):
    """The process is gone."""


class Disk:
    """Counts what is done to the disk, and is gone from the n-th time on, in the midst of it.

    Nothing is really synced: that takes long, and only a power cut would show it.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        self.done: list[str] = []
        for name in ("open", "write", "fsync", "ftruncate", "replace"):
            monkeypatch.setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self.done.append(name)
            if self.left is not None:
                if self.left == 0 and name == "write":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                self.left -= 1
                if self.left < 0:
                    raise Killed
            return None if name == "fsync" else real(*args, **options)

        return counted


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(loop, "_BETWEEN_SYNCS", 0.0)
    return Disk(monkeypatch)


def until_killed(disk: Disk, directory: Path, after: int | None) -> bool:
    """Run a daemon on a disk that has so much left to do; was it killed?"""
    disk.left, killed = after, False
    try:
        copy_to_files(Log(list(LINES)), directory, most=100)
    except Killed:
        killed = True
    disk.left = None
    return killed


def test_a_kill_at_any_moment_loses_and_repeats_nothing(disk: Disk, tmp_path: Path) -> None:
    for moment in itertools.count():
        directory = tmp_path / str(moment)
        killed = until_killed(disk, directory, moment)
        assert not until_killed(disk, directory, None)
        assert written(directory) == WANTED, moment
        if not killed:
            break
    assert moment > 50


def test_any_number_of_kills_loses_and_repeats_nothing(disk: Disk, tmp_path: Path) -> None:
    chance = random.Random(20261124)
    for number in range(8):
        directory, kills = tmp_path / str(number), 0
        while until_killed(disk, directory, chance.randint(1, 40)):
            kills += 1
            assert kills < 500
        assert written(directory) == WANTED
        found = load(directory / "checkpoint.json", ENDPOINT)
        assert found is not None
        assert found.id == LINES[-1].id


def test_a_checkpoint_is_saved_behind_the_data_that_it_covers(disk: Disk, tmp_path: Path) -> None:
    copy_to_files(Log(list(LINES[:1])), tmp_path)
    # The line, its disk, then the checkpoint beside the old one, its disk, its name, its directory.
    at = disk.done.index("write")
    assert disk.done[at : at + 7] == [
        "write",
        "fsync",
        "open",
        "fsync",
        "replace",
        "open",
        "fsync",
    ]


def test_a_full_disk_ends_the_daemon_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, room = os.write, [100]

    def write(descriptor: int, data: Any) -> int:
        fits = bytes(data)[: room[0]]
        if not fits:
            raise OSError(28, "No space left on device")
        room[0] -= len(fits)
        return real(descriptor, fits)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StorageError, match=rf"{tmp_path}: No space left on device"):
        copy_to_files(Log(list(LINES)), tmp_path)
    assert written(tmp_path)[:-1] == WANTED[: len(written(tmp_path)) - 1]
    room[0] = 1 << 20
    copy_to_files(Log(list(LINES)), tmp_path)
    assert written(tmp_path) == WANTED


def test_a_checkpoint_that_cannot_be_saved_ends_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(_source: Any, target: Any) -> None:
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(StorageError, match=r"checkpoint\.json: Permission denied"):
        copy_to_files(Log([*LINES, EndOfLogError()]), tmp_path)

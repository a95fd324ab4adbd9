"""Files of an export appear whole or not at all, and say why when they do not."""

from __future__ import annotations

import errno
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from omni_api import InvalidInputError, MissingLibraryError, StorageError, UnsentError, _disk
from omni_api.audit._export.store import Store, read, store, write


@pytest.fixture(params=["path", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store, of either kind."""
    made = store(tmp_path / "audit" if request.param == "path" else "memory://bucket/audit")
    made.prepare()
    yield made
    memory = fsspec.filesystem("memory")
    if memory.exists("/bucket"):
        memory.rm("/bucket", recursive=True)


def parts(place: Store) -> list[str]:
    return [name for name in place.sizes() if name.endswith(".part")]


def test_a_file_is_there_when_it_is_published_and_not_before(place: Store) -> None:
    part = place.stage("2026-11-24")
    part.write(b"one\n")
    part.write(b"two\n")
    assert "data" not in place.sizes()
    place.publish(part, "data")
    assert place.sizes()["data"] == part.size == 8
    assert read(place, "data") == b"one\ntwo\n"
    part.discard()
    assert place.sizes() == {"data": 8}


def test_a_file_is_replaced_and_removed(place: Store) -> None:
    write(place, "data", b"old")
    write(place, "data", b"newer")
    assert read(place, "data") == b"newer"
    assert not parts(place)
    place.remove("data")
    place.remove("data")
    assert place.sizes() == {}


def test_what_was_discarded_is_gone_and_takes_no_more(place: Store) -> None:
    part = place.stage("2026-11-24")
    part.write(b"half")
    part.discard()
    part.discard()
    assert part.write(b"a last block of a compressor") == 28
    assert not part.path.exists()
    assert place.sizes() == {}


def test_a_file_that_is_missing_is_named(place: Store) -> None:
    with pytest.raises(StorageError, match="cannot read .*missing") as caught:
        read(place, "missing")
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert pickle.loads(pickle.dumps(caught.value)).path == caught.value.path


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("fails", ["os.fsync", "pathlib.Path.replace"])
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    place = store(tmp_path)
    write(place, "data", b"old")
    monkeypatch.setattr(fails, no_space)
    with pytest.raises(StorageError, match="cannot write .*data: No space left"):
        write(place, "data", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"data": b"old"}


def test_a_file_object_that_fails_is_named_and_removed(tmp_path: Path) -> None:
    class Full:
        closed = False

        def write(self, data: bytes) -> int:
            no_space()
            return len(data)

        def close(self) -> None:
            self.closed = True
            no_space()

    place = store(tmp_path)
    part = place.stage("2026-11-24")
    part._aside.file.close()
    part._aside.file = Full()  # type: ignore[assignment]
    with pytest.raises(StorageError, match=r"2026-11-24.*No space left"):
        part.write(b"x")
    part.discard()
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_cannot_be_put_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place: Any = store("memory://bucket/full")

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("SlowDown")

    monkeypatch.setattr(type(place.filesystem), "put_file", refuse)
    part = place.stage("2026-11-24")
    with pytest.raises(StorageError, match="memory://bucket/full/data: SlowDown"):
        place.publish(part, "data")
    part.discard()
    assert not part.path.exists()


def test_only_the_owner_can_read(tmp_path: Path) -> None:
    place = store(tmp_path / "new" / "audit")
    place.prepare()
    write(place, "data", b"x")
    assert (tmp_path / "new" / "audit").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "audit" / "data").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("remote", [False, True])
def test_what_a_killed_export_left_is_removed_and_what_is_being_written_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, remote: bool
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    place = store("memory://killed/audit" if remote else tmp_path)
    dead = tmp_path / ".audit-log-2026-11-23.abcdefgh.part"
    dead.write_bytes(b"half")
    other = tmp_path / ".profile"
    other.write_bytes(b"")
    living = place.stage("2026-11-24")
    place.prepare()
    assert not dead.exists()
    assert other.exists()
    assert living.path.exists()
    living.discard()


@pytest.mark.parametrize("blocked", ["file/audit", "file"])
def test_a_place_that_cannot_be_written_to_is_refused_before_anything_is_sent(
    tmp_path: Path, blocked: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnsentError, match="nothing was sent"):
        store(tmp_path / blocked).prepare()


def test_a_directory_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkstemp", denied)
    with pytest.raises(UnsentError, match="Permission denied; nothing was sent"):
        store(tmp_path).prepare()


def test_a_bucket_that_cannot_be_listed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    place: Any = store("memory://bucket/audit")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError("AccessDenied")

    monkeypatch.setattr(type(place.filesystem), "ls", denied)
    with pytest.raises(UnsentError, match="AccessDenied; nothing was sent"):
        place.prepare()


def test_a_bucket_that_can_be_listed_but_not_written_to_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place: Any = store("memory://bucket/audit")
    place.prepare()
    assert place.sizes() == {}

    def denied(*_: object, **__: object) -> None:
        raise PermissionError("AccessDenied on PutObject")

    monkeypatch.setattr(type(place.filesystem), "pipe_file", denied)
    with pytest.raises(UnsentError, match="PutObject; nothing was sent"):
        place.prepare()


def test_a_bucket_that_removes_nothing_can_be_exported_to(monkeypatch: pytest.MonkeyPatch) -> None:
    place: Any = store("memory://closed/audit")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError("AccessDenied")

    with monkeypatch.context() as closed:
        closed.setattr(type(place.filesystem), "rm_file", denied)
        for _ in range(2):
            place.prepare()
    assert place.sizes() == {".audit-log-probe": 0}
    place.filesystem.rm("/closed", recursive=True)


def test_a_prefix_of_an_object_store_is_not_there_before_its_first_object(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place: Any = store("memory://empty/audit")
    monkeypatch.setattr(type(place.filesystem), "makedirs", lambda *_, **__: None)  # as in s3fs
    place.prepare()
    assert place.sizes() == {}


@pytest.mark.parametrize(
    "make",
    [
        lambda: store(""),
        lambda: store(5),  # type: ignore[arg-type]
        lambda: store("nosuch://bucket"),
        lambda: store("S3://bucket"),
        lambda: store("audit", {"key": "x"}),
    ],
)
def test_what_is_no_place_is_refused(make: Callable[[], Store]) -> None:
    with pytest.raises(InvalidInputError):
        make()


def test_a_tilde_is_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    store("~/audit-1").prepare()
    assert (tmp_path / "audit-1").is_dir()
    assert store(Path("~/audit-1")).place == str(tmp_path / "audit-1")
    with pytest.raises(InvalidInputError, match="a home that exists, not ~nobody-at-all/x"):
        store("~nobody-at-all/x")


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    write(store(f"file://{tmp_path}"), "data", b"x")
    assert (tmp_path / "data").read_bytes() == b"x"


def test_a_url_of_several_parts_is_no_path() -> None:
    assert store("simplecache::memory://bucket/audit").filesystem is not None


def test_a_password_in_a_url_is_not_shown() -> None:
    with pytest.raises(UnsentError, match="ftp://ana@127") as caught:
        store("ftp://ana:hunter2@127.0.0.1:1/audit")
    assert "hunter2" not in str(caught.value)


def test_a_url_without_fsspec_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "fsspec"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingLibraryError, match=r"sidero-omni-api\[fsspec\]"):
        store("memory://bucket")


def test_a_url_whose_file_system_is_missing_says_which() -> None:
    with pytest.raises(MissingLibraryError, match="s3fs"):
        store("s3://bucket/audit")


def test_a_file_that_was_swept_away_at_once_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = store(tmp_path)
    answers = [False, True]
    monkeypatch.setattr(_disk, "lock", lambda _: answers.pop(0))
    part = place.stage("2026-11-24")
    assert answers == []
    assert list(tmp_path.iterdir()) == [part.path]
    part.discard()

"""Downloads that break off: what is left, what the next one makes of it, when it is too much."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omni_api import (
    BootAssetKind,
    DeadlineExceededError,
    DownloadError,
    Progress,
    RetryPolicy,
    ServiceAccountKey,
    StorageError,
)
from omni_api.boot_assets._part import Part
from omni_api.simulator import ImageFactory, Simulator
from omni_api_async import OmniClient

EMPTY = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
ISO = "metal-amd64-v1.13.8-376567.iso"
SIZE = 700_000
CUT = 300_000
NO_RETRY = RetryPolicy(attempts=1)
QUICK = RetryPolicy(attempts=3, first_wait=0.001)


@pytest.fixture
def factory(simulator: Simulator) -> Iterator[ImageFactory]:
    with simulator.image_factory(size=SIZE) as running:
        yield running


@pytest.fixture
def plain(simulator: Simulator) -> Iterator[ImageFactory]:
    """A factory that sends the bytes itself: it knows neither validators nor ranges."""
    with simulator.image_factory(size=SIZE, ranges=False) as running:
        yield running


def save(omni: Any, directory: Path, **options: Any) -> Any:
    return omni.boot_assets.save(EMPTY, directory, **({"talos_version": "1.13.8"} | options))


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize("cuts", [1, 5])
def test_a_broken_connection_goes_on_where_it_stopped(
    as_role: Callable[..., Any], factory: ImageFactory, tmp_path: Path, cuts: int
) -> None:
    # More often than the policy allows, but each time it got further.
    factory.cut(after=100_000, times=cuts)
    saved = save(as_role("Admin", retry=QUICK), tmp_path)
    downloads = [request for request in factory.requests if request.status in {200, 206}]
    assert saved.path.read_bytes() == factory.content(downloads[0].path)
    assert [request.range for request in downloads] == [
        "",
        *(f"bytes={100_000 * n}-" for n in range(1, cuts + 1)),
    ]
    assert saved.resumed_bytes == 0


def test_an_interrupted_download_is_gone_on_with_by_the_next_one(
    as_role: Callable[..., Any], factory: ImageFactory, tmp_path: Path
) -> None:
    omni = as_role("Admin", retry=NO_RETRY)
    factory.cut(after=CUT)
    with pytest.raises(DownloadError, match="400,000 bytes too early") as caught:
        save(omni, tmp_path)
    assert caught.value.bytes_received == CUT
    assert files(tmp_path) == [f".{ISO}.part", f".{ISO}.part.json"]
    saved = save(omni, tmp_path)
    assert saved.resumed_bytes == CUT
    assert saved.sha256 == hashlib.sha256(factory.content(factory.requests[0].path)).hexdigest()
    assert files(tmp_path) == [ISO]


def test_a_download_leaves_alone_what_came_of_one_with_a_longer_name(
    as_role: Callable[..., Any], factory: ImageFactory, tmp_path: Path
) -> None:
    omni = as_role("Admin", retry=NO_RETRY)
    factory.cut(after=CUT)
    with pytest.raises(DownloadError):
        save(omni, tmp_path, kind=BootAssetKind.DISK, format="raw.zst")
    save(omni, tmp_path, kind=BootAssetKind.DISK, format="raw")
    saved = save(omni, tmp_path, kind=BootAssetKind.DISK, format="raw.zst")
    assert saved.resumed_bytes == CUT


def test_a_download_that_lacked_only_its_name_asks_for_one_byte(
    as_role: Callable[..., Any], factory: ImageFactory, tmp_path: Path
) -> None:
    omni = as_role("Admin", retry=NO_RETRY)
    factory.cut(after=SIZE - 1)
    with pytest.raises(DownloadError):
        save(omni, tmp_path)
    with (tmp_path / f".{ISO}.part").open("ab") as part:
        part.write(factory.content(factory.requests[0].path)[-1:])
    assert save(omni, tmp_path).resumed_bytes == SIZE - 1
    assert factory.requests[-2].range == f"bytes={SIZE - 1}-"


def test_a_copy_that_changed_meanwhile_is_fetched_anew(
    as_role: Callable[..., Any], factory: ImageFactory, tmp_path: Path
) -> None:
    omni = as_role("Admin", retry=NO_RETRY)
    factory.cut(after=CUT)
    with pytest.raises(DownloadError):
        save(omni, tmp_path)
    factory.change()
    saved = save(omni, tmp_path)
    assert saved.resumed_bytes == 0
    assert saved.path.read_bytes() == factory.content(factory.requests[0].path)


def test_the_rest_of_another_file_is_not_put_behind_what_has_come(
    as_role: Callable[..., Any], factory: ImageFactory, tmp_path: Path
) -> None:
    factory.careless = True
    factory.cut(after=CUT)
    with pytest.raises(DownloadError):
        save(as_role("Admin", retry=NO_RETRY), tmp_path)
    factory.change()
    saved = save(as_role("Admin", retry=QUICK), tmp_path)
    assert saved.resumed_bytes == 0
    assert saved.path.read_bytes() == factory.content(factory.requests[0].path)


def test_what_came_from_a_factory_without_validators_is_fetched_anew(
    as_role: Callable[..., Any], plain: ImageFactory, tmp_path: Path
) -> None:
    plain.cut(after=CUT)
    saved = save(as_role("Admin", retry=QUICK), tmp_path)
    assert saved.path.read_bytes() == plain.content(plain.requests[0].path)
    assert [request.range for request in plain.requests] == ["", "", ""]
    # It would go on like that for ever, if starting over counted as getting further.
    plain.cut(after=CUT, times=10)
    with pytest.raises(DownloadError, match="tried 3 times"):
        save(as_role("Admin", retry=QUICK), tmp_path, overwrite=True)


def test_a_torn_note_beside_the_part_makes_the_download_start_over(
    as_role: Callable[..., Any], factory: ImageFactory, tmp_path: Path
) -> None:
    omni = as_role("Admin", retry=NO_RETRY)
    factory.cut(after=CUT)
    with pytest.raises(DownloadError):
        save(omni, tmp_path)
    note = tmp_path / f".{ISO}.part.json"
    assert "http" not in json.dumps(json.loads(note.read_text()))
    note.write_text('{"source":')
    assert save(omni, tmp_path).resumed_bytes == 0


def test_a_link_in_place_of_the_note_is_not_followed(
    omni: Any, factory: ImageFactory, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / f".{ISO}.part.json").symlink_to(precious)
    with pytest.raises(StorageError, match="cannot write"):
        save(omni, tmp_path)
    assert precious.read_text() == "mine"


def test_the_timeout_covers_the_download_and_keeps_what_has_come(
    as_role: Callable[..., Any], factory: ImageFactory, tmp_path: Path
) -> None:
    omni = as_role("Admin")
    factory.hold()
    with pytest.raises(DeadlineExceededError, match="what has come is kept"):
        save(omni, tmp_path, timeout=0.5)
    factory.release()
    assert save(omni, tmp_path).resumed_bytes > 0


def test_an_interrupted_caller_lets_go_and_leaves_what_has_come(
    omni: Any, factory: ImageFactory, tmp_path: Path
) -> None:
    def interrupt(report: Progress) -> None:
        if report.parts[0].done:
            raise KeyboardInterrupt

    factory.hold()
    with pytest.raises(KeyboardInterrupt):
        save(omni, tmp_path, on_progress=interrupt)
    assert f".{ISO}.part" in files(tmp_path)
    factory.release()
    assert save(omni, tmp_path).resumed_bytes > 0


def test_a_cancelled_task_does_not_wait_for_the_factory(
    simulator: Simulator, factory: ImageFactory, tmp_path: Path
) -> None:
    key = ServiceAccountKey.decode(simulator.service_account_key())

    async def cancelled() -> float:
        begun = asyncio.Event()
        async with OmniClient(simulator.endpoint, auth=key) as omni:
            task = asyncio.ensure_future(
                omni.boot_assets.save(
                    EMPTY, tmp_path, talos_version="1.13.8", on_progress=lambda _: begun.set()
                )
            )
            await begun.wait()
            before = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return time.monotonic() - before

    factory.hold()
    assert asyncio.run(cancelled()) < 1.0
    factory.release()


def test_a_task_that_is_cancelled_while_it_opens_the_file_lets_go_of_it(
    simulator: Simulator, factory: ImageFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ServiceAccountKey.decode(simulator.service_account_key())
    opening, go_on = threading.Event(), threading.Event()
    really_open = Part.open

    def slowly(part: Part) -> None:
        opening.set()
        go_on.wait()
        really_open(part)

    monkeypatch.setattr(Part, "open", slowly)

    async def cancelled() -> None:
        async with OmniClient(simulator.endpoint, auth=key) as omni:
            task = asyncio.ensure_future(
                omni.boot_assets.save(EMPTY, tmp_path, talos_version="1.13.8")
            )
            await asyncio.to_thread(opening.wait)
            task.cancel()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancelled())
    assert not files(tmp_path)

"""Boot assets: where they are, and downloads that break, go on, and are checked."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from omni_api import (
    AssetNotFoundError,
    BootAssetKind,
    DamagedDownloadError,
    DownloadError,
    InvalidInputError,
    PermissionDeniedError,
    Progress,
    RetryPolicy,
    StorageError,
)
from omni_api.simulator import ImageFactory, Simulator
from omni_api.simulator._certificates import issue

EMPTY = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
ISO = "metal-amd64-v1.13.8-376567.iso"
SIZE = 700_000
CUT = 300_000
QUICK = RetryPolicy(attempts=3, first_wait=0.001)


@pytest.fixture
def factory(simulator: Simulator) -> Iterator[ImageFactory]:
    with simulator.image_factory(size=SIZE) as running:
        yield running


def save(omni: Any, directory: Path, **options: Any) -> Any:
    return omni.boot_assets.save(EMPTY, directory, **({"talos_version": "1.13.8"} | options))


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# Where it is


@pytest.mark.parametrize(
    ("options", "end", "name"),
    [
        ({}, "/image/{}/v1.13.8/metal-amd64.iso", ISO),
        ({"secure_boot": True}, "/image/{}/v1.13.8/metal-amd64-secureboot.iso", None),
        (
            {"kind": BootAssetKind.DISK, "format": "raw.zst", "platform": "nocloud"},
            "/image/{}/v1.13.8/nocloud-amd64.raw.zst",
            "nocloud-amd64-v1.13.8-376567.raw.zst",
        ),
        ({"platform": "equinixMetal"}, "/image/{}/v1.13.8/equinixMetal-amd64.iso", None),
        (
            {"kind": BootAssetKind.PXE, "architecture": "arm64"},
            "/pxe/{}/v1.13.8/metal-arm64",
            "metal-arm64-v1.13.8-376567",
        ),
    ],
)
@pytest.mark.parametrize("server", ["new", "old"])
def test_an_asset_has_the_same_url_whether_the_server_says_it_or_not(  # noqa: PLR0917
    omni: Any,
    simulator: Simulator,
    server: str,
    options: dict[str, Any],
    end: str,
    name: str | None,
) -> None:
    if server == "old":
        simulator.fail("GetBootAssetURL", code=grpc.StatusCode.UNIMPLEMENTED)
    asset = omni.boot_assets.url(EMPTY, talos_version="v1.13.8", **options)
    pxe = "pxe." if options.get("kind") is BootAssetKind.PXE else ""
    assert asset.url == f"https://{pxe}factory.talos.dev{end.format(EMPTY)}"
    assert asset.headers == {}
    assert bool(asset.storage_key) is (server == "new")
    assert name in {None, asset.name}


def test_an_older_server_is_asked_for_its_own_factory(omni: Any, simulator: Simulator) -> None:
    simulator.fail("GetBootAssetURL", code=grpc.StatusCode.UNIMPLEMENTED)
    simulator.state.image_factory = "https://images.example.org/"
    asset = omni.boot_assets.url(EMPTY, talos_version="1.13.8")
    assert asset.url == f"https://images.example.org/image/{EMPTY}/v1.13.8/metal-amd64.iso"


def test_credentials_of_the_factory_are_there_but_not_shown(
    omni: Any, simulator: Simulator
) -> None:
    with simulator.image_factory(password="hunter2"):
        asset = omni.boot_assets.url(EMPTY, talos_version="1.13.8")
        alone = omni.boot_assets.url(EMPTY, talos_version="1.13.8", standalone_url=True)
    assert asset.headers["Authorization"].startswith("Basic ")
    assert "omni:hunter2@" in alone.url
    assert "hunter2" not in repr(alone)
    assert "Basic" not in repr(asset)
    assert "/metal-amd64.iso" in repr(alone)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"schematic_id": "abc"}, "schematic_id must be 64 hexadecimal digits, not 'abc'"),
        ({"talos_version": "latest"}, "talos_version must be a version such as 1.13.8"),
        ({"platform": "../x"}, "platform must be"),
        ({"architecture": "riscv"}, "architecture must be amd64 or arm64, not 'riscv'"),
        ({"kind": BootAssetKind.UNSET}, "kind must be BootAssetKind.ISO, DISK or PXE"),
        ({"kind": BootAssetKind.DISK}, "format must be that of a disk image"),
        ({"format": "raw.zst"}, "format is for kind=BootAssetKind.DISK alone"),
        ({"kind": BootAssetKind.PXE}, "machines fetch the script"),
        ({"path": ""}, "path must be a file or a directory"),
        ({"timeout": 0}, "timeout must be a positive duration"),
        ({"on_progress": 1}, "on_progress must be a function"),
    ],
)
def test_a_malformed_wish_is_refused_before_anything_is_sent(
    omni: Any, simulator: Simulator, tmp_path: Path, options: dict[str, Any], text: str
) -> None:
    wish = {"schematic_id": EMPTY, "talos_version": "1.13.8", "path": tmp_path} | options
    with pytest.raises(InvalidInputError, match=text.replace("(", "\\(")):
        omni.boot_assets.save(**wish)
    assert not simulator.calls
    assert not files(tmp_path)


# Downloads


def test_a_download_is_saved_whole_and_for_its_owner_alone(
    omni: Any, factory: ImageFactory, tmp_path: Path
) -> None:
    reports: list[Progress] = []
    saved = save(omni, tmp_path, on_progress=reports.append)
    content = factory.content(factory.requests[0].path)
    assert saved.path == tmp_path / ISO
    assert saved.path.read_bytes() == content
    assert saved.size == SIZE
    assert saved.sha256 == hashlib.sha256(content).hexdigest()
    assert (saved.resumed_bytes, saved.verified) == (0, False)
    assert saved.path.stat().st_mode & 0o777 == 0o600
    assert files(tmp_path) == [ISO]
    done = [report.parts[0].done for report in reports]
    assert done == sorted(done)
    assert reports[-1].finished
    assert reports[-1].parts[0].fraction == 1.0
    assert not any(report.finished for report in reports[:-1])


@pytest.mark.parametrize("checksum", ["header", "file"])
def test_a_checksum_that_the_factory_offers_is_compared(
    omni: Any, simulator: Simulator, tmp_path: Path, checksum: Any
) -> None:
    with simulator.image_factory(size=SIZE, checksum=checksum) as factory:
        assert save(omni, tmp_path).verified
        factory.wrong_checksum = True
        with pytest.raises(DamagedDownloadError, match="another SHA-256 than the server says"):
            save(omni, tmp_path, overwrite=True, platform="aws")
    assert files(tmp_path) == [ISO]


def test_a_checksum_that_cannot_be_had_for_a_moment_is_asked_for_again(
    as_role: Callable[..., Any], simulator: Simulator, tmp_path: Path
) -> None:
    omni = as_role("Admin", retry=QUICK)
    with simulator.image_factory(size=SIZE, checksum="file") as factory:
        factory.refuse(503, after=1, times=2)
        assert save(omni, tmp_path).verified
        factory.refuse(503, after=1, times=3)
        with pytest.raises(DownloadError, match=r"\.iso\.sha256 answered HTTP 503"):
            save(omni, tmp_path, overwrite=True)
        assert save(omni, tmp_path, overwrite=True).resumed_bytes == SIZE - 1


def test_a_password_goes_to_the_factory_and_to_no_other_host(
    omni: Any, simulator: Simulator, tmp_path: Path
) -> None:
    with simulator.image_factory(size=SIZE, password="hunter2", redirect=True) as factory:
        factory.cut(after=CUT)
        saved = save(omni, tmp_path)
        assert saved.path.read_bytes() == factory.content(factory.requests[0].path)
    at_factory = [one for one in factory.requests if one.host.startswith("127.0.0.1")]
    at_store = [one for one in factory.requests if one.host.startswith("localhost")]
    assert all(one.authorized for one in at_factory)
    assert [(one.authorized, one.range) for one in at_store] == [
        (False, ""),
        (False, f"bytes={CUT}-"),
    ]


def test_a_password_that_is_missing_or_in_a_url_is_told_by_nobody(
    omni: Any, simulator: Simulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with simulator.image_factory(password="hunter2") as factory:
        simulator.state.image_factory_headers = {}
        with pytest.raises(DownloadError, match="HTTP 401; the factory asks for") as caught:
            save(omni, tmp_path)
        assert caught.value.status == 401
        simulator.state.image_factory = factory.url.replace("://", "://omni:hunter2@")
        simulator.fail("GetBootAssetURL", code=grpc.StatusCode.UNIMPLEMENTED, times=None)
        assert save(omni, tmp_path).size == factory.size
        factory.refuse(404)
        with pytest.raises(AssetNotFoundError) as missing:
            save(omni, tmp_path, platform="aws")
    assert "hunter2" not in f"{caught.value!r} {missing.value!r} {caplog.text}"


def test_an_asset_that_the_factory_does_not_have_is_not_found(
    omni: Any, factory: ImageFactory, tmp_path: Path
) -> None:
    factory.refuse(404)
    with pytest.raises(AssetNotFoundError, match="check schematic, Talos version") as caught:
        save(omni, tmp_path)
    assert caught.value.url.endswith("/metal-amd64.iso")
    assert not files(tmp_path)
    assert len(factory.requests) == 1


def test_a_factory_that_is_busy_is_asked_again(
    as_role: Callable[..., Any], factory: ImageFactory, tmp_path: Path
) -> None:
    factory.refuse(503, times=2)
    assert save(as_role("Admin", retry=QUICK), tmp_path).size == SIZE
    factory.refuse(503, times=3)
    with pytest.raises(DownloadError, match="HTTP 503.*tried 3 times") as caught:
        save(as_role("Admin", retry=QUICK), tmp_path, overwrite=True)
    assert caught.value.status == 503


def test_a_factory_that_is_not_there_is_a_download_error(
    as_role: Callable[..., Any], simulator: Simulator, tmp_path: Path
) -> None:
    with simulator.image_factory() as gone:
        pass
    simulator.state.image_factory = gone.url
    with pytest.raises(DownloadError, match=r"could not be fetched: Connection refused"):
        save(as_role("Admin", retry=QUICK), tmp_path)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("http://a..b/", "an address on the way to it is malformed"),
        ("http://127.0.0.1:99999/", "an address on the way to it is malformed"),
        ("ftp://127.0.0.1/", "redirected from http to ftp, unencrypted"),
    ],
)
def test_a_redirect_that_nobody_can_follow_is_not_tried_twice(
    omni: Any, simulator: Simulator, tmp_path: Path, target: str, why: str
) -> None:
    with simulator.image_factory(redirect=True) as factory:
        factory.store = target
        with pytest.raises(DownloadError, match=f"could not be fetched: {why}$"):
            save(omni, tmp_path)
    assert len(factory.requests) == 1
    assert not files(tmp_path)


@pytest.fixture
def encrypted(simulator: Simulator, tmp_path: Path) -> Iterator[Path]:
    """A factory with TLS, and the file of the CA that vouches for it."""
    certificate = issue("localhost", server=True)
    directory = tmp_path / "tls"
    directory.mkdir()
    for name in ("ca", "key", "certificate"):
        (directory / name).write_bytes(getattr(certificate, name))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "certificate", directory / "key")
    factory = ImageFactory(size=SIZE, password=None, ranges=True, checksum=None, redirect=False)
    factory._server.socket = context.wrap_socket(factory._server.socket, server_side=True)
    with factory:
        simulator.state.image_factory = factory.url.replace("http://127.0.0.1", "https://localhost")
        yield directory / "ca"


def test_a_factory_with_a_certificate_of_the_system_is_trusted(
    omni: Any, encrypted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(encrypted))
    assert save(omni, tmp_path).size == SIZE


def test_a_factory_with_a_strange_certificate_is_not_asked_twice(
    omni: Any, encrypted: Path, tmp_path: Path
) -> None:
    with pytest.raises(DownloadError, match=r"could not be fetched: .*verify failed") as caught:
        save(omni, tmp_path)
    assert "tried" not in str(caught.value)


def test_a_second_download_of_the_same_file_does_not_write_into_the_first(
    omni: Any, factory: ImageFactory, tmp_path: Path
) -> None:
    from omni_api.boot_assets._part import Part

    first = Part(tmp_path / ISO, "elsewhere")
    first.open()
    try:
        with pytest.raises(StorageError, match="another download writes"):
            save(omni, tmp_path)
        assert first.path.stat().st_size == 0
    finally:
        first.discard()
    assert save(omni, tmp_path).size == SIZE


def test_a_file_that_is_there_is_not_replaced_unasked(
    omni: Any, factory: ImageFactory, tmp_path: Path
) -> None:
    (tmp_path / ISO).write_text("mine")
    with pytest.raises(InvalidInputError, match="pass overwrite=True to replace it"):
        save(omni, tmp_path)
    assert not factory.requests
    assert save(omni, tmp_path, overwrite=True).size == SIZE


def test_readers_get_no_asset_and_write_no_file(
    as_role: Callable[..., Any], factory: ImageFactory, tmp_path: Path
) -> None:
    with pytest.raises(PermissionDeniedError):
        save(as_role("Reader"), tmp_path)
    assert not files(tmp_path)
    assert not factory.requests

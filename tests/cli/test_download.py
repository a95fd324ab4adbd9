"""`omni-api download`: the image that is meant, its usual name, and a download that goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from cli_program import Open, Run

from omni_api.cli.failures import Failure
from omni_api.cli.media import Medium, found
from omni_api.simulator import Simulator
from omni_api.simulator._image_factory import ImageFactory


@pytest.fixture
def factory(simulator: Simulator) -> Iterator[ImageFactory]:
    with simulator.image_factory(size=200_000, checksum="header") as running:
        yield running


def test_an_image_is_saved_under_the_official_name_and_its_path_is_the_answer(
    run: Run, factory: ImageFactory, tmp_path: Path
) -> None:
    ended = run("download", "iso", "--output", str(tmp_path))
    assert ended.status == 0
    (file,) = tmp_path.iterdir()
    assert ended.out == f"{file}\n"
    assert file.name.startswith("metal-amd64-omni-local-1.13.8-")
    assert file.suffix == ".iso"
    assert file.stat().st_size == 200_000
    assert "the checksum fits" in ended.err


def test_a_file_can_be_named_and_is_replaced_by_force_alone(
    run: Run, factory: ImageFactory, tmp_path: Path
) -> None:
    file = tmp_path / "new" / "boot.iso"
    arguments = ("download", "iso", "--arch", "arm64", "--output", str(file))
    assert run(*arguments).out == f"{file}\n"
    refused = run(*arguments)
    assert refused.status == 2
    assert "--force" in refused.err
    assert run(*arguments, "--force").status == 0


def test_an_image_of_a_cloud_has_its_format_and_the_official_ending(
    run: Run, simulator: Simulator, factory: ImageFactory, tmp_path: Path
) -> None:
    ended = run("download", "aws", "--talos-version", "v1.12.8", "--output", str(tmp_path))
    assert ended.status == 0
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("aws-amd64-omni-local-v1.12.8-")
    assert file.suffix == ".xz"
    asked = simulator.calls[-1].request
    assert (asked.platform, asked.format, asked.talos_version) == ("aws", "raw.xz", "v1.12.8")


def test_programs_get_what_was_saved(run: Run, factory: ImageFactory, tmp_path: Path) -> None:
    saved = run("download", "iso", "--output", str(tmp_path), "-o", "json").json
    assert saved["size"] == 200_000
    assert saved["verified"] is True
    assert Path(saved["path"]).exists()


def test_the_url_for_a_network_boot_is_printed_and_nothing_downloaded(
    run: Run, factory: ImageFactory
) -> None:
    url = run("download", "iso", "--pxe", "--secureboot", "-o", "json").json["url"]
    ended = run("download", "iso", "--pxe", "--secureboot")
    assert ended.out == f"{url}\n"
    assert ended.status == 0
    assert ended.out.startswith(f"{factory.url}/pxe/")
    assert ended.out.endswith("/v1.13.8/metal-amd64-secureboot\n")


def test_the_images_of_the_server_are_listed(run: Run) -> None:
    ended = run("download", "--list")
    assert ended.lines[0].split() == ["ID", "NAME", "ARCH", "PLATFORM", "OVERLAY"]
    assert any(line.startswith("metal-amd64.iso ") for line in ended.lines)
    assert "rpi_generic.raw.xz" in run("download", "--list", "-o", "name").lines


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "Name an image"),
        (["floppy"], 7, "download --list"),
        (["metal"], 2, "metal-amd64.raw.xz"),
        (["rpi_generic", "--secureboot"], 2, "does not support secure boot"),
        (["turingrk1", "--talos-version", "1.8.0"], 2, "needs Talos 1.9.0 or newer"),
    ],
)
def test_a_name_that_means_no_image_or_several_is_refused(
    run: Run, simulator: Simulator, arguments: list[str], status: int, said: str
) -> None:
    ended = run("download", *arguments)
    assert ended.status == status
    assert said in " ".join(ended.err.split())
    assert simulator.count("CreateSchematic") == 0


def test_ctrl_c_keeps_what_has_come_and_the_same_command_goes_on_from_there(
    terminal: Open, run: Run, factory: ImageFactory, tmp_path: Path
) -> None:
    factory.hold()
    child = terminal("download", "iso", "--output", str(tmp_path))
    child.expect_exact("downloading ISO (amd64)")
    child.expect_exact("65,536")
    child.sendintr()
    child.expect_exact("the same command goes on from there")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    factory.release()
    saved = run("download", "iso", "--output", str(tmp_path), "-o", "json").json
    assert saved["resumed_bytes"] >= 65_536
    assert [file.name for file in tmp_path.iterdir()] == [Path(saved["path"]).name]


def test_what_the_factory_does_not_have_is_not_found(
    run: Run, factory: ImageFactory, tmp_path: Path
) -> None:
    factory.refuse(404)
    ended = run("download", "iso", "--output", str(tmp_path))
    assert ended.status == 7
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_looked_for_as_id_then_name_platform_and_board() -> None:
    def medium(id_: str, name: str, overlay: str = "") -> Medium:
        return Medium(
            id=id_, name=name, architecture="amd64", platform="metal", overlay=overlay,
            extension="iso", prefix="x", secure_boot=True, since="",
        )  # fmt: skip

    known = [medium("a.iso", "ISO (amd64)"), medium("b.iso", "Board", "rock64")]
    assert found(known, "a.iso", "amd64").id == "a.iso"
    assert found(known, "ISO", "amd64").id == "a.iso"
    assert found(known, "Rock64", "amd64").id == "b.iso"
    with pytest.raises(Failure, match="several"):
        found(known, "metal", "amd64")

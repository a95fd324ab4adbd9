"""`omni-api support`: bundles as files, encrypted as the official tool has them; their errors."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from age_files import age_key
from cli_program import Open, Run
from stub_server import StubServer

from omni_api._gen.management_pb2 import GetSupportBundleResponse as Response
from omni_api.simulator import Simulator
from omni_api.support import BundleReader

CLUSTER = ("support", "-c", "talos-default")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_bundle_is_encrypted_by_default_and_its_failed_steps_are_listed(
    run: Run, here: Path
) -> None:
    ended = run(*CLUSTER)
    assert ended.status == 4
    assert [line.split() for line in ended.lines] == [
        ["SOURCE", "STEPS", "FAILED"],
        ["omni", "55", "0"],
        ["cluster", "411", "12"],
    ]
    file = here / "support.zip.age"
    assert file.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "failed steps of cluster:\n" in ended.err
    assert "io: rpc error: code = Unimplemented desc = method DiskStats not" in ended.err
    assert "(3 times)" in ended.err
    assert ended.err.splitlines()[-1].startswith(f"saved {file}: ")
    assert "encrypted for Sidero Labs Support" in ended.err


def test_without_encryption_it_is_a_zip_that_can_be_read(run: Run, here: Path) -> None:
    ended = run(*CLUSTER, "--no-encryption", "-o", "json")
    assert ended.json["path"] == str(here / "support.zip")
    assert len(ended.json["errors"]) == 12
    with BundleReader(here / "support.zip") as reader:
        assert reader.nodes


def test_a_complete_bundle_ends_with_0(run: Run, here: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:
        bundle.writestr("omni/resources/a.yaml", "a: 1")
    progress = Response.Progress(source="omni", state="collect a.yaml", total=1)

    def get_support_bundle(_request: bytes, _context: Any) -> Iterator[bytes]:
        yield Response(progress=progress).SerializeToString()
        yield Response(bundle_data=packed.getvalue()).SerializeToString()

    with StubServer({"GetSupportBundle": get_support_bundle}) as server:
        ended = run(*CLUSTER, "--no-encryption", env={"OMNI_ENDPOINT": server.endpoint})
    assert ended.status == 0
    assert "failed" not in ended.err


def test_the_file_can_be_named_and_a_directory_too(run: Run, here: Path) -> None:
    (here / "bundles").mkdir()
    named = run(*CLUSTER, "--no-encryption", "-O", "a.zip", "-o", "name")
    assert named.lines == [str(here / "a.zip")]
    assert zipfile.is_zipfile(here / "a.zip")
    inside = run(*CLUSTER, "--output", "bundles", "-o", "name")
    assert inside.lines == [str(here / "bundles" / "support.zip.age")]


def test_recipients_of_your_own_can_open_it_alone(run: Run, here: Path) -> None:
    key, _ = age_key(bytes(range(32)))
    alone = ("--encryption-no-default-recipients", "--encryption-recipients", key)
    assert run(*CLUSTER, *alone, "-o", "json").json["recipients"] == [key]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--no-encryption", "--encryption-recipients", "age1x"], "leave out the rest"),
        (["--no-encryption", "--encryption-no-default-recipients"], "leave out the rest"),
        (["--encryption-no-default-recipients"], "name somebody with"),
    ],
)
def test_encryption_that_makes_no_sense_is_refused(
    run: Run, simulator: Simulator, arguments: list[str], said: str
) -> None:
    ended = run(*CLUSTER, *arguments)
    assert ended.status == 2
    assert said in ended.err
    assert simulator.count("GetSupportBundle") == 0


def test_a_cluster_that_does_not_exist_has_a_status_and_no_file(run: Run, here: Path) -> None:
    ended = run("support", "-c", "nowhere")
    assert ended.status == 7
    assert "there is no cluster 'nowhere'" in ended.err
    assert list(here.iterdir()) == []


def test_a_server_that_cannot_encrypt_is_told_with_the_way_out(run: Run, here: Path) -> None:
    with Simulator(legacy=True) as old:
        env: dict[str, str | None] = {**old.environment()}
        ended = run(*CLUSTER, env=env)
        assert ended.status == 1
        assert "Omni 1.10" in ended.err
        assert "--no-encryption" in ended.err
        assert list(here.iterdir()) == []
        assert run(*CLUSTER, "--no-encryption", env=env).status == 4


def test_a_file_that_is_there_is_replaced_with_yes_and_never_unasked(
    run: Run, here: Path, simulator: Simulator
) -> None:
    file = here / "support.zip"
    file.write_text("precious")
    ended = run(*CLUSTER, "--no-encryption")
    assert ended.status == 2
    assert "repeat it with --yes" in ended.err
    assert file.read_text() == "precious"
    assert simulator.count("GetSupportBundle") == 0
    run(*CLUSTER, "--no-encryption", "--yes")
    assert zipfile.is_zipfile(file)


def test_a_person_is_asked_before_a_file_is_replaced_and_sees_bars(
    terminal: Open, tmp_path: Path
) -> None:
    file = tmp_path / "b.zip"
    file.write_text("precious")
    child = terminal(*CLUSTER, "--no-encryption", "-O", str(file), columns=200)
    child.expect_exact("Overwrite it? [y/N]: ")
    child.sendline("n")
    child.expect(pexpect.EOF)
    assert file.read_text() == "precious"
    child = terminal(*CLUSTER, "--no-encryption", "-O", str(file), columns=200)
    child.expect_exact("[y/N]: ")
    child.sendline("y")
    child.expect(r"omni .*55/55 steps")
    child.expect(r"cluster .*411/411 steps .*12 failed")
    child.expect_exact("saved ")
    child.wait()
    assert child.exitstatus == 4


def test_ctrl_c_leaves_no_file(terminal: Open, tmp_path: Path, simulator: Simulator) -> None:
    simulator.delay("GetSupportBundle", 20.0)
    child = terminal(*CLUSTER, "-O", str(tmp_path / "bundle"))
    assert simulator.wait_for(lambda: simulator.count("GetSupportBundle") == 1)
    child.sendintr()
    child.expect_exact("interrupted")
    child.expect(pexpect.EOF)
    simulator.clear_faults()
    child.close()
    assert child.exitstatus == 130
    assert list(tmp_path.glob("*bundle*")) == []


def test_with_v_every_step_is_told(run: Run, here: Path) -> None:
    ended = run(*CLUSTER, "--no-encryption", "-v")
    assert "omni 1/55 (1.8 %): collect " in ended.err

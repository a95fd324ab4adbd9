"""`omni-api schematic`: the id is the answer, and what was understood is told beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cli_program import Run

from omni_api.simulator import Simulator

EMPTY = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
RPC = "CreateSchematic"


def test_the_id_is_printed_alone(run: Run) -> None:
    ended = run("schematic", "create")
    assert ended.status == 0
    assert len(ended.out.strip()) == 64
    assert ended.err == ""


def test_programs_get_no_yaml_for_it_holds_the_join_token(run: Run) -> None:
    found = run("schematic", "create", "-o", "json").json
    assert set(found) == {"schematic_id", "grpc_tunnel_enabled"}


def test_every_option_reaches_the_server(run: Run, simulator: Simulator, tmp_path: Path) -> None:
    options = tmp_path / "options.yaml"
    options.write_text("configTxt: dtparam=i2c_arm=on\n")
    ended = run(
        "schematic", "create",
        "--extensions", "iscsi,qemu-guest-agent", "--extensions", "siderolabs/gvisor",
        "--extra-kernel-args", "console=ttyS0,115200", "--extra-kernel-args", "quiet",
        "--initial-labels", "rack=7,zone", "--meta", "10={}",
        "--overlay", "rpi_generic", "--overlay-image", "siderolabs/sbc-raspberrypi",
        "--overlay-options", str(options), "--bootloader", "uefi",
        "--use-siderolink-grpc-tunnel", "--talos-version", "v1.12.8",
    )  # fmt: skip
    assert ended.status == 0
    sent = simulator.calls[-1].request
    assert list(sent.extensions) == [
        "siderolabs/iscsi-tools", "siderolabs/qemu-guest-agent", "siderolabs/gvisor",
    ]  # fmt: skip
    assert "extension siderolabs/iscsi-tools" in ended.err
    assert list(sent.extra_kernel_args) == ["console=ttyS0,115200", "quiet"]
    assert yaml.safe_load(sent.meta_values[12]) == {"machineLabels": {"rack": "7", "zone": ""}}
    assert sent.meta_values[10] == "{}"
    assert (sent.overlay.name, sent.overlay.options) == ("rpi_generic", options.read_text())
    assert sent.talos_version == "1.12.8"
    assert sent.siderolink_grpc_tunnel_mode == sent.ENABLED
    assert sent.bootloader == 2


def test_machines_join_with_the_token_that_is_named(run: Run, simulator: Simulator) -> None:
    token = run("jointoken", "create", "rack-7").out.strip()
    assert run("schematic", "create", "--token-name", "rack-7").status == 0
    assert simulator.calls[-1].request.join_token == token


def test_a_raw_schematic_is_taken_as_it_is(run: Run, tmp_path: Path) -> None:
    raw = tmp_path / "schematic.yaml"
    raw.write_text("customization: {}\n")
    assert run("schematic", "create", "--raw", str(raw)).out.strip() == EMPTY
    assert run("schematic", "c", "--raw", "-", input="customization: {}\n").out.strip() == EMPTY


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--raw", "-", "--extensions", "gvisor"], 2, "leave --extensions out"),
        (["--overlay", "rpi_generic"], 2, "needs both"),
        (["--initial-labels", "a=b=c"], 2, "KEY or KEY=VALUE"),
        (["--meta", "labels=x"], 2, "number as key"),
        (["--raw", "no-such-file.yaml"], 3, "cannot read"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(
    run: Run, simulator: Simulator, options: list[str], status: int, said: str
) -> None:
    ended = run("schematic", "create", *options)
    assert (ended.status, ended.out) == (status, "")
    assert said in ended.err
    assert simulator.count(RPC) == 0


def test_an_extension_that_does_not_exist_is_named(run: Run, simulator: Simulator) -> None:
    ended = run("schematic", "create", "--extensions", "floppy")
    assert ended.status == 7
    assert 'Talos 1.13.8 has no extension "floppy"' in ended.err
    assert simulator.count(RPC) == 0

"""Configs for talosctl and omnictl are merged into their files, or written where it was told."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml
from cli_program import Run

from omni_api.simulator import Simulator

OTHERS = "# by hand\ncontext: {name}\ncontexts:\n  {name}:   # mine\n    url: https://a/\n"


def test_a_talosconfig_is_merged_and_a_context_that_is_in_the_way_stays(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / ".talos" / "config"
    file.parent.mkdir()
    file.write_text(OTHERS.format(name="local-talos-default"))
    ended = run("talosconfig", "-c", "talos-default")
    assert ended.status == 0
    assert "renamed talosconfig context local-talos-default -> local-talos-default-1" in ended.err
    found = yaml.safe_load(file.read_text())
    assert found["context"] == "local-talos-default-1"
    assert found["contexts"]["local-talos-default"] == {"url": "https://a/"}
    assert file.read_text().startswith("# by hand\n")
    assert run("talosconfig", "-c", "talos-default", "--force").status == 0
    assert yaml.safe_load(file.read_text())["contexts"]["local-talos-default"]["endpoints"]


def test_a_talosconfig_of_all_of_omni_goes_where_talos_home_says(run: Run, tmp_path: Path) -> None:
    ended = run("talosconfig", "-o", "name", env={"TALOS_HOME": str(tmp_path / "t")})
    assert ended.out == "local\n"
    assert stat.S_IMODE((tmp_path / "t" / "config").stat().st_mode) == 0o600


def test_a_talosconfig_for_a_cluster_that_is_to_come_is_made_with_a_warning(run: Run) -> None:
    ended = run("talosconfig", "-", "--cluster", "lost")
    assert ended.status == 0
    assert 'there is no cluster "lost"' in ended.err
    assert yaml.safe_load(ended.out)["context"] == "local-lost"


def test_a_talosconfig_of_its_own_replaces_none_unasked(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine")
    ended = run("talosconfig", str(file), "--merge=false")
    assert ended.status == 2
    assert "talosconfig file already exists, use --force to overwrite" in ended.err
    assert file.read_text() == "mine"


@pytest.mark.parametrize("flag", ["--break-glass", "--raw"])
def test_a_talosconfig_around_omni_is_asked_for_with_a_warning(
    run: Run, simulator: Simulator, tmp_path: Path, flag: str
) -> None:
    simulator.state.break_glass_allowed = True
    assert run("talosconfig", flag).status == 2
    asked = run("talosconfig", "-c", "talos-default", flag)
    assert asked.status == 2
    assert "becomes tainted" in asked.err
    assert simulator.count("Talosconfig") == 0
    done = run("talosconfig", "-c", "talos-default", flag, "--yes")
    # Only debug builds of Omni hand out the raw one.
    assert done.status == (0 if flag == "--break-glass" else 5)
    assert (tmp_path / ".talos" / "config").exists() == (done.status == 0)


def test_an_omniconfig_is_printed_and_merged_on_request(run: Run, tmp_path: Path) -> None:
    shown = run("omniconfig")
    assert yaml.safe_load(shown.out)["context"] == "default"
    assert run("omniconfig", str(tmp_path / "own.yaml")).status == 0
    assert (tmp_path / "own.yaml").read_text() == shown.out
    file = tmp_path / "omni.yaml"
    file.write_text(OTHERS.format(name="default"))
    ended = run("omniconfig", "--merge", env={"OMNICONFIG": str(file)})
    assert "renamed omniconfig context default -> default-1" in ended.err
    assert yaml.safe_load(file.read_text())["context"] == "default-1"

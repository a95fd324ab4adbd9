"""Prove a wheel: run by the interpreter of a clean environment, outside of the checkout.

The wheel holds exactly what the checkout has in its two packages, byte for byte, although it was
built from the source distribution. Every module can be
imported, both clients make a call against the simulator that the wheel brings along, and the
terminal program works. Without its extra the program says what to install, and nothing else misses
a library.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import metadata
from pathlib import Path

import omni_api
import omni_api_async
from omni_api.simulator import Simulator

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("omni_api", "omni_api_async")
GUESTS = ("omni_api.simulator.pytest_plugin",)
"""Modules that are imported by the program that they are for."""


def main(wheel: str, *extras: str) -> None:
    installed = Path(omni_api.__file__ or "").parent.parent
    assert installed != ROOT, "this is the checkout: run it from elsewhere"
    files = check_files(wheel)
    check_metadata()
    modules = check_imports(without="" if "cli" in extras else "omni_api.cli.")
    with Simulator() as simulator:
        check_clients(simulator)
        if "cli" in extras:
            check_terminal(simulator)
        else:
            check_terminal_without_its_extra()
    name = f"{Path(wheel).name}{list(extras) or ''}"
    print(f"{name}: {files} files, {modules} modules, all work from {installed}")


def check_files(wheel: str) -> int:
    archive = zipfile.ZipFile(wheel)
    inside = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
    here = {
        file.relative_to(ROOT).as_posix(): file.read_bytes()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert inside.keys() == here.keys(), inside.keys() ^ here.keys()
    assert inside == here, [name for name in here if inside[name] != here[name]]
    for package in PACKAGES:
        assert f"{package}/py.typed" in inside
    return len(inside)


def check_metadata() -> None:
    found = metadata("sidero-omni-api")
    assert found["Version"] == omni_api.__version__
    assert found["License-Expression"] == "MIT"
    for field in ("Summary", "Keywords", "Requires-Python", "Classifier", "License-File"):
        assert found[field], field


def check_imports(*, without: str) -> int:
    imported = 0
    for package in (omni_api, omni_api_async):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            left_out = module.name in GUESTS or (without and module.name.startswith(without))
            if not left_out:
                importlib.import_module(module.name)
                imported += 1
    return imported


def check_clients(simulator: Simulator) -> None:
    with omni_api.OmniClient.from_env(environ=simulator.environment()) as omni:
        users = omni.management.list_users().users

    async def twin() -> int:
        async with omni_api_async.OmniClient.from_env(environ=simulator.environment()) as omni:
            return len((await omni.management.list_users()).users)

    assert asyncio.run(twin()) == len(users) > 0


def check_terminal(simulator: Simulator) -> None:
    for command in terminals():
        version = run(*command, "--version")
        assert version.stdout.split() == ["omni-api", omni_api.__version__], version
        assert "Usage: omni-api" in run(*command, "--help").stdout
        listed = run(*command, "user", "list", "-o", "name", environ=simulator.environment())
        assert "admin@example.org" in listed.stdout, listed


def check_terminal_without_its_extra() -> None:
    for command in terminals():
        done = run(*command, "--version", status=2)
        assert "pip install 'sidero-omni-api[cli]'" in done.stderr, done
        assert not done.stdout


def terminals() -> tuple[list[str], list[str]]:
    """Both ways to start the program."""
    script = Path(sysconfig.get_path("scripts"), "omni-api")
    return [str(script)], [sys.executable, "-m", "omni_api"]


def run(
    *command: str, status: int = 0, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environ or {}, timeout=60
    )
    assert done.returncode == status, done
    return done


if __name__ == "__main__":
    main(*sys.argv[1:])

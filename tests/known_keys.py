"""Keys for tests: one that is good, ways to spoil it, and a look-out for its secret parts."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pysequoia

from omni_api import ServiceAccountKey

LOCKED = (Path(__file__).parent / "data/locked_key.asc").read_text()
KEY = ServiceAccountKey.generate("ci")
VALUE = KEY.encode()
ARMORED: str = json.loads(base64.b64decode(VALUE))["pgp_key"]
# The lines of the armored private key that hold the key itself.
PIECES = [line for line in ARMORED.splitlines() if len(line) == 64]


def encoded(armored: object, name: object = "ci") -> str:
    return base64.b64encode(json.dumps({"name": name, "pgp_key": armored}).encode()).decode()


def made(validity_seconds: int = 3600) -> pysequoia.Tsk:
    """A key with a lifetime that Omni would not give it; pysequoia dates it one minute back."""
    return pysequoia.Tsk.generate(
        user_id="ci (linux/amd64) <ci@serviceaccount.omni.sidero.dev>",
        profile=pysequoia.Profile.RFC4880,
        validity_seconds=validity_seconds,
    )


def shows_nothing(text: str, armored: str = ARMORED, value: str = VALUE) -> bool:
    lines = [line for line in armored.splitlines() if len(line) == 64]
    cut = [value[i : i + 32] for i in range(0, len(value) - 32, 32)]
    return not any(piece in text for piece in [*lines, *(x[16:48] for x in lines), *cut])

"""Fixtures for what is read from homes and environments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from homes import CONTEXTS, KEY, ME, Write


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory, empty so far."""
    directory = tmp_path / "home"
    directory.mkdir()
    return directory


@pytest.fixture
def write(home: Path) -> Write:
    """Write a file below the home directory and return its path."""

    def write(place: str, content: Any = CONTEXTS) -> Path:
        file = home / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return file

    return write


@pytest.fixture
def env(home: Path, write: Write) -> dict[str, str]:
    """The environment of somebody who has logged in, with every file in its usual place."""
    write(".talos/omni/config")
    for context in ("default", "other", "new", "nowhere"):
        write(f".talos/keys/{context}-{ME}.pgp", KEY._pair.armored_private_key)
    return {"HOME": str(home)}

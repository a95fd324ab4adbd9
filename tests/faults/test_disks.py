"""Disks that are full and directories that must not be written to: no half file, a clear error."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from disks import DISKS, Disk
from operations import WRITING, Operation

from omni_api import OmniError
from omni_api.simulator import Simulator

# Before a test has a temporary directory of its own, which only its user can enter.
_FOR_ALL = tempfile.gettempdir()


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that every user can reach."""
    made = Path(tempfile.mkdtemp(dir=_FOR_ALL))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("operation", WRITING.values(), ids=list(WRITING))
@pytest.mark.parametrize("fault", DISKS.values(), ids=list(DISKS))
def test_a_file_that_cannot_be_written_leaves_nothing_and_names_the_cause(
    omni: Any, simulator: Simulator, directory: Path, operation: Operation, fault: tuple[Disk, str]
) -> None:
    disk, words = fault
    # Once where there is room, so that everything is imported before one is nobody.
    with tempfile.TemporaryDirectory() as elsewhere:
        operation(omni, simulator, Path(elsewhere))
        names = {path.name for path in Path(elsewhere).iterdir()}
    with disk(directory):
        with pytest.raises(OmniError, match=words) as caught:
            operation(omni, simulator, directory)
        assert str(directory) in str(caught.value)
        assert not list(directory.iterdir())
    # With room again it succeeds, as if nothing had been.
    operation(omni, simulator, directory)
    assert {path.name for path in directory.iterdir()} == names

"""Files for new keys: refused before there is a key, and written once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omni_api import ClosedError, InvalidInputError, KeyFile, ServiceAccountKey, StorageError


@pytest.mark.parametrize("path", [None, 3, b"key", "", "a\0b"])
def test_a_path_that_is_none_is_refused(path: Any) -> None:
    with pytest.raises(InvalidInputError, match="path must be a file, not"):
        KeyFile(path)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.touch()
    for path in (tmp_path, tmp_path / "no" / "file", taken / "file", taken):
        with pytest.raises(InvalidInputError, match=str(tmp_path)):
            KeyFile(path)
    assert list(tmp_path.iterdir()) == [taken]


def test_a_key_file_takes_one_key(tmp_path: Path) -> None:
    key = ServiceAccountKey.generate("ci")
    with KeyFile(tmp_path / "ci.env") as file:
        path = file.save(key)
        with pytest.raises(ClosedError, match="takes one key"):
            file.save(key)
    assert path.read_text() == key.variables()
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_that_could_not_be_saved_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "ci.env"
    with KeyFile(target) as file:
        target.write_text("precious")
        with pytest.raises(StorageError, match="cannot write the key to"):
            file.save(ServiceAccountKey.generate("ci"))
        with pytest.raises(ClosedError):
            file.save(ServiceAccountKey.generate("ci"))
    assert target.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [target]

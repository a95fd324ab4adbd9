"""Files of an export behind a URL that fsspec understands."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import attrs

from omni_api._core.extras import extra
from omni_api._disk import sweep, telling, words
from omni_api.audit._export.part import LABELS, Part
from omni_api.errors import InvalidInputError, MissingLibraryError, UnsentError

_PROBE = ".audit-log-probe"


@attrs.frozen
class Remote:
    """A prefix of a file system of fsspec.

    An object store shows an object when it is whole, so a file is made on this machine and then
    put under its final name.
    """

    filesystem: Any
    root: str
    place: str

    def url(self, name: str) -> str:
        return str(self.filesystem.unstrip_protocol(f"{self.root}/{name}"))

    def prepare(self) -> None:
        sweep(Path(tempfile.gettempdir()), LABELS)
        try:
            self.filesystem.makedirs(self.root, exist_ok=True)
            self.sizes()
            self._probe()
        except Exception as error:
            cause = error.__cause__ or error
            raise UnsentError(
                f"{self.place} cannot be used: {words(cause)}; nothing was sent"
            ) from error

    def _probe(self) -> None:
        """Put an object: whoever may list a bucket may still not write to it."""
        probe = f"{self.root}/{_PROBE}"
        self.filesystem.pipe_file(probe, b"")
        # Another worker's may be it, and an archive may be closed for removals.
        with contextlib.suppress(Exception):
            self.filesystem.rm_file(probe)

    def sizes(self) -> dict[str, int]:
        with telling("list", self.place, Exception):
            self.filesystem.invalidate_cache(self.root)
            try:
                found = self.filesystem.ls(self.root, detail=True)
            except FileNotFoundError:
                # An object store knows no empty directories: nothing was put there yet.
                return {}
            return {
                entry["name"].rpartition("/")[2]: entry["size"]
                for entry in found
                if entry["type"] == "file"
            }

    def open(self, name: str) -> BinaryIO:
        with telling("read", f"{self.place}/{name}", Exception):
            return cast("BinaryIO", self.filesystem.open(f"{self.root}/{name}", "rb"))

    def stage(self, label: str) -> Part:
        with telling("write into", tempfile.gettempdir()):
            return Part(None, label)

    def publish(self, part: Part, name: str) -> None:
        with telling("write", f"{self.place}/{name}", Exception):
            part.sync()
            self.filesystem.put_file(str(part.path), f"{self.root}/{name}")
            part.discard()

    def remove(self, name: str) -> None:
        with (
            telling("remove", f"{self.place}/{name}", Exception),
            contextlib.suppress(FileNotFoundError),
        ):
            self.filesystem.rm_file(f"{self.root}/{name}")


def remote(url: str, options: Mapping[str, object]) -> Remote:
    """Return the store at a URL.

    Raises:
        InvalidInputError: fsspec knows no such place.
        MissingLibraryError: fsspec, or what it needs for this kind of URL, is not installed.
        UnsentError: Its file system connects at once, and cannot.
    """
    with extra("fsspec"):
        import fsspec.core
    # A URL may hold a password, and what is said of the place is logged.
    shown = re.sub(r"(://[^/@:]*):[^/@]*@", r"\1@", url)
    try:
        filesystem, root = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        raise MissingLibraryError(f"{shown} needs one more library: {error}") from error
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{shown} is no place that fsspec knows: {error}") from error
    except OSError as error:  # some connect at once
        raise UnsentError(f"{shown} cannot be used: {words(error)}; nothing was sent") from error
    return Remote(filesystem, str(root).rstrip("/"), shown.rstrip("/"))

"""Reads a support bundle without unpacking it.

The paths in a bundle say where a file comes from (recorded from Omni 1.10): `omni/resources/…` and
`omni/machine-logs/<machine>.log` from Omni, `kubernetesResources/…` from Kubernetes, and
`<machine>/…` from that node.
"""

from __future__ import annotations

import shlex
import zipfile
import zlib
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import attrs

from omni_api.errors import DamagedBundleError, InvalidInputError, StorageError
from omni_api.rows import Rows, Value

__all__ = ["BundleEntry", "BundleReader"]

AGE: Final = b"age-encryption.org/v1\n"
"""The first line of every file that age encrypted."""

# What zipfile raises for files that are no ZIP, are cut off, or have a flipped bit.
UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    IndexError,
)

_LOGS = "omni/machine-logs/"


@attrs.frozen(kw_only=True)
class BundleEntry(Value):
    """A file in a support bundle.

    Attributes:
        name: Its path in the bundle.
        size: Its size in bytes, uncompressed.
        source: What it was collected from: "omni", or "cluster" (Kubernetes and every node).
        node: Id of the machine that it is about, empty for what is about more than one.
    """

    name: str
    size: int
    source: str
    node: str


class BundleReader:
    """The files in a support bundle, read one by one.

    Args:
        path: The bundle, not encrypted.

    Raises:
        InvalidInputError: The bundle is encrypted; the message says how to decrypt it.
        DamagedBundleError: The file is no ZIP.
        StorageError: The file cannot be read.

    Example:
        >>> import tempfile
        >>> directory = tempfile.TemporaryDirectory()
        >>> bundle = omni.support.save("talos-default", directory.name)
        >>> with bundle.open() as reader:
        ...     print(reader.text("kubernetesResources/nodes.yaml").splitlines()[0])
        ...     print(reader.glob("omni/resources/Clusters.*"))
        apiVersion: v1
        ('omni/resources/Clusters.omni.sidero.dev-talos-default.yaml',)
        >>> directory.cleanup()
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            with self.path.open("rb") as file:
                encrypted = file.read(len(AGE)) == AGE
            if not encrypted:
                self._zip = zipfile.ZipFile(self.path)
        except OSError as error:
            raise StorageError(
                f"cannot read {self.path}: {error.strerror or error}", path=str(self.path)
            ) from error
        except UNREADABLE as error:
            raise DamagedBundleError(f"{self.path} is no ZIP: {error}") from error
        if encrypted:
            plain = self.path.with_suffix("") if self.path.suffix == ".age" else "support.zip"
            command = f"age --decrypt --identity KEY_FILE --output {_quoted(plain)}"
            raise InvalidInputError(
                f"{self.path} is encrypted. Decrypt it with a key of one of its recipients, and "
                f"open the result: {command} {_quoted(self.path)}"
            )
        self.entries: Rows[BundleEntry] = Rows(
            (_entry(info) for info in self._zip.infolist() if not info.is_dir()), of=BundleEntry
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The paths of all files, in the order in which they were collected."""
        return tuple(entry.name for entry in self.entries)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Ids of the machines that files are about."""
        return tuple(dict.fromkeys(entry.node for entry in self.entries if entry.node))

    def read(self, name: str) -> bytes:
        """Return the contents of a file.

        Raises:
            InvalidInputError: There is no file of this name.
            DamagedBundleError: Its contents are damaged, or the reader was closed.
        """
        try:
            return self._zip.read(name)
        except KeyError as error:
            raise InvalidInputError(
                f"name must be one of the {len(self.entries)} names of {self.path.name}, "
                f"not {name!r}; glob() finds them by pattern"
            ) from error
        except (*UNREADABLE, OSError) as error:
            raise DamagedBundleError(f"{name!r} in {self.path} cannot be read: {error}") from error

    def text(self, name: str) -> str:
        """Return the contents of a file as text; bytes that are no UTF-8 become U+FFFD.

        Raises:
            InvalidInputError: There is no file of this name.
            DamagedBundleError: Its contents are damaged, or the reader was closed.
        """
        return self.read(name).decode("utf-8", errors="replace")

    def glob(self, pattern: str) -> tuple[str, ...]:
        """Return the names that a pattern fits; `*` stands for any text, also for `/`."""
        return tuple(name for name in self.names if fnmatchcase(name, pattern))

    def close(self) -> None:
        """Close the file. A second time is fine."""
        self._zip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return self.entries._repr_html_()

    def __repr__(self) -> str:
        return f"<BundleReader {self.path}: {len(self.entries)} files>"


def _quoted(path: Path | str) -> str:
    return shlex.quote(str(path))


def _entry(info: zipfile.ZipInfo) -> BundleEntry:
    first, _, _ = info.filename.partition("/")
    if first == "omni":
        log = info.filename.removeprefix(_LOGS)
        node = "" if log == info.filename else log.removesuffix(".log")
        return BundleEntry(name=info.filename, size=info.file_size, source="omni", node=node)
    node = "" if first == "kubernetesResources" else first
    return BundleEntry(name=info.filename, size=info.file_size, source="cluster", node=node)

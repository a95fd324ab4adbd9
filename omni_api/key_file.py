"""A file that holds the key of a service account, as lines that shells and services read.

Decides where such a file may be, what stands in it, and that nobody else can read it. A key cannot
be asked for a second time, so its place is made sure of before the key is made.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from omni_api._core import arguments
from omni_api._disk import Aside, named, place, telling
from omni_api.credentials import ServiceAccountKey
from omni_api.errors import ClosedError

__all__ = ["KeyFile"]


class KeyFile:
    """A place for a new key: proven when it is opened, written when there is a key.

    The file has mode 0600 and appears whole or not at all. It holds lines for a shell
    (`set -a; . FILE`), for `EnvironmentFile=` of systemd and for `docker run --env-file`.

    Args:
        path: The file. Its directory has to be there.
        overwrite: Whether it may replace a file that is there. Default False.

    Raises:
        InvalidInputError: It is there already, or no file can be written there.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from omni_api import KeyFile
        >>> directory = tempfile.TemporaryDirectory()
        >>> with KeyFile(Path(directory.name) / "deploy.env") as file:
        ...     key = omni.service_accounts.create("deploy", "Operator")
        ...     path = file.save(key, endpoint="https://omni.example.com")
        >>> print(path.read_text().splitlines()[0])
        OMNI_ENDPOINT=https://omni.example.com:443
        >>> directory.cleanup()
    """

    def __init__(self, path: str | Path, *, overwrite: bool = False) -> None:
        self._overwrite = arguments.boolean("overwrite", overwrite)
        self._target = place(named(path, form="a file"), "", overwrite=overwrite)
        with telling("write the key to", self._target):
            self._aside = Aside(self._target.parent, self._target.name)

    def save(self, key: ServiceAccountKey, *, endpoint: str = "") -> Path:
        """Write the key, once; when this returns, it outlives a power cut.

        Args:
            key: The key.
            endpoint: URL of Omni, for a line `OMNI_ENDPOINT=`. Default: no such line.

        Returns:
            The file.

        Raises:
            ClosedError: A key was saved or could not be, or the place was given up.
            InvalidInputError: `endpoint` is no URL of an Omni.
            StorageError: The disk is full, for example, or somebody else made such a file. No
                key is in it; `service_accounts.renew` makes another one.

        Example:
            >>> import tempfile
            >>> from pathlib import Path
            >>> from omni_api import KeyFile, ServiceAccountKey
            >>> directory = tempfile.TemporaryDirectory()
            >>> with KeyFile(Path(directory.name) / "ci.env") as file:
            ...     print(oct(file.save(ServiceAccountKey.generate("ci")).stat().st_mode))
            0o100600
            >>> directory.cleanup()
        """
        lines = key.variables(endpoint=endpoint).encode()
        if self._aside.file.closed:
            raise ClosedError(f"{self._target} takes one key: open another KeyFile for this one")
        try:
            with telling("write the key to", self._target):
                self._aside.file.write(lines)
                self._aside.publish(self._target, overwrite=self._overwrite)
        finally:
            # A second attempt would write behind what came of the first.
            self.close()
        return self._target

    def close(self) -> None:
        """Give the place up; a key that was saved stays."""
        self._aside.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

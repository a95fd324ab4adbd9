"""What is told while a support bundle is collected, and of the file in the end."""

from __future__ import annotations

from pathlib import Path

import attrs

from omni_api.progress import PartProgress, Progress, SupportBundleProgress
from omni_api.rows import Rows, Value
from omni_api.support._reader import BundleReader

__all__ = ["BundleProgress", "SourceError", "SupportBundle"]


@attrs.frozen(kw_only=True)
class SourceError(Value):
    """A step that failed; what it should have collected is not in the bundle.

    Attributes:
        source: What was collected from: "omni", or "cluster" (Kubernetes and every node).
        item: The file that is missing; empty where the source could not be asked at all.
        error: Why, in the server's words.
    """

    source: str
    item: str
    error: str


@attrs.frozen(kw_only=True)
class SupportBundle(Value):
    """A support bundle that was saved.

    Attributes:
        path: The file, as an absolute path.
        size: Its size in bytes.
        sha256: Its hash, in hexadecimal digits.
        sources: What was collected from, with the number of steps and of those that failed.
        errors: The steps that failed.
        recipients: Who can open it; empty when it is not encrypted.

    Example:
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     bundle = omni.support.save("talos-default", directory)
        ...     os.path.getsize(bundle.path) == bundle.size
        True
        >>> bundle.complete, len(bundle.errors)
        (False, 12)
    """

    path: Path
    size: int
    sha256: str
    sources: Rows[PartProgress] = attrs.field(factory=Rows)
    errors: Rows[SourceError] = attrs.field(factory=Rows)
    recipients: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether no step failed."""
        return not self.errors

    def open(self) -> BundleReader:
        """Open the file to read what is in it; use the reader in a `with` block.

        Raises:
            InvalidInputError: The bundle is encrypted; the message says how to decrypt it.
            DamagedBundleError: The file is no ZIP any more.
            StorageError: The file cannot be read.
        """
        return BundleReader(self.path)


@attrs.frozen(kw_only=True)
class BundleProgress(Progress):
    """How far a support bundle has come. Its parts are the sources, which report side by side.

    Attributes:
        parts: The sources that have begun: "omni", and "cluster" (Kubernetes and every node).
        elapsed: Seconds since the operation began.
        latest: One line for a person about what happened last.
        finished: Whether this is the last report.
        step: The server's message, without the bundle that the last one carries.
        bytes_received: Bytes of the bundle that have come: all in the last report, 0 before.
        bundle: The saved bundle, in the last report only.
    """

    step: SupportBundleProgress
    bytes_received: int = 0
    bundle: SupportBundle | None = None

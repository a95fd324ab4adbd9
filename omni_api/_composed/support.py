"""Support bundles, saved as files and watched on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from omni_api._core import arguments
from omni_api._core.durations import UNSET, Timeout
from omni_api._core.steps import Composite, Steps
from omni_api.support import BundleProgress, SupportBundle
from omni_api.support._collecting import collecting, ordered


def save(
    cluster: str,
    path: Path | str | None = None,
    *,
    on_progress: Callable[[BundleProgress], None] | None = None,
    encrypt: bool | Sequence[str] = False,
    default_recipients: bool = True,
    overwrite: bool = False,
    allow_empty: bool = False,
    timeout: Timeout = UNSET,
) -> Steps[SupportBundle]:
    """Collect a support bundle of a cluster and save it as a file.

    The file appears whole or not at all, and only you can read it. A step that fails is no
    exception: see `errors` and `complete` of the result. A cluster that does not exist is no error
    to the server, which sends an empty bundle (recorded from Omni 1.10); here it is one.

    Args:
        cluster: Name of the cluster.
        path: File to write, or a directory for a file called `support.zip`, or `support.zip.age`
            if it is encrypted; `~` is your home. Default: the current directory.
        on_progress: Called after every step and at the end, for example `display.bars()`. With
            the asyncio client it is called in the event loop.
        encrypt: Let the server encrypt the bundle with age: True for its own recipients, a list
            to add others (age or SSH public keys). Needs Omni 1.10.
        default_recipients: Whether the server's own recipients can open an encrypted bundle.
        overwrite: Whether to replace a file that is there already.
        allow_empty: Whether to save the empty bundle of a cluster that does not exist.
        timeout: Seconds or timedelta for the whole stream, None for no limit (the default).

    Returns:
        The saved bundle: where it is, its size and hash, and which steps failed.

    Raises:
        InvalidInputError: The file is there already, its directory cannot be written to, or
            another argument is malformed. Nothing was sent.
        NotFoundError: There is no such cluster.
        UnimplementedError: The bundle is to be encrypted, and the server is older than Omni 1.10.
        DamagedBundleError: What came is no whole ZIP. Nothing was written.
        StorageError: The file could not be written, for example because the disk is full.
        PermissionDeniedError: The role is below `Operator`.
        CallError: The server refused for another reason, or the stream broke.

    Example:
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     bundle = omni.support.save("talos-default", directory)
        ...     os.path.basename(bundle.path)
        'support.zip'
        >>> [(source.name, source.done, source.errors) for source in bundle.sources]
        [('omni', 55, 0), ('cluster', 411, 12)]
    """
    order = ordered(
        cluster,
        path,
        encrypt=encrypt,
        default_recipients=default_recipients,
        overwrite=overwrite,
        allow_empty=allow_empty,
        timeout=timeout,
    )
    return collecting(order, arguments.function("on_progress", on_progress))


def collect(
    cluster: str,
    path: Path | str | None = None,
    *,
    encrypt: bool | Sequence[str] = False,
    default_recipients: bool = True,
    overwrite: bool = False,
    allow_empty: bool = False,
    timeout: Timeout = UNSET,
) -> Composite[BundleProgress]:
    """Collect and save a support bundle as `save` does, and watch it come.

    Leaving the stream before its end ends the collection on the server; then no file is written.

    Args:
        cluster: Name of the cluster.
        path: File to write, or a directory for a file called `support.zip`, or `support.zip.age`
            if it is encrypted; `~` is your home. Default: the current directory.
        encrypt: Let the server encrypt the bundle with age: True for its own recipients, a list
            to add others (age or SSH public keys). Needs Omni 1.10.
        default_recipients: Whether the server's own recipients can open an encrypted bundle.
        overwrite: Whether to replace a file that is there already.
        allow_empty: Whether to save the empty bundle of a cluster that does not exist.
        timeout: Seconds or timedelta for the whole stream, None for no limit (the default).

    Returns:
        A stream of reports, one for each step; the last one has the saved `bundle`.

    Raises:
        InvalidInputError: The file is there already, its directory cannot be written to, or
            another argument is malformed. Nothing was sent.
        NotFoundError: There is no such cluster.
        UnimplementedError: The bundle is to be encrypted, and the server is older than Omni 1.10.
        DamagedBundleError: What came is no whole ZIP. Nothing was written.
        StorageError: The file could not be written, for example because the disk is full.
        PermissionDeniedError: The role is below `Operator`.
        CallError: The server refused for another reason, or the stream broke.

    Example:
        >>> import tempfile
        >>> directory = tempfile.TemporaryDirectory()
        >>> with omni.support.collect("talos-default", directory.name) as reports:
        ...     for report in reports:
        ...         if report.bundle:
        ...             print(report.errors, "steps failed")
        12 steps failed
        >>> directory.cleanup()
    """
    order = ordered(
        cluster,
        path,
        encrypt=encrypt,
        default_recipients=default_recipients,
        overwrite=overwrite,
        allow_empty=allow_empty,
        timeout=timeout,
    )

    def steps() -> Steps[None]:
        yield from collecting(order)

    return Composite(
        name="support.collect", steps=steps(), size=lambda report: report.bytes_received
    )

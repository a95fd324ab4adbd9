"""Libraries that are no dependencies: imported where needed, and asked for by name if missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from omni_api.errors import MissingLibraryError


@contextmanager
def extra(name: str = "") -> Iterator[None]:
    """Turn a failed import inside into an error that says what to install.

    Args:
        name: Extra of this package that brings the library, for example `parquet`; empty for a
            library that no extra brings.

    Raises:
        MissingLibraryError: An import inside failed.
    """
    try:
        yield
    except ImportError as error:
        library = (error.name or "a library").partition(".")[0]
        install = f"'sidero-omni-api[{name}]'" if name else library
        raise MissingLibraryError(
            f"{library} is needed here and cannot be imported: pip install {install}"
        ) from error

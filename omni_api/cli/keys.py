"""Hands out new keys: once, on standard output or into a file, and never lost unnoticed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from omni_api import KeyFile, ServiceAccountKey
from omni_api.cli.exits import Exit
from omni_api.cli.failures import Failure
from omni_api.cli.output import moment
from omni_api.cli.session import Session
from omni_api.errors import StorageError

__all__ = ["KeyPlace"]


class KeyPlace:
    """Where a new key goes. A file is opened before there is a key, so that none is lost."""

    def __init__(self, session: Session, path: Path | None, *, force: bool) -> None:
        if path is None and force:
            raise click.UsageError("--force is about a file: name one with --key-file.")
        if path is None and session.output == "name":
            raise click.UsageError("-o name would lose the key: save it with --key-file.")
        if path is not None and path.exists() and not force:
            raise click.UsageError(f"{path} exists already: --force replaces it.")
        self._session = session
        self._file = None if path is None else KeyFile(path, overwrite=force)

    def __enter__(self) -> KeyPlace:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is KeyboardInterrupt:
            self._session.note(
                "\nthe server may have it all the same, with a key that nobody holds: "
                "`omni-api serviceaccount list` shows it"
            )
        if self._file is not None:
            self._file.close()

    def hand_out(self, key: ServiceAccountKey) -> None:
        """Write the key into the file, or show it; programs get it among its facts."""
        endpoint = self._session.settings().endpoint
        facts = {"name": key.name, "fingerprint": key.fingerprint, "expires": moment(key.expires)}
        if self._file is not None:
            with _told_if_lost(key):
                path = self._file.save(key, endpoint=endpoint)
            self._session.note(f"the key is in {path}")
            self._answer(facts | {"key_file": str(path)}, key.name)
            return
        variables = key.variables(endpoint=endpoint).rstrip("\n")
        facts |= dict(line.split("=", 1) for line in variables.splitlines())
        with _told_if_lost(key):
            if self._session.output == "table":
                self._session.note("keep these two lines safe; the key is not shown again:")
                self._session.out.line(variables)
            else:
                self._answer(facts, key.name)

    def _answer(self, facts: dict[str, str], name: str) -> None:
        if self._session.output == "name":
            self._session.out.line(name)
        elif self._session.output != "table":
            self._session.out.document(facts)


@contextlib.contextmanager
def _told_if_lost(key: ServiceAccountKey) -> Iterator[None]:
    """Say what to do about a key that the server has and nobody else."""
    try:
        yield
    except OSError as error:  # of the file, or of standard output, whose reader may be gone
        said = (
            error
            if isinstance(error, StorageError)
            else f"the key could not be written: {error.strerror}"
        )
        raise Failure(
            f"{said}. The account has a key now that nobody holds: make another one with "
            f"`omni-api serviceaccount renew {key.name}`",
            Exit.STORAGE,
        ) from error

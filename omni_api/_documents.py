"""YAML files that belong to a person: altered in place, and written whole or not at all.

What is not touched stays as it is, byte for byte (see `_yaml_text.py`), with mode and owner, and a
link goes on leading where it led. What is altered, `client_configs.py` and `omniconfig.py` decide.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from omni_api._disk import Aside, expanded, telling
from omni_api._yaml_nodes import UnreadableError
from omni_api._yaml_text import altered, read
from omni_api.errors import ConfigurationError, InvalidInputError, StorageError

Fields = dict[str, Any]


def parsed(data: bytes | str, what: str) -> Fields:
    """Read a document that is to be merged; it is never shown in an error, since it may be secret.

    Raises:
        InvalidInputError: It is no YAML mapping.
    """
    if not isinstance(data, bytes | str):
        raise InvalidInputError(f"{what} must be text, not {type(data).__name__}")
    try:
        document = read(data.decode() if isinstance(data, bytes) else data)
    except (UnicodeDecodeError, UnreadableError):
        document = None
    if not isinstance(document, dict):
        raise InvalidInputError(f"{what} must be a YAML mapping; this is none")
    return document


@attrs.define(kw_only=True)
class Document:
    """A file of YAML.

    Attributes:
        path: The file itself, links followed.
        fields: What is in it; alter this.
        created: Whether there was no such file.
    """

    path: Path
    fields: Fields
    created: bool


@contextlib.contextmanager
def editing(path: str | Path, what: str, *, mode: int = 0o600) -> Iterator[Document]:
    """Open a file to alter what is in it; it is written at the end if anything changed.

    Args:
        path: The file; `~` is your home. If there is none, it is created.
        what: What it is, for errors.
        mode: Who may read a file that is created.

    Raises:
        InvalidInputError: `path` is something else than a file.
        ConfigurationError: The file is no YAML mapping, or cannot be altered without altering more.
        StorageError: It cannot be read or written, or somebody else is writing it.
    """
    named = expanded(path)
    target = Path(os.path.realpath(named))
    with telling("write", target):
        if not target.parent.exists():
            target.parent.mkdir(parents=True, mode=0o700)
    text = _text(target, what)
    with _refusing(target, what, text):
        fields = {} if text is None else read(text)
        if fields is None:
            fields = {}
        if not isinstance(fields, dict):
            raise UnreadableError("it is no YAML mapping")
    yield (document := Document(path=target, fields=fields, created=text is None))
    with _refusing(target, what, text):
        changed = altered(text or "", document.fields)
    if changed == text:
        return
    # Only now, since a person may be asked before: nobody has to wait for the answer.
    # kubectl puts its lock beside the name that it was given, which may be a link.
    with _locked(named):
        if _text(target, what) != text:
            raise StorageError(
                f"another program has altered {target} meanwhile: repeat it", path=str(target)
            )
        _save(target, changed.encode(), mode)


def write(data: bytes, path: str | Path, *, overwrite: bool, mode: int = 0o600) -> Path:
    """Write a whole file, in place of another only if that is allowed.

    Raises:
        InvalidInputError: There is such a file, and it may not be replaced.
        StorageError: The file cannot be written.
    """
    target = Path(os.path.realpath(expanded(path)))
    with telling("write", target):
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if overwrite and target.exists():
            # A rename would replace a file that may not be written.
            target.open("rb+").close()
    try:
        _save(target, data, mode, overwrite=overwrite)
    except StorageError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise InvalidInputError(f"there is a file at {target} already") from error
        raise
    return target


def _text(target: Path, what: str) -> str | None:
    """Read a file as it is, line ends included; None if there is none."""
    with telling("read", target):
        try:
            if not stat.S_ISREG(target.stat().st_mode):
                raise InvalidInputError(f"path must name a file, and {target} is none")
            # A rename would replace a file that may not be written.
            with target.open("rb+") as file:
                return file.read().decode()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise ConfigurationError(
                f"the {what} {target} is no text in UTF-8; mend it first"
            ) from None


@contextlib.contextmanager
def _refusing(target: Path, what: str, text: str | None) -> Iterator[None]:
    """Say in which line of a file the reason stands; never what stands there, it may be a token."""
    try:
        yield
    except UnreadableError as error:
        where = ""
        if error.position is not None:
            where = f" at line {(text or '')[: error.position].count(chr(10)) + 1}"
        raise ConfigurationError(
            f"the {what} {target} cannot be used: {error.reason}{where}; mend it first"
        ) from None


def _save(target: Path, data: bytes, mode: int, *, overwrite: bool = True) -> None:
    with telling("write", target):
        aside = Aside(target.parent, target.name)
        try:
            aside.file.write(data)
            if target.exists() and overwrite:
                found = target.stat()
                mode = stat.S_IMODE(found.st_mode)
                _give(aside, found)
            aside.path.chmod(mode)
            aside.publish(target, overwrite=overwrite)
        finally:
            aside.discard()


def _give(aside: Aside, found: os.stat_result) -> None:
    """Give a file the owner and the group of another, or fail."""
    own = os.fstat(aside.file.fileno())
    if (own.st_uid, own.st_gid) != (found.st_uid, found.st_gid):
        os.chown(aside.path, found.st_uid, found.st_gid)


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Keep others from writing meanwhile, as kubectl does: by a file with `.lock` at its end."""
    lock = target.with_name(target.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise StorageError(
            f"another program is writing {target}; if there is none, remove {lock}",
            path=str(target),
        ) from None
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror}", path=str(target)) from error
    try:
        yield
    finally:
        os.close(descriptor)
        lock.unlink(missing_ok=True)

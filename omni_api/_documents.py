"""YAML files that belong to a person: altered in place, and written whole or not at all.

What is not touched stays as it is: comments, order, quotes, unknown keys, line ends, mode and
owner, and a link goes on leading where it led. What is altered, `client_configs.py` decides.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from omni_api._core.extras import extra
from omni_api._disk import Aside, expanded, telling
from omni_api.errors import ConfigurationError, InvalidInputError, StorageError

Fields = dict[str, Any]

# A key with nothing behind it, and how far the next line is indented: a list, or a mapping.
_LIST = re.compile(r"^( *)(?:- )?[\w-]+:[ \t]*\r?\n( *)- ", re.MULTILINE)
_MAPPING = re.compile(r"^( *)[\w-]+:[ \t]*\r?\n( +)[\w-]+:", re.MULTILINE)


def parsed(data: bytes | str, what: str) -> Fields:
    """Read a document that is to be merged; it is never shown in an error, since it may be secret.

    Raises:
        InvalidInputError: It is no YAML mapping.
    """
    import yaml

    if not isinstance(data, bytes | str):
        raise InvalidInputError(f"{what} must be text, not {type(data).__name__}")
    try:
        document = yaml.safe_load(data)
    except (UnicodeDecodeError, yaml.YAMLError):
        document = None
    if not isinstance(document, dict):
        raise InvalidInputError(f"{what} must be a YAML mapping; this is none")
    return document


@attrs.define(kw_only=True)
class Document:
    """A file of YAML, and how it was written.

    Attributes:
        path: The file itself, links followed.
        fields: What is in it; alter this.
        created: Whether there was no such file.
    """

    path: Path
    fields: Fields
    created: bool
    _before: Fields
    _yaml: Any
    _ends: str

    def altered(self) -> str | None:
        """Return the text to write, with the line ends that it had; None if nothing changed."""
        if self.fields == self._before and not self.created:
            return None
        stream = io.StringIO()
        self._yaml.dump(self.fields, stream)
        return stream.getvalue().replace("\n", self._ends)


@contextlib.contextmanager
def editing(path: str | Path, what: str, *, mode: int = 0o600) -> Iterator[Document]:
    """Open a file to alter what is in it; it is written at the end if anything changed.

    Args:
        path: The file; `~` is your home. If there is none, it is created.
        what: What it is, for errors.
        mode: Who may read a file that is created.

    Raises:
        ConfigurationError: The file is no YAML mapping.
        StorageError: It cannot be read or written, or somebody else is writing it.
        MissingLibraryError: ruamel.yaml is not installed.
    """
    target = Path(os.path.realpath(expanded(path)))
    with telling("write", target):
        if not target.parent.exists():
            target.parent.mkdir(parents=True, mode=0o700)
    with _locked(target):
        document = _load(target, what)
        yield document
        if (text := document.altered()) is not None:
            _save(target, text.encode(), mode)


def write(data: bytes, path: str | Path, *, overwrite: bool, mode: int = 0o600) -> Path:
    """Write a whole file, in place of another only if that is allowed.

    Raises:
        InvalidInputError: There is such a file, and it may not be replaced.
        StorageError: The file cannot be written.
    """
    target = Path(os.path.realpath(expanded(path)))
    with telling("write", target):
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        _save(target, data, mode, overwrite=overwrite)
    except StorageError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise InvalidInputError(f"there is a file at {target} already") from error
        raise
    return target


def _load(target: Path, what: str) -> Document:
    with extra("cli"):
        from ruamel.yaml import YAML
        from ruamel.yaml.comments import CommentedMap
        from ruamel.yaml.error import YAMLError
    yaml: Any = YAML()
    yaml.preserve_quotes = True
    yaml.width = 2**20  # a long certificate stays on its line
    try:
        text = target.read_bytes().decode()
    except FileNotFoundError:
        return Document(
            path=target, fields=CommentedMap(), created=True, before={}, yaml=yaml, ends="\n"
        )
    except UnicodeDecodeError:
        raise ConfigurationError(f"the {what} {target} is no text") from None
    except OSError as error:
        raise StorageError(f"cannot read {target}: {error.strerror}", path=str(target)) from error
    if found := _LIST.search(text):
        offset = len(found[2]) - len(found[1])
        yaml.indent(sequence=offset + 2, offset=offset)
    if found := _MAPPING.search(text):
        yaml.indent(mapping=len(found[2]) - len(found[1]))
    try:
        fields = yaml.load(text)
    except YAMLError as error:
        # Not the library's text, which quotes lines of the file: it may hold a token.
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" at line {mark.line + 1}"
        raise ConfigurationError(f"the {what} {target} is no YAML{where}; mend it first") from None
    if fields is None:
        fields = CommentedMap()
    if not isinstance(fields, dict):
        raise ConfigurationError(f"the {what} {target} is no YAML mapping; mend it first")
    return Document(
        path=target,
        fields=fields,
        created=False,
        before=copy.deepcopy(fields),
        yaml=yaml,
        ends="\r\n" if "\r\n" in text else "\n",
    )


def _save(target: Path, data: bytes, mode: int, *, overwrite: bool = True) -> None:
    with telling("write", target):
        aside = Aside(target.parent, target.name)
        try:
            aside.file.write(data)
            if target.exists() and overwrite:
                found = target.stat()
                mode = found.st_mode & 0o7777
                if hasattr(os, "fchown") and os.geteuid() == 0:
                    os.fchown(aside.file.fileno(), found.st_uid, found.st_gid)
            aside.path.chmod(mode)
            aside.publish(target, overwrite=overwrite)
        finally:
            aside.discard()


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

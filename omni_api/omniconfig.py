"""The contexts of an omniconfig, for programs that manage them: listed, added, selected, altered.

How the file is written is `_documents.py`'s, what a client makes of it `config.py`'s. Another file
is merged into it by `client_configs.merge_omniconfig`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from omni_api import config
from omni_api._core import arguments, endpoint
from omni_api._disk import expanded
from omni_api._documents import Fields, editing
from omni_api.errors import ConfigurationError, InvalidInputError
from omni_api.rows import Rows, Value

__all__ = ["Context", "Omniconfig"]


@attrs.frozen(kw_only=True)
class Context(Value):
    """One Omni, and who one is there.

    Attributes:
        name: What it is called.
        url: URL of Omni; empty if there is none.
        identity: Whose key is used; empty if there is none.
        selected: Whether it is used where no other one is named.
    """

    name: str
    url: str
    identity: str
    selected: bool


class Omniconfig:
    """The omniconfig file of a person. Reading it needs neither a key nor a server.

    What is not altered stays as it is, comments included. A file that is made has mode 0600, and
    its directory 0700.

    Args:
        path: The file. Default: as `OmniClient.from_omniconfig` looks for it.
        environ: Variables to read instead of the process's.

    Attributes:
        path: The file.

    Example:
        >>> import os, tempfile
        >>> from omni_api.omniconfig import Omniconfig
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     file = Omniconfig(os.path.join(directory, "config"))
        ...     context = file.add("prod", url="https://omni.example.com")
        ...     file.set_identity("ana@example.com")
        ...     file.context().identity
        'ana@example.com'
    """

    def __init__(
        self, path: str | Path | None = None, *, environ: Mapping[str, str] | None = None
    ) -> None:
        self.path = config.omniconfig_file(environ) if path is None else expanded(path)

    def contexts(self) -> Rows[Context]:
        """Return all contexts, in the order of the file.

        Raises:
            ConfigurationError: There is no such file, or it is no omniconfig.

        Example:
            >>> import os, tempfile
            >>> from omni_api.omniconfig import Omniconfig
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     file = Omniconfig(os.path.join(directory, "config"))
            ...     for name in ("test", "prod"):
            ...         context = file.add(name, url=f"https://{name}.example.com")
            ...     [(context.name, context.selected) for context in file.contexts()]
            [('test', True), ('prod', False)]
        """
        if not self.path.exists():
            raise ConfigurationError(
                f"there is no omniconfig at {self.path}: add a context to make one"
            )
        fields = config.omniconfig_document(self.path)
        found = _contexts(fields, self.path)
        return Rows((_context(fields, name, self.path) for name in found), of=Context)

    def context(self, name: str | None = None) -> Context:
        """Return one context.

        Args:
            name: Its name. Default: the selected one.

        Raises:
            ConfigurationError: There is no such context, no such file, or it is no omniconfig.

        Example:
            >>> import os, tempfile
            >>> from omni_api.omniconfig import Omniconfig
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     file = Omniconfig(os.path.join(directory, "config"))
            ...     context = file.add("prod", url="https://omni.example.com")
            ...     file.context() == file.context("prod") == context
            True
        """
        contexts = self.contexts()
        for context in contexts:
            if context.selected if name is None else context.name == name:
                return context
        if name is None:
            raise ConfigurationError(f"{self.path} selects no context: select one, or name one")
        raise config.context_not_found(name, [context.name for context in contexts], self.path)

    def add(self, name: str, *, url: str, identity: str = "") -> Context:
        """Add a context, and make the file if there is none; the first context is selected.

        Args:
            name: A name that no other context has.
            url: URL of Omni, such as `https://omni.example.com`.
            identity: Whose key is used, such as `ana@example.com`. Default: nobody's yet.

        Returns:
            The context.

        Raises:
            InvalidInputError: A name is empty, or `url` is no URL of an Omni.
            ConfigurationError: The name is taken, or the file is no omniconfig.
            StorageError: The file cannot be read or written, or somebody else is writing it.

        Example:
            >>> import os, tempfile
            >>> from omni_api.omniconfig import Omniconfig
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     file = Omniconfig(os.path.join(directory, "config"))
            ...     file.add("prod", url="https://omni.example.com").identity
            ''
        """
        arguments.text("name", name, empty=False)
        _checked(url)
        arguments.text("identity", identity)
        with editing(self.path, "omniconfig") as document:
            contexts = _contexts(document.fields, document.path)
            if name in contexts:
                raise ConfigurationError(f"context already exists: {name} (in {document.path})")
            contexts[name] = {"url": url}
            if identity:
                contexts[name]["auth"] = {"siderov1": {"identity": identity}}
            document.fields["contexts"] = contexts
            if not document.fields.get("context"):
                document.fields["context"] = name
            return _context(document.fields, name, document.path)

    def select(self, name: str) -> None:
        """Use a context from now on, where no other one is named.

        Args:
            name: Its name.

        Raises:
            ConfigurationError: There is no such context, no such file, or it is no omniconfig.
            StorageError: The file cannot be read or written, or somebody else is writing it.

        Example:
            >>> import os, tempfile
            >>> from omni_api.omniconfig import Omniconfig
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     file = Omniconfig(os.path.join(directory, "config"))
            ...     for name in ("test", "prod"):
            ...         context = file.add(name, url=f"https://{name}.example.com")
            ...     file.select("prod")
            ...     file.context().name
            'prod'
        """
        with self._altering(name) as (fields, _):
            fields["context"] = name

    def set_url(self, url: str, context: str | None = None) -> None:
        """Give a context another URL.

        Args:
            url: URL of Omni, such as `https://omni.example.com`.
            context: Name of the context. Default: the selected one.

        Raises:
            InvalidInputError: `url` is no URL of an Omni.
            ConfigurationError: There is no such context, no such file, or it is no omniconfig.
            StorageError: The file cannot be read or written, or somebody else is writing it.

        Example:
            >>> import os, tempfile
            >>> from omni_api.omniconfig import Omniconfig
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     file = Omniconfig(os.path.join(directory, "config"))
            ...     context = file.add("prod", url="https://old.example.com")
            ...     file.set_url("https://omni.example.com")
            ...     file.context("prod").url
            'https://omni.example.com'
        """
        _checked(url)
        with self._altering(context) as (_, found):
            found["url"] = url

    def set_identity(self, identity: str, context: str | None = None) -> None:
        """Say whose key a context uses.

        Args:
            identity: For a person the e-mail address.
            context: Name of the context. Default: the selected one.

        Raises:
            InvalidInputError: `identity` is empty.
            ConfigurationError: There is no such context, no such file, or it is no omniconfig.
            StorageError: The file cannot be read or written, or somebody else is writing it.

        Example:
            >>> import os, tempfile
            >>> from omni_api.omniconfig import Omniconfig
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     file = Omniconfig(os.path.join(directory, "config"))
            ...     context = file.add("prod", url="https://omni.example.com")
            ...     file.set_identity("ana@example.com")
            ...     file.context().identity
            'ana@example.com'
        """
        arguments.text("identity", identity, empty=False)
        with self._altering(context) as (_, found):
            auth = _mapping(found.get("auth"))
            auth["siderov1"] = {**_mapping(auth.get("siderov1")), "identity": identity}
            found["auth"] = auth

    def remove(self, name: str) -> None:
        """Remove a context; its key, which is in a file of its own, stays.

        Args:
            name: Its name. If it was selected, no context is selected any more.

        Raises:
            ConfigurationError: There is no such context, no such file, or it is no omniconfig.
            StorageError: The file cannot be read or written, or somebody else is writing it.

        Example:
            >>> import os, tempfile
            >>> from omni_api.omniconfig import Omniconfig
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     file = Omniconfig(os.path.join(directory, "config"))
            ...     for name in ("test", "prod"):
            ...         context = file.add(name, url=f"https://{name}.example.com")
            ...     file.remove("prod")
            ...     [context.name for context in file.contexts()]
            ['test']
        """
        with self._altering(name) as (fields, _):
            del fields["contexts"][name]
            if fields.get("context") == name:
                fields["context"] = ""

    @contextlib.contextmanager
    def _altering(self, name: str | None) -> Iterator[tuple[Fields, Fields]]:
        """Open the file to alter a context; it must be there, and so must the file."""
        wanted = self.context(name).name  # so that nothing is made where there is nothing
        with editing(self.path, "omniconfig") as document:
            contexts = _contexts(document.fields, document.path)
            if wanted not in contexts:
                raise config.context_not_found(wanted, list(contexts), document.path)
            found = _mapping(contexts[wanted])
            yield document.fields, found
            if found and wanted in contexts:
                contexts[wanted] = found


def _contexts(fields: Fields, path: Path) -> dict[str, Any]:
    found = fields.get("contexts")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigurationError(f"the omniconfig {path} has contexts of another form")
    return found


def _context(fields: Fields, name: str, path: Path) -> Context:
    found = _mapping(_contexts(fields, path)[name])
    identity = _mapping(_mapping(found.get("auth")).get("siderov1")).get("identity")
    return Context(
        name=str(name),
        url=str(found.get("url") or ""),
        identity=str(identity or ""),
        selected=fields.get("context") == name,
    )


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _checked(url: str) -> None:
    if url == config.PLACEHOLDER:
        return
    endpoint.parse(url)
    if "@" in url:
        raise InvalidInputError("url must name no user and no password: Omni takes signatures only")

"""Configs for kubectl, talosctl and omnictl: merged into the files of a person, or saved as files.

All three are merged alike: an entry that is there already, word for word, is left alone; one of the
same name and another content keeps its place, and the new one gets a free name, unless it may be
overwritten. Nothing else in the file changes. Which entries are alike, `_merging.py` decides; how a
file is read and written is `_documents.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import attrs

from omni_api import config
from omni_api._core import arguments
from omni_api._disk import expanded, named
from omni_api._documents import Document, Fields, editing, parsed, write
from omni_api._merging import Mapped, Merge, entries_of, list_of, section_of
from omni_api.errors import InvalidInputError
from omni_api.rows import Value

__all__ = [
    "Clash",
    "Merged",
    "OnClash",
    "Renamed",
    "merge_kubeconfig",
    "merge_omniconfig",
    "merge_talosconfig",
    "save_config",
]

Clash = Literal["rename", "overwrite"]
"""What to do with an entry whose name is taken by another."""

OnClash = Clash | Callable[[str, str], Clash]
"""That, or a function of kind and name of the entry that decides it."""

_SECRETS = {"token", "password", "client-key-data", "key"}


@attrs.frozen(kw_only=True)
class Renamed(Value):
    """An entry that got another name, since its own was taken.

    Attributes:
        kind: "cluster", "user" or "context".
        old: Its name in what was merged.
        new: Its name in the file.
    """

    kind: str
    old: str
    new: str


@attrs.frozen(kw_only=True)
class Merged(Value):
    """What merging did.

    Attributes:
        path: The file.
        context: Name of the merged context in the file; empty if there was none.
        renamed: Entries that got another name.
        created: Whether there was no such file before.
    """

    path: Path
    context: str
    renamed: tuple[Renamed, ...]
    created: bool


def merge_kubeconfig(
    data: bytes | str,
    path: str | Path | None = None,
    *,
    on_clash: OnClash = "rename",
    activate: bool = True,
    context_name: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Merged:
    """Merge a kubeconfig into the one that kubectl reads.

    Args:
        data: What `omni.management.kubeconfig` gave.
        path: The file. Default: as kubectl decides it, the first file of `KUBECONFIG` that
            exists, else its last one; without the variable `~/.kube/config`.
        on_clash: What to do when another cluster, user or context has the name: "rename" the new
            one, "overwrite" the old one, or a function of kind and name that decides it.
        activate: Whether kubectl uses the context from now on.
        context_name: Another name for the context.
        environ: Variables to read instead of the process's.

    Returns:
        Where it was merged, and under which names.

    Raises:
        InvalidInputError: `data` is no kubeconfig.
        ConfigurationError: The file is there and no kubeconfig. It is left alone.
        StorageError: The file cannot be read or written, or somebody else is writing it.

    Example:
        >>> import os, tempfile
        >>> from omni_api.client_configs import merge_kubeconfig
        >>> config = omni.management.kubeconfig(cluster="talos-default").kubeconfig
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     merged = merge_kubeconfig(config, os.path.join(directory, "config"))
        >>> merged.context
        'local-talos-default'
    """
    new = parsed(data, "a kubeconfig")
    decide = _decision(on_clash)
    if context_name is not None:
        arguments.text("context_name", context_name, empty=False)
    target = config.kubeconfig_file(environ) if path is None else _file(path)
    with editing(target, "kubeconfig", mode=_mode(new)) as document:
        fields = document.fields
        if document.created:
            fields.update(apiVersion="v1", kind="Config")
        merge = Merge(decide)
        names = {
            kind: {
                name: merge.entry(list_of(fields, section), kind, name, value)
                for name, value in entries_of(new, section, kind).items()
            }
            for section, kind in (("clusters", "cluster"), ("users", "user"))
        }
        contexts = entries_of(new, "contexts", "context")
        current = str(new.get("current-context", "") or next(iter(contexts), ""))
        merged = ""
        for name, value in contexts.items():
            for kind, mapped in names.items():
                if isinstance(used := value.get(kind), str):
                    value[kind] = mapped.get(used, used)
            wanted = context_name if context_name is not None and name == current else name
            given = merge.entry(list_of(fields, "contexts"), "context", wanted, value)
            if name == current:
                merged = given
        if merged and (activate or document.created):
            fields["current-context"] = merged
    return _merged(document, merged, merge)


def merge_talosconfig(
    data: bytes | str,
    path: str | Path | None = None,
    *,
    on_clash: OnClash = "rename",
    environ: Mapping[str, str] | None = None,
) -> Merged:
    """Merge a talosconfig into the one that talosctl reads; its context is used from now on.

    Args:
        data: What `omni.management.talosconfig` gave.
        path: The file. Default: `$TALOS_HOME/config`, else `~/.talos/config`.
        on_clash: What to do when another context has the name, as for `merge_kubeconfig`.
        environ: Variables to read instead of the process's.

    Returns:
        Where it was merged, and under which name.

    Raises:
        InvalidInputError: `data` is no talosconfig.
        ConfigurationError: The file is there and no talosconfig. It is left alone.
        StorageError: The file cannot be read or written, or somebody else is writing it.

    Example:
        >>> import os, tempfile
        >>> from omni_api.client_configs import merge_talosconfig
        >>> config = omni.management.talosconfig(cluster="talos-default").talosconfig
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     file = os.path.join(directory, "config")
        ...     [merge_talosconfig(config, file).context for _ in range(2)]
        ['local-talos-default', 'local-talos-default']
    """
    target = config.talosconfig_file(environ) if path is None else _file(path)
    return _merge_contexts(data, target, "talosconfig", on_clash)


def merge_omniconfig(
    data: bytes | str,
    path: str | Path | None = None,
    *,
    on_clash: OnClash = "rename",
    environ: Mapping[str, str] | None = None,
) -> Merged:
    """Merge an omniconfig into the one that omnictl and this client read, and select its context.

    Args:
        data: What `omni.management.omniconfig` gave, or another file's content.
        path: The file. Default: as `OmniClient.from_omniconfig` looks for it.
        on_clash: What to do when another context has the name, as for `merge_kubeconfig`.
        environ: Variables to read instead of the process's.

    Returns:
        Where it was merged, and under which name.

    Raises:
        InvalidInputError: `data` is no omniconfig.
        ConfigurationError: The file is there and no omniconfig. It is left alone.
        StorageError: The file cannot be read or written, or somebody else is writing it.

    Example:
        >>> import os, tempfile
        >>> from omni_api.client_configs import merge_omniconfig
        >>> config = omni.management.omniconfig().omniconfig
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     merge_omniconfig(config, os.path.join(directory, "config")).context
        'default'
    """
    target = config.omniconfig_file(environ) if path is None else _file(path)
    return _merge_contexts(data, target, "omniconfig", on_clash)


def save_config(
    data: bytes | str, path: str | Path, *, overwrite: bool = False, mode: int | None = None
) -> Path:
    """Write a config into a file of its own, whole or not at all.

    Args:
        data: What the server gave; it is written as it is.
        path: The file. Directories that are missing are made, for you alone.
        overwrite: Whether it may replace a file; that one's mode and owner stay. Default False.
        mode: Who may read and write a new file. Default: 0600 if it holds a token or a key, else
            0640, as the official tool has it.

    Returns:
        The file, links followed.

    Raises:
        InvalidInputError: `data` is no config, or there is such a file that may not be replaced.
        StorageError: The file cannot be written: the disk is full, for example.

    Example:
        >>> import os, tempfile
        >>> from omni_api.client_configs import save_config
        >>> config = omni.management.kubeconfig(cluster="talos-default").kubeconfig
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     save_config(config, os.path.join(directory, "kubeconfig")).name
        'kubeconfig'
    """
    fields = parsed(data, "a config")
    content = data.encode() if isinstance(data, str) else data
    arguments.boolean("overwrite", overwrite)
    if mode is not None and type(mode) is not int:
        raise InvalidInputError(f"mode must be a number such as 0o600, not {mode!r}")
    chosen = _mode(fields) if mode is None else mode
    return write(content, _file(path), overwrite=overwrite, mode=chosen)


def _file(path: str | Path) -> Path:
    file = expanded(named(path, form="a file"))
    if file.is_dir():
        raise InvalidInputError(f"path must name a file, and {file} is a directory")
    return file


def _mode(fields: Fields) -> int:
    """Return who may read a new file: the group, too, unless there is a secret in it."""
    users, contexts = fields.get("users"), fields.get("contexts")
    described = contexts.values() if isinstance(contexts, dict) else ()
    listed = users if isinstance(users, list) else ()
    held = [*(user.get("user") for user in listed if isinstance(user, dict)), *described]
    secret = any(isinstance(one, dict) and _SECRETS & one.keys() for one in held)
    return 0o600 if secret else 0o640


def _merge_contexts(data: bytes | str, target: Path, what: str, on_clash: OnClash) -> Merged:
    """Merge what has its contexts in a mapping."""
    new = parsed(data, f"a {what}")
    contexts = new.get("contexts")
    if not isinstance(contexts, dict) or not all(
        isinstance(value, dict) for value in contexts.values()
    ):
        raise InvalidInputError(f"a {what} must have contexts; this has none")
    merge = Merge(_decision(on_clash))
    with editing(target, what) as document:
        there = Mapped(section_of(document.fields, "contexts", {}))
        given = {
            name: merge.entry(there, "context", str(name), value)
            for name, value in contexts.items()
        }
        selected = new.get("context")
        merged = given.get(selected, "") if isinstance(selected, str) else ""
        if merged:
            document.fields["context"] = merged
    return _merged(document, merged, merge)


def _decision(on_clash: OnClash) -> Callable[[str, str], str]:
    if callable(on_clash):
        return on_clash
    if on_clash not in ("rename", "overwrite"):
        raise InvalidInputError(f'on_clash must be "rename" or "overwrite", not {on_clash!r}')
    return lambda _kind, _name: on_clash


def _merged(document: Document, context: str, merge: Merge) -> Merged:
    renamed = tuple(Renamed(kind=kind, old=old, new=new) for kind, old, new in merge.renamed)
    return Merged(path=document.path, context=context, renamed=renamed, created=document.created)

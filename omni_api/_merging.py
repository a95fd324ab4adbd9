"""Entries of one config among those of another: which are there, and what new ones are called.

Sections of a kubeconfig are lists with names inside, contexts of the other two are mappings. What
belongs to what, `client_configs.py` decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from omni_api._documents import Fields
from omni_api.errors import ConfigurationError, InvalidInputError

KINDS = {"clusters": "cluster", "users": "user", "contexts": "context"}


@attrs.frozen
class Mapped:
    """Contexts of a talosconfig or an omniconfig: a mapping from names."""

    fields: Fields

    def __len__(self) -> int:
        return len(self.fields)

    def get(self, name: str) -> object:
        return self.fields.get(name)

    def put(self, name: str, value: object) -> None:
        self.fields[name] = value


@attrs.frozen
class Listed:
    """A section of a kubeconfig: a list of entries with their names inside."""

    kind: str
    entries: list[Fields]

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, name: str) -> object:
        entry = self._entry(name)
        return None if entry is None else entry.get(self.kind)

    def put(self, name: str, value: object) -> None:
        entry = self._entry(name)
        if entry is None:
            self.entries.append({self.kind: value, "name": name})
        else:
            entry[self.kind] = value

    def _entry(self, name: str) -> Fields | None:
        return next((entry for entry in self.entries if entry.get("name") == name), None)


def section_of(fields: Fields, name: str, empty: Any) -> Any:
    """Return a section of a file, and make it where it is missing or has nothing in it."""
    if fields.get(name) is None:
        fields[name] = empty
    found = fields[name]
    if not isinstance(found, type(empty)):
        raise ConfigurationError(
            f"the file to merge into has {name} of another form; mend it first"
        )
    return found


def list_of(fields: Fields, section: str) -> Listed:
    """Return a list of a kubeconfig; it must have each name once."""
    entries = section_of(fields, section, [])
    if not all(isinstance(entry, dict) for entry in entries):
        raise ConfigurationError(f"the kubeconfig has {section} of another form; mend it first")
    names = [entry.get("name") for entry in entries]
    if twice := [name for name in names if names.count(name) > 1]:
        # kubectl does not read such a file at all.
        raise ConfigurationError(
            f"the kubeconfig has two {section} of the name {twice[0]!r}; mend it first"
        )
    return Listed(KINDS[section], entries)


def entries_of(new: Fields, section: str, kind: str) -> dict[str, Fields]:
    """Return what a section of a new kubeconfig holds, by name."""
    entries = new.get(section) or []
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get(kind), dict) and entry.get("name")
        for entry in entries
    ):
        raise InvalidInputError(f"a kubeconfig must have {section} with names; this has not")
    found = {str(entry["name"]): entry[kind] for entry in entries}
    if len(found) < len(entries):
        raise InvalidInputError(f"a kubeconfig must have each of its {section} once; this has not")
    return found


@attrs.define
class Merge:
    """Decides the name of one entry after the other.

    Attributes:
        on_clash: Says of a kind and a name that is taken "rename" or "overwrite".
        renamed: Kind, old and new name of those that got another.
    """

    on_clash: Callable[[str, str], str]
    renamed: list[tuple[str, str, str]] = attrs.field(factory=list)

    def entry(self, there: Mapped | Listed, kind: str, name: str, value: object) -> str:
        """Put an entry into a section; returns the name that it has there."""
        found = there.get(name)
        if found == value:
            return name
        if found is not None and self._decide(kind, name) == "rename":
            given = next(
                free
                for number in range(1, len(there) + 2)
                if there.get(free := f"{name}-{number}") is None or there.get(free) == value
            )
            self.renamed.append((kind, name, given))
            name = given
        there.put(name, value)
        return name

    def _decide(self, kind: str, name: str) -> str:
        decided = self.on_clash(kind, name)
        if decided not in {"rename", "overwrite"}:
            raise InvalidInputError(f'on_clash must be "rename" or "overwrite", not {decided!r}')
        return decided

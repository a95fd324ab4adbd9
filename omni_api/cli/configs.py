"""Where a config goes: into the file of a tool, into a file of its own, or out.

What stands in it, the server decides; how it is merged and written, `omni_api.client_configs`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import attrs
import click

from omni_api.cli.exits import Exit
from omni_api.cli.failures import Failure
from omni_api.cli.output import printable
from omni_api.cli.session import Session
from omni_api.client_configs import Clash, Merged, OnClash, save_config

__all__ = ["Place", "place_options", "told"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def place_options(*, merge: bool) -> Callable[[FunctionT], FunctionT]:
    """Give a command the path and the flags from which `Place.of` is made.

    Args:
        merge: Whether to merge where nothing is said about it.
    """
    path = click.argument(
        "path",
        type=click.Path(allow_dash=True, path_type=Path),
        required=False,
        help="File, or directory of the file; `-` for standard output.",
    )
    merging = click.option(
        "-m",
        "--merge/--no-merge",
        default=merge,
        help=f"Merge into a file.  [default: {'merge' if merge else 'no-merge'}]",
    )
    force = click.option(
        "-f", "--force", is_flag=True, help="Replace a file, or entries of the same name."
    )
    return lambda function: path(merging(force(function)))


@attrs.frozen(kw_only=True)
class Place:
    """Where a config goes.

    Attributes:
        kind: What it is, such as "kubeconfig".
        path: The file; None for standard output.
        merge: Whether it is merged into what is there.
        force: Whether it replaces what is there.
    """

    kind: str
    path: Path | None
    merge: bool
    force: bool

    @classmethod
    def of(cls, kind: str, path: Path | None, *, merge: bool, force: bool, home: Path) -> Place:
        """Decide it before the server is asked for anything.

        Args:
            kind: What it is; a file of its own is called so.
            path: What was said on the command line.
            merge: Whether to merge.
            force: Whether to replace.
            home: The file to merge into where none is named.

        Raises:
            Failure: There is such a file already.
        """
        if str(path) == "-":
            return cls(kind=kind, path=None, merge=False, force=force)
        target = path or (home if merge else Path(kind))
        if target.is_dir():
            target /= kind
        if not merge and not force and os.path.lexists(target):
            raise Failure(
                f'{kind} file already exists, use --force to overwrite: "{target}"', Exit.USAGE
            )
        return cls(kind=kind, path=target, merge=merge, force=force)

    def on_clash(self, session: Session) -> OnClash:
        """Return what happens to a name that is taken: a person is asked."""
        if self.force:
            return "overwrite"
        return self._asked if session.interactive else "rename"

    def _asked(self, kind: str, name: str) -> Clash:
        answer: Literal["rename", "overwrite", "r", "o"] = click.prompt(
            f'{kind} "{printable(name)}" is in {self.path} already: (r)ename/(o)verwrite',
            type=click.Choice(["rename", "overwrite", "r", "o"], case_sensitive=False),
            show_choices=False,
            default="r",
            err=True,
        )
        return "overwrite" if answer.startswith("o") else "rename"

    def put(
        self,
        session: Session,
        data: bytes,
        merge: Callable[[Path], Merged],
        *,
        secret: bool = False,
    ) -> None:
        """Bring a config there.

        Args:
            session: The session.
            data: The config.
            merge: What merges it into a file.
            secret: Whether whoever reads the file gets into a cluster.
        """
        if self.path is None:
            _printed(session, data)
            return
        if self.merge:
            merged = merge(self.path)
            told(session, self.kind, merged)
            file = merged.path
        else:
            file = save_config(data, self.path, overwrite=self.force)
            session.note(f"wrote {file}")
            if session.output in ("json", "yaml"):
                session.out.document({"path": file})
            elif session.output == "name":
                session.out.line(printable(str(file)))
        if secret and file.stat().st_mode & stat.S_IROTH:
            session.warn(f"it holds a secret, and everybody here can read it: chmod 600 {file}")


def told(session: Session, kind: str, merged: Merged) -> None:
    """Say what merging did; programs get it as an answer."""
    for entry in merged.renamed:
        session.note(f"renamed {kind} {entry.kind} {entry.old} -> {entry.new}")
    used = f', context "{merged.context}" is used from now on' if merged.context else ""
    session.note(f"merged {kind} into {merged.path}{used}")
    if session.output in ("json", "yaml"):
        session.out.document(merged)
    elif session.output == "name":
        session.out.line(printable(merged.context))


def _printed(session: Session, data: bytes) -> None:
    text = data.decode(errors="replace")
    if session.output == "json":
        import yaml

        session.out.document(yaml.safe_load(text))
    else:
        session.out.line(printable(text).rstrip("\n"))

"""Does the same to several things that a command names: what one refusal means for the others.

A refusal of one says nothing about the next, so the next is tried. What would stop all of them (no
server, no permission, a client that must not change anything) ends the command at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from omni_api.cli.exits import Exit, status_of
from omni_api.cli.failures import Failure, paragraph
from omni_api.cli.session import Session
from omni_api.errors import CallError

__all__ = ["each"]

_ABOUT_ONE: Final = (Exit.REFUSED, Exit.NOT_FOUND)


def each(session: Session, names: Sequence[str], act: Callable[[str], None], done: str) -> None:
    """Do something to each of several things, and tell how each one went.

    Args:
        session: Where to tell it.
        names: What the things are called.
        act: What to do to one.
        done: What was done, for example `destroyed user`; the name follows.

    Raises:
        CallError: The only one was refused, or nothing can be done at this time.
        Failure: Some of several were refused; its status is that of the first one.
    """
    names = tuple(dict.fromkeys(names))
    refused: list[CallError] = []
    for name in names:
        try:
            act(name)
        except CallError as error:
            if len(names) == 1 or status_of(error) not in _ABOUT_ONE:
                raise
            refused.append(error)
            session.warn(f"{name}: {paragraph(error)}")
        else:
            session.note(f"{done} {name}")
    if refused:
        raise Failure(
            f"{len(refused)} of {len(names)} could not be done, as said above; the others are done",
            status_of(refused[0]),
        )

"""Finds the join token that a command names, by id or by name; its id is a secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from omni_api import JoinToken, JoinTokenState
from omni_api.cli.exits import Exit
from omni_api.cli.failures import Failure
from omni_api.cli.names import JOIN_TOKEN
from omni_api.cli.session import Session

__all__ = ["chosen", "found", "state", "token_option"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def token_option(function: FunctionT) -> FunctionT:
    """Give a command `--token-id` and `--token-name`; `chosen` takes what they say."""
    by_id = click.option("--token-id", help="Id of the join token.  [default: the default token]")
    by_name = click.option(
        "--token-name", type=JOIN_TOKEN, help="Name of the join token, instead of its id."
    )
    return by_id(by_name(function))


def found(session: Session, wanted: str) -> JoinToken:
    """Return the token of this id, or the only one of this name."""
    tokens = session.client().join_tokens.list(timeout=session.patience)
    fitting = [token for token in tokens if token.id == wanted] or [
        token for token in tokens if token.name == wanted
    ]
    if not fitting:
        # What was typed may be a secret, so it is not repeated.
        raise Failure(
            "there is no such join token; `omni-api jointoken list` shows them", Exit.NOT_FOUND
        )
    if len(fitting) > 1:
        raise Failure(f'{len(fitting)} join tokens are called "{wanted}": take an id', Exit.USAGE)
    return fitting[0]


def chosen(session: Session, token_id: str | None, token_name: str | None) -> str:
    """Return the id that was asked for, or nothing for the default token.

    The server looks up no id and would make a config that lets nobody in, so it is done here.
    """
    if token_id and token_name:
        raise click.UsageError("--token-id and --token-name exclude each other.")
    wanted = token_id or token_name
    if not wanted:
        return ""
    token = found(session, wanted)
    if token.state != JoinTokenState.ACTIVE:
        session.warn(f'no machine can join with token "{token.name}": it is {state(token)}')
    return token.id


def state(token: JoinToken) -> str:
    """Return the state of a token, as the official tool writes it."""
    return token.state.name if isinstance(token.state, JoinTokenState) else str(token.state)

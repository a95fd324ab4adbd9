"""`omni-api jointoken`: the secrets with which machines join, and what is made with them.

The id of a token is the secret itself. Lists have to show it, as in the official tool; messages
name a token by its name.
"""

from __future__ import annotations

from datetime import timedelta

import click

from omni_api import JoinToken
from omni_api.cli.names import JOIN_TOKEN
from omni_api.cli.options import Group
from omni_api.cli.output import Column, printable
from omni_api.cli.parameters import DURATION
from omni_api.cli.session import Session, pass_session
from omni_api.cli.tokens import chosen, found, state, token_option

_COLUMNS: tuple[Column[JoinToken], ...] = (
    ("ID", lambda token: token.id),
    ("NAME", lambda token: token.name),
    ("STATE", state),
    ("EXPIRATION", lambda token: token.expires or "never"),
    ("USE COUNT", lambda token: token.use_count),
    ("DEFAULT", lambda token: "*" if token.is_default else ""),
)

_token = click.argument(
    "token", type=JOIN_TOKEN, help="Id of the token, or its name if no other one has it."
)
_yes = click.option("-y", "--yes", is_flag=True, help="Do not ask, whatever machines need it.")
_tunnel = click.option(
    "--use-grpc-tunnel", is_flag=True, help="Reach Omni through a gRPC tunnel instead of UDP."
)


@click.group(cls=Group)
def command() -> None:
    """List, create, revoke and use the tokens with which machines join.

    A token's id is the secret itself. Reading needs the role Reader, all else Admin.
    """


@command.command("list", aliases=("l", "ls"))
@pass_session
def listing(session: Session) -> None:
    """List the join tokens. The ids are secrets.

    \b
    Examples:
      omni-api jointoken list
    """
    tokens = session.client().join_tokens.list(timeout=session.patience)
    session.out.show(tokens, _COLUMNS, name=lambda token: token.id)


@command.command(aliases=("c",))
@click.argument("name", help="What to call it, at most 16 bytes.")
@click.option(
    "-t", "--ttl", type=DURATION, default="0", help="How long it is valid.  [default: for ever]"
)
@pass_session
def create(session: Session, *, name: str, ttl: timedelta) -> None:
    """Create a join token and print it.

    \b
    Examples:
      omni-api jointoken create rack-7 --ttl 720h
    """
    token = session.client().join_tokens.create(name, ttl or None)
    if session.output in ("json", "yaml"):
        session.out.document(token)
    else:
        session.out.line(printable(token.id))


@command.command()
@_token
@click.option("-t", "--ttl", type=DURATION, required=True, help="How long it is valid from now.")
@pass_session
def renew(session: Session, *, token: str, ttl: timedelta) -> None:
    """Let a join token expire later, or earlier.

    \b
    Examples:
      omni-api jointoken renew rack-7 --ttl 720h
    """
    if not ttl:
        raise click.UsageError("--ttl has to be longer than 0.")
    one = found(session, token)
    expires = session.client().join_tokens.renew(one.id, ttl)
    session.note(f'token "{one.name}" expires at {expires:%Y-%m-%d %H:%M:%S} UTC')


@command.command()
@_token
@_yes
@pass_session
def revoke(session: Session, *, token: str, yes: bool) -> None:
    """Let no machine join with a token any more.

    Where machines need the token, they are listed, and you are asked.

    \b
    Examples:
      omni-api jointoken revoke rack-7
    """
    one = found(session, token)
    _warned(session, one, f'Revoke token "{one.name}"?', yes=yes)
    session.client().join_tokens.revoke(one.id)
    session.note(f'token "{one.name}" was revoked')


@command.command(aliases=("ur",))
@_token
@pass_session
def unrevoke(session: Session, token: str) -> None:
    """Let machines join again with a token that was revoked.

    \b
    Examples:
      omni-api jointoken unrevoke rack-7
    """
    one = found(session, token)
    session.client().join_tokens.unrevoke(one.id)
    session.note(f'token "{one.name}" was unrevoked')


@command.command(aliases=("md",))
@_token
@pass_session
def make_default(session: Session, token: str) -> None:
    """Make a token the one that is used where none is named.

    \b
    Examples:
      omni-api jointoken make-default rack-7
    """
    one = found(session, token)
    session.client().join_tokens.make_default(one.id)
    session.note(f'token "{one.name}" is now default')


@command.command(aliases=("d", "destroy"))
@_token
@_yes
@pass_session
def delete(session: Session, *, token: str, yes: bool) -> None:
    """Remove a join token for good.

    Where machines need the token, they are listed, and you are asked.

    \b
    Examples:
      omni-api jointoken delete rack-7
    """
    one = found(session, token)
    _warned(session, one, f'Delete token "{one.name}"?', yes=yes)
    session.client().join_tokens.destroy(one.id)
    session.note(f'deleted join token "{one.name}"')


@command.command()
@token_option
@_tunnel
@pass_session
def machine_config(
    session: Session, *, token_id: str | None, token_name: str | None, use_grpc_tunnel: bool
) -> None:
    """Print the machine config with which a machine joins. It holds the token.

    \b
    Examples:
      omni-api jointoken machine-config > join.yaml
      omni-api jointoken machine-config --token-name rack-7 --use-grpc-tunnel
    """
    joining = session.client().management.get_machine_join_config(
        join_token=chosen(session, token_id, token_name), use_grpc_tunnel=use_grpc_tunnel
    )
    if session.output in ("json", "yaml"):
        session.out.document({"config": joining.config})
    else:
        session.out.line(printable(joining.config).rstrip("\n"))


@command.command()
@token_option
@_tunnel
@pass_session
def kernel_args(
    session: Session, *, token_id: str | None, token_name: str | None, use_grpc_tunnel: bool
) -> None:
    """Print the kernel arguments with which a machine joins. They hold the token.

    \b
    Examples:
      omni-api jointoken kernel-args
      omni-api jointoken kernel-args --token-name rack-7 -o json
    """
    joining = session.client().management.get_machine_join_config(
        join_token=chosen(session, token_id, token_name), use_grpc_tunnel=use_grpc_tunnel
    )
    if session.output in ("json", "yaml"):
        session.out.document(joining.kernel_args)
    else:
        session.out.line(printable(" ".join(joining.kernel_args)))


def _warned(session: Session, token: JoinToken, question: str, *, yes: bool) -> None:
    """Ask if machines would lose their connection."""
    for warning in token.warnings:
        session.warn(f"machine {warning.machine}: {warning.message}")
    if token.warnings:
        session.confirm(question, yes=yes)

"""`omni-api serviceaccount`: accounts of programs, and their keys.

Where a new key goes, `keys.py` decides.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from omni_api import PgpPublicKey, ServiceAccount, ServiceAccountKey
from omni_api.cli.keys import KeyPlace
from omni_api.cli.names import SERVICE_ACCOUNT
from omni_api.cli.options import Group
from omni_api.cli.output import Column
from omni_api.cli.parameters import DURATION
from omni_api.cli.session import Session, pass_session
from omni_api.cli.several import each

# One row for each key; of the account only the first row tells.
_Row = tuple[ServiceAccount | None, PgpPublicKey]

_COLUMNS: tuple[Column[_Row], ...] = (
    ("NAME", lambda row: row[0] and row[0].name),
    ("ROLE", lambda row: row[0] and row[0].role),
    ("LAST ACTIVE", lambda row: row[0] and (row[0].last_active or "Never")),
    ("PUBLIC KEY ID", lambda row: row[1].id),
    ("KEY CREATED", lambda row: row[1].created or "-"),
    ("KEY LAST ACTIVE", lambda row: row[1].last_used or "Never"),
    ("EXPIRATION", lambda row: row[1].expiration or "-"),
)

_ttl = click.option(
    "-t",
    "--ttl",
    type=DURATION,
    default="8760h",
    show_default=True,
    help="How long the key is valid, at most a year.",
)
_key_file = click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the variables into this file of mode 0600 instead of showing them.",
)
_force = click.option("-f", "--force", is_flag=True, help="Replace the key file if it exists.")


@click.group(cls=Group)
def command() -> None:
    """List, create, renew and remove service accounts.

    A service account lets a program use Omni. All of it needs a key of the role Admin.
    """


@command.command("list", aliases=("l", "ls"))
@pass_session
def listing(session: Session) -> None:
    """List the service accounts, with a row for each of their keys.

    An account without keys has no row; JSON and YAML show it. What was created or removed a moment
    ago may be missing or still be there.

    \b
    Examples:
      omni-api serviceaccount list
      omni-api sa list -o json
    """
    accounts = session.client().management.list_service_accounts().service_accounts
    if session.output == "table":
        rows = [
            (account if number == 0 else None, key)
            for account in accounts
            for number, key in enumerate(account.pgp_public_keys)
        ]
        session.out.show(rows, _COLUMNS, name=lambda row: row[1].id)
    else:
        session.out.show(accounts, (), name=lambda account: account.name)


@command.command(aliases=("c",))
@click.argument("name", help="Lower-case, such as `ci`, or `infra-provider:NAME`.")
@_ttl
@click.option("-r", "--role", default="", help="Role, such as Reader, Operator or Admin.")
@click.option(
    "-u/-U",
    "--use-user-role/--no-use-user-role",
    default=None,
    help="Give it your role, which is Admin, whatever --role says.  [default: if there is no "
    "--role]",
)
@_key_file
@_force
@pass_session
def create(
    session: Session,
    *,
    name: str,
    ttl: timedelta,
    role: str,
    use_user_role: bool | None,
    key_file: Path | None,
    force: bool,
) -> None:
    """Create a service account, and show its key this once.

    The key is made on this machine. Standard output gets OMNI_ENDPOINT and
    OMNI_SERVICE_ACCOUNT_KEY as lines for a shell and nothing else; with --key-file the file gets
    them.

    Without --role the account may do what you may, and that is everything. Other than omnictl, a
    --role that is given counts without --use-user-role=false, too.

    \b
    Examples:
      omni-api serviceaccount create ci --role Operator --ttl 720h --key-file ci.env
      omni-api sa c backup -r Reader
      omni-api sa c robot --use-user-role=false --role Reader -o json
    """
    if use_user_role is None:
        use_user_role = not role
    if not use_user_role and not role:
        raise click.UsageError("Without --use-user-role, --role has to say the role.")
    if use_user_role:
        session.warn(
            f"the key of {name} may do everything (role Admin); --role Reader makes a harmless one"
        )
    key = ServiceAccountKey.generate(name, ttl)
    with KeyPlace(session, key_file, force=force) as place:
        session.client().management.create_service_account(
            name=name,
            role=role,
            use_user_role=use_user_role,
            armored_pgp_public_key=key.armored_public_key,
        )
        session.note(f'created service account "{name}" with public key {key.fingerprint}')
        place.hand_out(key)


@command.command(aliases=("r",))
@click.argument("name", type=SERVICE_ACCOUNT, help="Name of the account.")
@_ttl
@_key_file
@_force
@pass_session
def renew(
    session: Session, *, name: str, ttl: timedelta, key_file: Path | None, force: bool
) -> None:
    """Give a service account a further key, and show it this once.

    The older keys stay valid until they expire.

    \b
    Examples:
      omni-api serviceaccount renew ci --ttl 720h --key-file ci.env --force
    """
    with KeyPlace(session, key_file, force=force) as place:
        key = session.client().service_accounts.renew(name, ttl)
        session.note(f'renewed service account "{name}" with public key {key.fingerprint}')
        place.hand_out(key)


@command.command(aliases=("d", "delete"))
@click.argument(
    "names", type=SERVICE_ACCOUNT, nargs=-1, required=True, metavar="NAME...", help="Their names."
)
@pass_session
def destroy(session: Session, names: tuple[str, ...]) -> None:
    """Remove service accounts; their keys are refused from then on.

    \b
    Examples:
      omni-api serviceaccount destroy ci
    """
    each(
        session,
        names,
        lambda name: session.client().management.destroy_service_account(name=name),
        "destroyed service account:",
    )

"""`omni-api user`: the accounts of people. Columns and verbs are those of the official tool."""

from __future__ import annotations

import click

from omni_api import User
from omni_api.cli.names import USER
from omni_api.cli.options import Group
from omni_api.cli.output import Column
from omni_api.cli.session import Session, pass_session
from omni_api.cli.several import each

_COLUMNS: tuple[Column[User], ...] = (
    ("ID", lambda user: user.id),
    ("EMAIL", lambda user: user.email),
    ("ROLE", lambda user: user.role),
    ("LAST ACTIVE", lambda user: user.last_active or "Never"),
    ("LABELS", lambda user: ", ".join(f"{key}={text}" for key, text in user.saml_labels.items())),
)


@click.group(cls=Group)
def command() -> None:
    """List, create and remove the accounts of people.

    All of it needs a key of the role Admin.
    """


@command.command("list", aliases=("l", "ls"))
@pass_session
def listing(session: Session) -> None:
    """List all users. Service accounts are not among them.

    \b
    Examples:
      omni-api user list
      omni-api user list -o name
    """
    users = session.client().management.list_users().users
    session.out.show(users, _COLUMNS, name=lambda user: user.email)


@command.command(aliases=("c",))
@click.argument("email")
@click.option("-r", "--role", required=True, help="Role, such as Reader, Operator or Admin.")
@pass_session
def create(session: Session, email: str, role: str) -> None:
    """Create a user.

    \b
    Examples:
      omni-api user create ana@example.org --role Operator
    """
    made = session.client().management.create_user(email=email, role=role)
    session.note(f"created user {email}")
    if session.output in ("json", "yaml"):
        session.out.document({"id": made.user_id, "email": email, "role": role})


@command.command()
@click.argument("email", type=USER)
@click.option("-r", "--role", required=True, help="Role, such as Reader, Operator or Admin.")
@pass_session
def set_role(session: Session, email: str, role: str) -> None:
    """Give a user another role; it takes full effect with the next login.

    \b
    Examples:
      omni-api user set-role ana@example.org --role Reader
    """
    session.client().management.update_user(email=email, role=role)
    session.note(f"{email} has the role {role}")


@command.command(aliases=("destroy", "d"))
@click.argument("emails", nargs=-1, required=True, type=USER, metavar="EMAIL...")
@pass_session
def delete(session: Session, emails: tuple[str, ...]) -> None:
    """Remove users.

    Of several, those that can be removed are; the exit status is that of the first refusal.

    \b
    Examples:
      omni-api user delete ana@example.org ben@example.org
    """
    each(
        session,
        emails,
        lambda email: session.client().management.destroy_user(email=email),
        "destroyed user",
    )

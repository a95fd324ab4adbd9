"""`omni-api machine`: power and Talos of single machines. What cannot be taken back is asked for.

The lines of a machine that is worked on go to standard error, as the official tool has them.
"""

from __future__ import annotations

import click

from omni_api import MaintenanceStep, Stream
from omni_api.cli.names import MACHINE
from omni_api.cli.options import Group
from omni_api.cli.session import Session, pass_session
from omni_api.cli.several import each

_machine = click.argument("machine", type=MACHINE, metavar="ID", help="Id of the machine.")
_machines = click.argument(
    "machines", type=MACHINE, nargs=-1, required=True, metavar="ID...", help="Ids of machines."
)
_yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.group(cls=Group)
def command() -> None:
    """Switch machines off and on, install and upgrade them.

    All of it needs the role Operator; reset-node-unique-token needs Admin.
    """


@command.command(aliases=("power-off", "poweroff"))
@_machines
@_yes
@pass_session
def shutdown(session: Session, machines: tuple[str, ...], *, yes: bool) -> None:
    """Shut machines down.

    \b
    Examples:
      omni-api machine shutdown 10001802-c798-4da7-a410-f09abb48c8d8
      omni-api machine shutdown 10001802-c798-4da7-a410-f09abb48c8d8 --yes
    """
    session.confirm(f"Shut down {_named(machines)}?", yes=yes)
    each(
        session,
        machines,
        lambda machine: session.client().management.machine_power_off(machine_id=machine),
        "shut down machine",
    )


@command.command(aliases=("poweron",))
@_machines
@pass_session
def power_on(session: Session, machines: tuple[str, ...]) -> None:
    """Switch machines on that an infrastructure provider manages.

    \b
    Examples:
      omni-api machine power-on 10001802-c798-4da7-a410-f09abb48c8d8
    """
    each(
        session,
        machines,
        lambda machine: session.client().management.machine_power_on(machine_id=machine),
        "switched on machine",
    )


@command.command()
@_machine
@click.option("--disk", required=True, help="Disk to install on, such as /dev/sda.")
@click.option("--version", default="", help="Talos version.  [default: the one that runs]")
@_yes
@pass_session
def install(session: Session, *, machine: str, disk: str, version: str, yes: bool) -> None:
    """Install Talos on the disk of a machine in maintenance mode.

    What is on the disk is lost. The work goes on when this command is interrupted.

    \b
    Examples:
      omni-api machine install 10001802-c798-4da7-a410-f09abb48c8d8 --disk /dev/sda
    """
    session.confirm(
        f"Install Talos on {disk} of machine {machine}? What is on that disk is lost.", yes=yes
    )
    _watch(
        session,
        session.client().machines.install(
            machine, disk=disk, version=version, timeout=session.timeout
        ),
    )


@command.command()
@_machine
@click.option("--version", required=True, help="Talos version.")
@pass_session
def upgrade(session: Session, *, machine: str, version: str) -> None:
    """Upgrade the Talos that is installed on a machine in maintenance mode.

    It needs Talos 1.13 or newer there. The work goes on when this command is interrupted.

    \b
    Examples:
      omni-api machine upgrade 10001802-c798-4da7-a410-f09abb48c8d8 --version 1.13.8
    """
    _watch(
        session,
        session.client().machines.upgrade(machine, version=version, timeout=session.timeout),
    )


@command.command()
@_machine
@click.option("--version", required=True, help="Talos version.")
@pass_session
def maintenance_upgrade(session: Session, *, machine: str, version: str) -> None:
    """Boot a machine in maintenance mode into another Talos version.

    The command ends as soon as the machine has accepted.

    \b
    Examples:
      omni-api machine maintenance-upgrade 10001802-c798-4da7-a410-f09abb48c8d8 --version 1.13.8
    """
    session.client().management.maintenance_upgrade(machine_id=machine, version=version)
    session.note(f"machine {machine} upgrades to Talos {version.removeprefix('v')}")


@command.command()
@_machines
@_yes
@pass_session
def reset_node_unique_token(session: Session, machines: tuple[str, ...], *, yes: bool) -> None:
    """Let machines that lost their own token join again.

    The next machine that joins with such an id is taken for it.

    \b
    Examples:
      omni-api machine reset-node-unique-token 10001802-c798-4da7-a410-f09abb48c8d8 --yes
    """
    session.confirm(f"Reset the unique token of {_named(machines)}?", yes=yes)
    each(
        session,
        machines,
        lambda machine: session.client().management.reset_node_unique_token(id=machine),
        "reset the unique token of machine",
    )


def _named(machines: tuple[str, ...]) -> str:
    if len(machines) == 1:
        return f"machine {machines[0]}"
    return f"{len(machines)} machines ({', '.join(machines)})"


def _watch(session: Session, steps: Stream[MaintenanceStep]) -> None:
    """Tell the steps of an operation; programs get all of them when it is over."""
    told: list[MaintenanceStep] = []
    try:
        with steps as stream:
            for step in stream:
                told.append(step)
                session.note(str(step))
    except KeyboardInterrupt:
        session.note("the work on the machine goes on")
        raise
    if session.output in ("json", "yaml"):
        session.out.document(told)

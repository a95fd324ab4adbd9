"""Logs of machines as records, and the installation and upgrade of machines in maintenance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omni_api._core import arguments
from omni_api._core.call import Call, StreamCall
from omni_api._core.durations import UNSET, Timeout, Unset
from omni_api._core.followed_log import LogCalls
from omni_api._core.log_following import followed_lines
from omni_api._core.log_history import stored_lines
from omni_api._core.log_position import REMEMBERED
from omni_api._core.reading import value
from omni_api._core.steps import Composite, Position
from omni_api._gen import calls
from omni_api._gen.common_pb2 import Data
from omni_api._gen.models import MaintenanceOperation, MaintenanceProgress
from omni_api.errors import InvalidInputError
from omni_api.machine_log import LogRecord
from omni_api.maintenance import MaintenanceStep, step_reader, told_steps


def logs(
    machine_id: str | Iterable[str],
    *,
    tail: int = -1,
    follow: bool = False,
    timeout: Timeout = UNSET,
) -> Composite[LogRecord]:
    """Read the log of a machine, or of several in the order of their times.

    A followed log goes on through lost connections and restarts of the server: it is opened
    again, and its lines are compared with the last ones that came, since they have no ids. Where
    they do not say where to go on (the server keeps about 5000 lines, and some logs have no
    times), lines may be missing or come twice; then the next one has `after_gap` set, and a
    warning is logged.

    The lines of one machine keep their order. A line without time stays behind its predecessor.
    When several logs are followed, a line waits up to a quarter of a second for older ones of
    other machines, and longer while those still send stored lines.

    Args:
        machine_id: Id of a machine, or of several.
        tail: How many stored lines of each machine come first: 0 for none, a negative number for
            all (the default).
        follow: Wait for new lines after the stored ones.
        timeout: Seconds or timedelta for the whole stream, None for no limit (the default).

    Returns:
        A stream of `LogRecord`. It ends after the stored lines; with `follow` when every machine
        was removed.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        NotFoundError: A machine has no log. Nothing is read of the others then.
        PermissionDeniedError: The role is below `Reader`.
        CallError: The server refused for another reason, or a stream broke that cannot go on.

    Example:
        >>> with omni.machines.logs(machine_id, tail=3) as records:
        ...     for record in records:
        ...         assert record.time.tzinfo is UTC and record.level and record.message
        >>> records.chunks
        3
    """
    machine_ids = _machines(machine_id)
    arguments.boolean("follow", follow)
    arguments.integer("tail", tail, "int32")
    position = Position()
    if follow:
        followed = [_followed(one, tail, timeout) for one in machine_ids]
        # Checked with the calls: what they hold is seconds.
        limit = followed[0].first.timeout
        steps = followed_lines(
            followed, timeout=None if isinstance(limit, Unset) else limit, position=position
        )
    else:
        steps = stored_lines({one: _lines(one, tail, timeout=timeout) for one in machine_ids})
    return Composite(name="machines.logs", steps=steps, size=_size, position=position)


def _machines(machine_id: str | Iterable[str]) -> Sequence[str]:
    if isinstance(machine_id, str):
        return [machine_id]
    several = list(machine_id) if isinstance(machine_id, Iterable) else machine_id
    machine_ids = arguments.texts("machine_id", several)
    if not machine_ids:
        raise InvalidInputError("machine_id must name at least one machine")
    for one in machine_ids:
        if machine_ids.count(one) > 1:
            raise InvalidInputError(f"machine_id must name each machine once, but repeats {one!r}")
    return machine_ids


def _followed(machine_id: str, tail: int, timeout: Timeout) -> LogCalls:
    # Without history it begins a little before its end: so no line is lost in between.
    beginning = tail or 2 * REMEMBERED
    return LogCalls(
        machine_id=machine_id,
        history=tail != 0,
        look=_lines(machine_id, 1 if tail else REMEMBERED, timeout=timeout),
        first=_lines(machine_id, beginning, follow=True, timeout=timeout),
        again=_lines(machine_id, -1, follow=True, timeout=timeout),
    )


def _lines(
    machine_id: str, tail: int, *, follow: bool = False, timeout: Timeout
) -> StreamCall[LogRecord]:
    call = calls.machine_logs(
        machine_id=machine_id, tail_lines=tail, follow=follow, timeout=timeout
    )

    def record(message: Data) -> LogRecord:
        return LogRecord(raw=message.bytes, machine_id=machine_id)

    return call.read_by(value(Data, record, call.method.path), _size)


def _size(record: LogRecord) -> int:
    return len(record.raw)


def install(
    machine_id: str, *, disk: str, version: str = "", timeout: Timeout = UNSET
) -> Composite[MaintenanceStep]:
    """Install Talos on the disk of a machine in maintenance mode, and watch it.

    The work does not need the stream: it goes on when the stream is closed or breaks, and
    until it is done a second call meets `FailedPreconditionError`.

    Args:
        machine_id: Id of the machine.
        disk: The disk to install on, for example `/dev/sda`. What is on it is lost.
        version: Talos version, with or without `v`. Default: the one that runs in memory.
        timeout: Seconds or timedelta for the whole stream, None for no limit (the default).

    Returns:
        A stream of `MaintenanceStep`; it ends when the machine reboots.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        ReadOnlyError: The client is read-only. Nothing was sent.
        NotFoundError: There is no such machine.
        FailedPreconditionError: The machine is not in maintenance mode, has Talos already, runs
            a Talos older than 1.13, cannot move to this version, or is worked on at this moment.
        PermissionDeniedError: The role is below `Operator`.
        UnimplementedError: The server is older than Omni 1.9.
        CallError: The installer failed, the server refused for another reason, or the stream
            broke. Where `outcome_unknown` is True the work may be going on.

    Example:
        >>> with omni.machines.install(spare_machine_id, disk="/dev/sda") as steps:
        ...     for step in steps:
        ...         assert step.origin in {"omni", "talos"} and step.text
        >>> print(step)
        [omni] rebooting machine to boot into installed Talos
    """
    arguments.text("disk", disk, empty=False)
    return _maintained(
        "install",
        calls.maintenance_lifecycle(
            machine_id=machine_id,
            operation=MaintenanceOperation.INSTALL,
            disk=disk,
            version=version,
            timeout=timeout,
        ),
        machine_id,
    )


def upgrade(
    machine_id: str, *, version: str, timeout: Timeout = UNSET
) -> Composite[MaintenanceStep]:
    """Upgrade the Talos that is installed on a machine in maintenance mode, and watch it.

    The work does not need the stream: it goes on when the stream is closed or breaks, and
    until it is done a second call meets `FailedPreconditionError`.

    Args:
        machine_id: Id of the machine.
        version: Talos version, with or without `v`.
        timeout: Seconds or timedelta for the whole stream, None for no limit (the default).

    Returns:
        A stream of `MaintenanceStep`; it ends when the machine reboots.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        ReadOnlyError: The client is read-only. Nothing was sent.
        NotFoundError: There is no such machine.
        FailedPreconditionError: The machine is not in maintenance mode, has no Talos on its disk,
            runs a Talos older than 1.13, cannot move to this version, or is worked on at this
            moment.
        PermissionDeniedError: The role is below `Operator`.
        UnimplementedError: The server is older than Omni 1.9.
        CallError: The installer failed, the server refused for another reason, or the stream
            broke. Where `outcome_unknown` is True the work may be going on.

    Example:
        >>> from omni_api import FailedPreconditionError
        >>> try:
        ...     with omni.machines.upgrade(spare_machine_id, version="1.13.7") as steps:
        ...         for step in steps:
        ...             print(step)
        ... except FailedPreconditionError as error:
        ...     print(error.details)
        Talos is not installed on this machine; use OPERATION_INSTALL
    """
    arguments.text("version", version, empty=False)
    return _maintained(
        "upgrade",
        calls.maintenance_lifecycle(
            machine_id=machine_id,
            operation=MaintenanceOperation.UPGRADE,
            version=version,
            timeout=timeout,
        ),
        machine_id,
    )


def _maintained(
    name: str, call: Call[MaintenanceProgress], machine_id: str
) -> Composite[MaintenanceStep]:
    steps = told_steps(call.read_by(step_reader, _length), machine_id)
    return Composite(name=f"machines.{name}", steps=steps, size=_length)


def _length(step: MaintenanceStep) -> int:
    return len(str(step).encode())

"""How far the daemon has come, in a file that is always whole.

The file is written aside and renamed, so a crash leaves the old one or the new one. A damaged file
is an error and never a new start: that would repeat or lose events without a word. When to save is
`loop.py`'s to decide.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import attrs

from omni_api._disk import sync_directory
from omni_api.errors import ConfigurationError

_AN_ID = 2**63


class CheckpointError(ConfigurationError):
    """The checkpoint cannot be used as it is; the error says what to do."""


@attrs.frozen(kw_only=True)
class Checkpoint:
    """What is done with, so that another run can go on.

    Attributes:
        endpoint: URL of the server that the id belongs to.
        id: Id of the last event in the output, or the position before the first one.
        time: Time of that event; None before there is one.
        file: Name of the output file that holds it; None on standard output.
        length: Bytes of the file that are covered. What lies beyond comes again.
    """

    endpoint: str
    id: int
    time: datetime | None = None
    file: str | None = None
    length: int = 0


def to_json(checkpoint: Checkpoint) -> bytes:
    """Return the content of the file."""
    members = attrs.asdict(checkpoint)
    members["time"] = checkpoint.time and checkpoint.time.isoformat(timespec="milliseconds")
    return json.dumps(members, indent=2).encode() + b"\n"


def from_json(data: bytes) -> Checkpoint:
    """Read the content of the file; members that it does not know are ignored.

    Raises:
        ValueError: It is damaged.
    """
    members = json.loads(data)
    if not isinstance(members, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - it is damaged
    try:
        endpoint, id_, length = members["endpoint"], members["id"], members["length"]
        file, text = members["file"], members["time"]
        time = None if text is None else datetime.fromisoformat(text).astimezone(UTC)
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks {error} or has it wrong") from error
    if not isinstance(endpoint, str) or not all(
        type(number) is int and 0 <= number < _AN_ID for number in (id_, length)
    ):
        raise ValueError("endpoint, id or length is of the wrong form")
    # A name with a path in it could lead out of the directory.
    if file is not None and (not isinstance(file, str) or file != Path(file).name):
        raise ValueError("file is no name of a file")
    return Checkpoint(endpoint=endpoint, id=id_, time=time, file=file, length=length)


def load(path: Path, endpoint: str, *, any_endpoint: bool = False) -> Checkpoint | None:
    """Read the checkpoint of an earlier run.

    Args:
        path: The file.
        endpoint: URL of the server that is followed now.
        any_endpoint: Also take the checkpoint of another URL.

    Returns:
        The checkpoint, None where there is no file.

    Raises:
        CheckpointError: It is damaged, cannot be read, or is another server's.
    """
    try:
        found = from_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"cannot read the checkpoint {path}: {error.strerror}") from error
    except ValueError as error:
        reason = "it is no JSON" if isinstance(error, json.JSONDecodeError) else error
        raise CheckpointError(
            f"the checkpoint {path} is damaged ({reason}): restore it, or move it and the files "
            "that it covers away and choose with --start where to begin"
        ) from error
    if found.endpoint != endpoint and not any_endpoint:
        raise CheckpointError(
            f"the checkpoint {path} belongs to {found.endpoint}, not to {endpoint}, and ids of "
            "one server mean nothing on another; if it is the same server under a new URL, "
            "pass --force"
        )
    return attrs.evolve(found, endpoint=endpoint)


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the file; when this returns, it outlives a power cut.

    Raises:
        OSError: It cannot be written. The old file is still there.
    """
    # One daemon alone writes it: under a fixed name a killed one leaves nothing to sweep.
    aside = path.with_name(f".{path.name}.new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(to_json(checkpoint))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_directory(path.parent)

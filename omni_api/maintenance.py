"""One step of the installation or upgrade of a machine, as Omni tells it.

Decides what a line of progress means, and what an interruption of the stream leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

from omni_api._core.call import Call
from omni_api._core.steps import END, Give, Ready, Steps, following, start
from omni_api.errors import CallError
from omni_api.rows import Value

__all__ = ["MaintenanceStep"]

_LINE = re.compile(r"\[(\w+)\] ?(.*)", re.DOTALL)
# What Omni answers when the installer itself came to an end.
_FAILED = ("installation failed:", "upgrade failed:")


@attrs.frozen(kw_only=True)
class MaintenanceStep(Value):
    """What is happening on a machine that is installed or upgraded.

    `str(step)` is the line as it came.

    Attributes:
        origin: Who tells it: "omni", or "talos" for the installer on the machine. Empty where
            the line does not say.
        text: What is happening, in words.

    Example:
        >>> from omni_api import MaintenanceStep
        >>> step = MaintenanceStep(origin="talos", text="copying boot assets")
        >>> print(step)
        [talos] copying boot assets
    """

    origin: str = ""
    text: str

    def __str__(self) -> str:
        return f"[{self.origin}] {self.text}" if self.origin else self.text


def step_reader() -> Callable[[bytes], MaintenanceStep]:
    """Return the reader of one stream."""
    from omni_api._core.reading import value
    from omni_api._gen.management_pb2 import MaintenanceLifecycleResponse

    def read(message: MaintenanceLifecycleResponse) -> MaintenanceStep:
        if found := _LINE.fullmatch(message.message):
            return MaintenanceStep(origin=found[1], text=found[2])
        return MaintenanceStep(text=message.message)

    return value(
        MaintenanceLifecycleResponse, read, "/management.ManagementService/MaintenanceLifecycle"
    )()


def told_steps(call: Call[MaintenanceStep], machine_id: str) -> Steps[None]:
    """Hand out the steps of an operation; if the stream breaks, say what goes on without it."""
    stream = yield from start(call)
    yield Ready()
    try:
        while (step := (yield from following(stream))) is not END:
            yield Give(step)
    except CallError as error:
        # Of an installer that failed Omni has told the end; so nothing goes on.
        if error.outcome_unknown and not error.details.startswith(_FAILED):
            error.hint = (
                f"The work on machine {machine_id} goes on without this stream, and until it is "
                'done Omni answers a second call with "already in progress". '
                f"{error.hint}"
            ).rstrip()
        raise

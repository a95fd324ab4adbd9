"""The operations that faults are tried on, each carried out to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sample_calls import one_machine

from omni_api.simulator import Simulator

Operation = Callable[[Any, Simulator, Path], Any]


def _follow(omni: Any, simulator: Simulator, _: Path) -> Any:
    with omni.audit_log.follow(checkpoint=simulator.state.audit.newest_id) as events:
        simulator.state.audit.record(None, "create", resource_type="Clusters")
        return next(events)


OPERATIONS: dict[str, Operation] = {
    "a unary call": lambda omni, *_: omni.management.list_users(),
    "audit_log.events": lambda omni, *_: list(omni.audit_log.events(search="talos-default")),
    "audit_log.follow": _follow,
    "audit_log.export": lambda omni, _, directory: omni.audit_log.export(directory),
    "support.save": lambda omni, _, directory: omni.support.save("talos-default", directory),
    "machines.logs": lambda omni, simulator, _: list(
        omni.machines.logs(one_machine(simulator), tail=3)
    ),
}
"""By name; each takes a client, the simulator and a directory for files."""

WRITING = {name: OPERATIONS[name] for name in ("audit_log.export", "support.save")}
"""Those that leave files in the directory."""

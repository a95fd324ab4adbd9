"""The audit log as typed events.

`omni.audit_log.events` reads them from a server; `EventReader` and `AuditEvent` read lines that
are at hand, for example in a file. Names are imported when first used, so that importing this
package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omni_api.audit.event import Actor as Actor
    from omni_api.audit.event import AuditEvent as AuditEvent
    from omni_api.audit.payloads import AccessPolicyChange as AccessPolicyChange
    from omni_api.audit.payloads import AuditLogAccess as AuditLogAccess
    from omni_api.audit.payloads import ClusterChange as ClusterChange
    from omni_api.audit.payloads import ConfigPatchChange as ConfigPatchChange
    from omni_api.audit.payloads import KubernetesAccess as KubernetesAccess
    from omni_api.audit.payloads import MachineChange as MachineChange
    from omni_api.audit.payloads import MachineConfigChange as MachineConfigChange
    from omni_api.audit.payloads import MachineLabelsChange as MachineLabelsChange
    from omni_api.audit.payloads import MachineSetChange as MachineSetChange
    from omni_api.audit.payloads import MachineSetNodeChange as MachineSetNodeChange
    from omni_api.audit.payloads import MigrationError as MigrationError
    from omni_api.audit.payloads import Payload as Payload
    from omni_api.audit.payloads import TalosAccess as TalosAccess
    from omni_api.audit.payloads import UnknownPayload as UnknownPayload
    from omni_api.audit.payloads import UserChange as UserChange
    from omni_api.audit.reader import EventReader as EventReader
    from omni_api.audit.reader import MalformedEvent as MalformedEvent
else:
    _MODULES = {
        "AccessPolicyChange": "payloads",
        "Actor": "event",
        "AuditEvent": "event",
        "AuditLogAccess": "payloads",
        "ClusterChange": "payloads",
        "ConfigPatchChange": "payloads",
        "EventReader": "reader",
        "KubernetesAccess": "payloads",
        "MachineChange": "payloads",
        "MachineConfigChange": "payloads",
        "MachineLabelsChange": "payloads",
        "MachineSetChange": "payloads",
        "MachineSetNodeChange": "payloads",
        "MalformedEvent": "reader",
        "MigrationError": "payloads",
        "Payload": "payloads",
        "TalosAccess": "payloads",
        "UnknownPayload": "payloads",
        "UserChange": "payloads",
    }

    def __getattr__(name):
        """Import a public name on its first use."""
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted([*globals(), *_MODULES])


__all__ = [
    "AccessPolicyChange",
    "Actor",
    "AuditEvent",
    "AuditLogAccess",
    "ClusterChange",
    "ConfigPatchChange",
    "EventReader",
    "KubernetesAccess",
    "MachineChange",
    "MachineConfigChange",
    "MachineLabelsChange",
    "MachineSetChange",
    "MachineSetNodeChange",
    "MalformedEvent",
    "MigrationError",
    "Payload",
    "TalosAccess",
    "UnknownPayload",
    "UserChange",
]

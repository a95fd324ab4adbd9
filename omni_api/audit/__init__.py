"""The audit log as typed events, and copies of it on disk.

`omni.audit_log.events` reads events from a server; `EventReader` and `AuditEvent` read lines that
are at hand, for example in a file. `omni.audit_log.export` answers with an `ExportResult` of
`DayFile`s, and `AuditExport` answers questions to such a copy. Names are imported when first used,
so that importing this package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omni_api.audit._export.manifest import DayFile as DayFile
    from omni_api.audit._export.manifest import ExportResult as ExportResult
    from omni_api.audit.archive import AuditExport as AuditExport
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
    from omni_api.audit.table import EventTable as EventTable
else:
    _MODULES = {
        "AccessPolicyChange": "payloads",
        "Actor": "event",
        "AuditEvent": "event",
        "AuditExport": "archive",
        "AuditLogAccess": "payloads",
        "ClusterChange": "payloads",
        "ConfigPatchChange": "payloads",
        "DayFile": "_export.manifest",
        "EventReader": "reader",
        "EventTable": "table",
        "ExportResult": "_export.manifest",
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
    "AuditExport",
    "AuditLogAccess",
    "ClusterChange",
    "ConfigPatchChange",
    "DayFile",
    "EventReader",
    "EventTable",
    "ExportResult",
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

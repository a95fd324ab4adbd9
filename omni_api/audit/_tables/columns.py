"""The columns of an audit event as a table, and where its JSON has them.

Decided once, for the parser of Arrow, for lines read one by one and for SQL: which column comes
from which member, that a text which is absent, empty or no text is null, and that a line without
a usable time is kept as `raw` alone.
"""

from __future__ import annotations

from typing import Final

import attrs

from omni_api.audit.payloads import CLUSTER_FIELDS, KINDS, MEMBERS

Path = tuple[str, ...]

TIME: Final[Path] = ("event_ts",)

_CLUSTERS: Final[dict[str, Path]] = {
    member: ("event_data", member, field)
    for member, kind in KINDS.items()
    if (field := CLUSTER_FIELDS.get(member, "cluster_id")) in attrs.fields_dict(kind)
}

# The events of one request share one data object, so several payloads may name a cluster. An
# event's own payload goes first: that of its resource, or of its kind where it has no resource.
OWN_CLUSTER: Final[dict[str, Path]] = {
    about: _CLUSTERS[member]
    for about, member in [*MEMBERS.items(), *((member, member) for member in KINDS)]
    if member in _CLUSTERS
}
"""Type of the resource, or of an event without one -> where its own payload names the cluster."""

TEXTS: Final[dict[str, tuple[Path, ...]]] = {
    "event_type": (("event_type",),),
    "resource_type": (("resource_type",),),
    "resource_id": (("resource_id",),),
    "cluster": tuple(_CLUSTERS.values()),
    "actor": (("event_data", "session", "email"),),
    "user_id": (("event_data", "session", "user_id"),),
    "role": (("event_data", "session", "role"),),
    "fingerprint": (("event_data", "session", "fingerprint"),),
    "user_agent": (("event_data", "session", "user_agent"),),
}
"""Columns of text: name -> members that may hold it. The first one that does wins, save that
`OWN_CLUSTER` goes before."""

NAMES: Final = ("time", *TEXTS, "raw")

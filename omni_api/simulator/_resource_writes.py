"""Changing resources: Update, Teardown and Destroy of cosi.resource.State, for join tokens.

Other types that users manage are not changed here: the fleet's own methods do that.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import grpc

from omni_api._gen import cosi_pb2, specs_pb2
from omni_api.simulator._call import Call, Handler, Refused, invalid, not_found, unknown
from omni_api.simulator._call import failed_precondition as conflict
from omni_api.simulator._resource_kinds import KINDS, SUFFIX
from omni_api.simulator._resources import denied, readable

if TYPE_CHECKING:
    from omni_api.simulator._fleet_objects import JoinToken
    from omni_api.simulator._resource import Resource

TOKENS, DEFAULT_TOKEN = "JoinTokens" + SUFFIX, "DefaultJoinTokens" + SUFFIX
_PHASES = ("running", "tearingDown")
_USER_MANAGED = tuple(
    name + SUFFIX for name in ("Clusters", "MachineSets", "MachineSetNodes", "MachineLabels")
)


def state_update(call: Call, request: Any) -> Any:
    if not request.HasField("options"):
        # Recorded: the server reads a field of the message that is not there, and panics.
        text = "runtime error: invalid memory address or nil pointer dereference"
        raise Refused(grpc.StatusCode.INTERNAL, text)
    about = request.new_resource.metadata
    if about.version != "undefined" and not about.version.isdecimal():
        raise unknown(
            f'error parsing version: strconv.ParseUint: parsing "{about.version}": invalid syntax'
        )
    if about.phase not in _PHASES:
        raise unknown(f"unknown phase: {about.phase}")
    _writable(call, about.type)
    with call.omni.changed:
        old = _existing(call, about)
        if request.options.HasField("expected_phase") and (
            request.options.expected_phase != old.phase
        ):
            raise invalid(f"resource {_name(old)} is not in phase {request.options.expected_phase}")
        if about.version != str(old.version):
            raise conflict(
                f'resource {_name(old)} update conflict: expected version "{about.version}", '
                f'actual version "{old.version}"'
            )
        change = _change_token if about.type == TOKENS else _change_default
        change(call, request.new_resource)
        new = KINDS[about.type].make(call.omni, about.id)
        if new.message().spec != old.message().spec:
            call.omni.audit.record(
                call, "update", resource_type=about.type, resource_id=about.id, data={}
            )
        call.omni.changed.notify_all()
    return cosi_pb2.UpdateResponse(resource=new.message())


def _change_token(call: Call, sent: Any) -> None:
    token = call.omni.fleet.join_tokens[sent.metadata.id]
    spec = specs_pb2.JoinTokenSpec.FromString(sent.spec.proto_spec)
    if spec.name != token.name and not spec.name:
        raise _refused("the join token name cannot be empty")
    expires = spec.HasField("expiration_time")
    token.expiration = spec.expiration_time.ToDatetime(tzinfo=UTC) if expires else None
    token.revoked, token.name = spec.revoked, spec.name
    token.labels, token.annotations = dict(sent.metadata.labels), dict(sent.metadata.annotations)
    token.finalizers = list(sent.metadata.finalizers)
    token.version, token.updated = token.version + 1, call.omni.now()


def _change_default(call: Call, sent: Any) -> None:
    fleet = call.omni.fleet
    spec = specs_pb2.DefaultJoinTokenSpec.FromString(sent.spec.proto_spec)
    if spec.token_id not in fleet.join_tokens:
        raise _refused(f'no token with id "{spec.token_id}" exists')
    fleet.default_join_token = spec.token_id
    fleet.default_join_token_version += 1


def state_teardown(call: Call, request: Any) -> Any:
    _writable(call, request.type)
    with call.omni.changed:
        token = _leaving(call, request)
        if not token.torn_down:
            token.torn_down, token.version = True, token.version + 1
            _removal(call, "teardown", token)
        return cosi_pb2.TeardownResponse(destroy_ready=not token.finalizers)


def state_destroy(call: Call, request: Any) -> Any:
    _writable(call, request.type)
    with call.omni.changed:
        token = _leaving(call, request)
        if token.finalizers:
            name = _name(_existing(call, request))
            pending = " ".join(token.finalizers)
            raise conflict(f"resource {name} has pending finalizers &[{pending}]")
        del call.omni.fleet.join_tokens[token.id]
        _removal(call, "destroy", token)
    return cosi_pb2.DestroyResponse()


def _writable(call: Call, type_: str) -> None:
    readable(call, type_)
    if type_ in _USER_MANAGED:
        text = f"the simulator does not change {type_}"
        raise Refused(grpc.StatusCode.UNIMPLEMENTED, text)
    if type_ not in (TOKENS, DEFAULT_TOKEN):
        raise denied("only read access is permitted")
    try:
        call.require("Admin")
    except Refused as refused:
        raise denied(refused.message) from refused


def _existing(call: Call, about: Any) -> Resource:
    kind = KINDS[about.type]
    if about.namespace == kind.namespace and about.id in kind.ids(call.omni):
        return kind.make(call.omni, about.id)
    raise not_found(f"resource {about.type}({about.namespace}/{about.id}@undefined) doesn't exist")


def _leaving(call: Call, request: Any) -> JoinToken:
    """The token that a request wants to remove, if it may go."""
    _existing(call, request)
    if request.type == DEFAULT_TOKEN:
        raise _refused("destroying the default join token resource is not allowed")
    if request.id == call.omni.fleet.default_join_token:
        raise _refused("deleting default join token is not possible")
    return call.omni.fleet.join_tokens[request.id]


def _removal(call: Call, event: str, token: JoinToken) -> None:
    call.omni.audit.record(call, event, resource_type=TOKENS, resource_id=token.id, data={})
    call.omni.changed.notify_all()


def _name(resource: Resource) -> str:
    return f"{resource.type}({resource.namespace}/{resource.id}@{resource.version})"


def _refused(reason: str) -> Refused:
    return invalid(f"failed to validate: 1 error occurred:\n\t* {reason}\n\n")


_STATE = "/cosi.resource.State/"

HANDLERS: dict[str, Handler] = {
    f"{_STATE}Update": state_update,
    f"{_STATE}Teardown": state_teardown,
    f"{_STATE}Destroy": state_destroy,
}

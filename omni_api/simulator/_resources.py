"""Reading resources: Get and List of cosi.resource.State and of omni.resources.ResourceService."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import grpc

from omni_api._gen import cosi_pb2, resources_pb2
from omni_api.simulator import _selectors
from omni_api.simulator._call import Call, Handler, Refused, invalid, not_found, unknown
from omni_api.simulator._caller_resources import of_caller
from omni_api.simulator._resource import Resource, time_text
from omni_api.simulator._resource_kinds import PUBLIC, SIGNED, Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUNTIMES = ("Omni", "Kubernetes", "Talos")


def state_get(call: Call, request: Any) -> Any:
    return cosi_pb2.GetResponse(resource=_find(call, request).message())


def state_list(call: Call, request: Any) -> Iterator[Any]:
    options = request.options
    try:
        matches = _selectors.from_queries(options.label_query)
        id_matches = re.compile(options.id_query.regexp)
    except (_selectors.SelectorError, re.error) as error:
        raise invalid(str(error)) from error
    for resource in _all(call, request):
        if matches(resource.labels) and id_matches.search(resource.id):
            yield cosi_pb2.ListResponse(resource=resource.message())


def service_get(call: Call, request: Any) -> Any:
    _check_runtime(call)
    return resources_pb2.GetResponse(body=_find(call, request).json())


def service_list(call: Call, request: Any) -> Any:
    _check_runtime(call)
    try:
        matches = _selectors.from_metadata(call.metadata.get("selectors", ()))
    except _selectors.SelectorError as error:
        raise invalid(str(error)) from error
    found = [one for one in _all(call, request) if matches(one.labels)]
    if wanted := list(request.search_for):
        found = [one for one in found if _mentions(one, wanted)]
    found = _sorted(found, request.sort_by_field or "id", descending=request.sort_descending)
    start = max(request.offset, 0)
    page = found[start : start + request.limit if request.limit > 0 else None]
    return resources_pb2.ListResponse(items=[one.json() for one in page], total=len(found))


def service_of_debug_builds(call: Call, _request: Any) -> Any:
    call.require_signature()
    method = call.path.rpartition("/")[2]
    raise Refused(grpc.StatusCode.UNIMPLEMENTED, f"method {method} not implemented")


def _find(call: Call, request: Any) -> Resource:
    kind = readable(call, request.type)
    # Access is judged first: without the role nobody learns whether an id exists.
    if own := of_caller(call, request.type, request.namespace, request.id):
        return own
    with call.omni.changed:
        if request.namespace == kind.namespace and request.id in kind.ids(call.omni):
            return kind.make(call.omni, request.id)
    raise not_found(
        f"resource {request.type}({request.namespace}/{request.id}@undefined) doesn't exist"
    )


def _all(call: Call, request: Any) -> list[Resource]:
    kind = readable(call, request.type)
    if request.namespace != kind.namespace:
        return []
    with call.omni.changed:
        return [kind.make(call.omni, id_) for id_ in sorted(kind.ids(call.omni))]


def readable(call: Call, type_: str) -> Kind:
    """The kind, if the caller may read it."""
    kind = kind_of(type_)
    if kind is not None and kind.access == PUBLIC:
        return kind
    call.require_signature()
    if kind is None:
        raise denied("no access is permitted")
    if kind.access != SIGNED:
        try:
            call.require(kind.access)
        except Refused as refused:
            raise denied(refused.message) from refused
    return kind


def denied(reason: str) -> Refused:
    """A refusal for want of access by Omni's validated state, which collects errors in a list."""
    return Refused(
        grpc.StatusCode.PERMISSION_DENIED,
        "failed to validate: 1 error occurred:\n"
        f"\t* rpc error: code = PermissionDenied desc = {reason}\n\n",
    )


def _check_runtime(call: Call) -> None:
    runtime = call.metadata.get("runtime", ("",))[0]
    if runtime not in _RUNTIMES:
        raise invalid("missing runtime metadata")
    if runtime != "Omni":
        raise invalid(f'unknown runtime "{runtime}"')


def _mentions(resource: Resource, wanted: list[str]) -> bool:
    texts = (resource.id, resource.namespace, time_text(resource.created))
    return any(needle in text for needle in wanted for text in texts)


def _sorted(found: list[Resource], field: str, *, descending: bool) -> list[Resource]:
    values = {"created": "created", "updated": "created", "id": "id", "namespace": "namespace"}
    if field not in values:
        if found:
            raise unknown(f'failed to sort: field "{field}" for element "{found[0].id}" not found')
        return []

    def key(one: Resource) -> tuple[str, str, str]:
        value = getattr(one, values[field])
        text = value if isinstance(value, str) else time_text(value)
        return text, one.namespace, one.id

    return sorted(found, key=key, reverse=descending)


_STATE = "/cosi.resource.State/"
_SERVICE = "/omni.resources.ResourceService/"

HANDLERS: dict[str, Handler] = {
    f"{_STATE}Get": state_get,
    f"{_STATE}List": state_list,
    f"{_SERVICE}Get": service_get,
    f"{_SERVICE}List": service_list,
    f"{_SERVICE}Controllers": service_of_debug_builds,
    f"{_SERVICE}DependencyGraph": service_of_debug_builds,
}

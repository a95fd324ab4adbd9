"""Resources: what Omni keeps of clusters, machines and everything else, to be read."""

from __future__ import annotations

from omni_api._core.arguments import text
from omni_api._core.call import StreamCall
from omni_api._core.durations import UNSET, Timeout
from omni_api._core.hiding import hiding
from omni_api._core.label_selectors import queries
from omni_api._core.steps import Steps, send
from omni_api._gen import calls, cosi_pb2
from omni_api.resources import Resource, full_type, get_reader, is_secret, list_reader


def get(
    type: str,
    id: str,
    *,
    namespace: str = "default",
    timeout: Timeout = UNSET,
) -> Steps[Resource]:
    """Read one resource.

    Args:
        type: Type of the resource, for example `Clusters`. Without a domain it is one of Omni's
            own, `Clusters.omni.sidero.dev`.
        id: Id of the resource, for example the name of a cluster.
        namespace: Namespace of the type. Most are in `default`; `SysVersions` is in `ephemeral`,
            `CurrentUsers` in `virtual`.
        timeout: Seconds or timedelta for the whole call, waits between attempts included; None for
            no limit. Default: the client's timeout.

    Returns:
        The resource.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        NotFoundError: There is no such resource, or it is in another namespace.
        PermissionDeniedError: The role may not read this type. Most need `Reader`, those about
            users `Admin`; some are read by nobody.
        CallError: The server refused for another reason, or could not be reached.

    Example:
        >>> cluster = omni.resources.get("Clusters", "talos-default")
        >>> cluster.spec["talosversion"], cluster.labels
        ('1.13.8', {'env': 'test'})
        >>> omni.resources.get("CurrentUsers", "current", namespace="virtual").spec["role"]
        'Admin'
    """
    named = full_type(type)
    request = cosi_pb2.GetRequest(
        type=named,
        id=text("id", id, secret=is_secret(named), empty=False),
        namespace=text("namespace", namespace, empty=False),
    )
    call = calls.get_resource(request, timeout=timeout).read_by(get_reader, _size)
    steps = send(call)
    return (yield from (hiding(id, steps) if is_secret(named) else steps))


def list(  # noqa: A001 - the verb of the official tool
    type: str,
    *,
    namespace: str = "default",
    selector: str = "",
    timeout: Timeout = UNSET,
) -> StreamCall[Resource]:
    """Read all resources of a type, one by one.

    Args:
        type: Type of the resources, for example `MachineStatuses`. Without a domain it is one of
            Omni's own.
        namespace: Namespace of the type.
        selector: Conditions on labels, as the official tool has them: `label`, `!label`,
            `label=value`, `label!=value`, `label in (a, b)`, `label notin (a, b)`, and `<`, `<=`,
            `>`, `>=` for numbers. A comma between them means and, a semicolon means or. Default:
            all resources.
        timeout: Seconds or timedelta for the whole stream, None for no limit (the default).

    Returns:
        A stream of `Resource`, in the order of their ids. It is empty for a namespace that the
        type is not in.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        PermissionDeniedError: The role may not read this type.
        CallError: The server refused for another reason, or the stream broke.

    Example:
        >>> with omni.resources.list("Clusters", selector="env in (prod, staging)") as clusters:
        ...     for cluster in clusters:
        ...         print(cluster.id, cluster.spec["kubernetesversion"])
        production 1.35.6
        staging 1.34.6
    """
    request = cosi_pb2.ListRequest(
        type=full_type(type), namespace=text("namespace", namespace, empty=False)
    )
    request.options.label_query.extend(queries(selector))
    call = calls.list_resources(request, timeout=timeout)
    return call.read_by(list_reader, _size)


def _size(resource: Resource) -> int:
    return len(resource.spec_proto)

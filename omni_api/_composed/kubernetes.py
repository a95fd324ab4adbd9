"""Kubernetes manifests of a cluster, compared and synced."""

from __future__ import annotations

from omni_api._core import arguments
from omni_api._core.call import StreamCall
from omni_api._core.durations import UNSET, Seconds, Timeout
from omni_api._gen import calls
from omni_api._gen.models import InventoryPolicy, KubernetesSSAOptions
from omni_api.manifests import ManifestChange, change_reader

_DEFAULTS = KubernetesSSAOptions(
    inventory_policy=InventoryPolicy.ADOPT_IF_NO_INVENTORY, no_prune=True
)
"""What servers do when they are given no options."""


def sync_manifests(
    cluster: str,
    *,
    dry_run: bool = True,
    prune: bool = False,
    force_conflicts: bool = False,
    inventory_policy: InventoryPolicy | int = InventoryPolicy.ADOPT_IF_NO_INVENTORY,
    reconcile_timeout: Seconds | None = None,
    timeout: Timeout = UNSET,
) -> StreamCall[ManifestChange]:
    """Compare the bootstrap manifests of a cluster with what it runs, and apply them if asked to.

    Without `dry_run=False` nothing is changed. Objects that are no longer among the manifests
    are deleted only with `prune=True`, and only such objects are taken over that belong to
    nobody. (The options of the rpc itself, given with zero values, would prune.) All options but
    `dry_run` have an effect on clusters with Talos 1.13 or newer only.

    Args:
        cluster: Name of the cluster.
        dry_run: Only compare (the default).
        prune: Delete objects that earlier syncs made and that are no longer among the manifests.
        force_conflicts: Overwrite fields that something else in the cluster manages.
        inventory_policy: Which existing objects may be taken over. Default: those that belong to
            no inventory.
        reconcile_timeout: Seconds or timedelta that the server waits for the objects to become
            ready. Default: the server's, 30 seconds.
        timeout: Seconds or timedelta for the whole stream, None for no limit (the default).

    Returns:
        A stream of `ManifestChange`: every manifest once and, unless in a dry run, once more each
        that is rolled out.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        ReadOnlyError: The client is read-only, and this is no dry run. Nothing was sent.
        NotFoundError: There is no such cluster.
        PermissionDeniedError: The role is below `Operator`.
        CallError: The server refused for another reason, or the stream broke.

    Example:
        >>> with omni.kubernetes.sync_manifests("talos-default") as changes:
        ...     for change in changes:
        ...         if change.changed:
        ...             print(change.kind, change.namespace, change.name)
        DaemonSet kube-system kube-proxy
        Deployment kube-system coredns
    """
    options = KubernetesSSAOptions(
        inventory_policy=inventory_policy,
        reconcile_timeout=reconcile_timeout,
        force_conflicts=force_conflicts,
        no_prune=not arguments.boolean("prune", prune),
    )
    # Left out, as the official client does, where they say no more than that.
    ssa = None if options == _DEFAULTS else options
    call = calls.kubernetes_sync_manifests(
        cluster=cluster, dry_run=dry_run, ssa=ssa, timeout=timeout
    )
    return call.read_by(change_reader, _size)


def _size(change: ManifestChange) -> int:
    return len(change.object_yaml) + len(change.diff.encode())

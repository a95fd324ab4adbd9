"""GetSupportBundle: argument checks, the rhythm of its messages, and the ZIP at the end."""

from __future__ import annotations

import hashlib
import io
import zipfile
from random import Random
from typing import TYPE_CHECKING, Any

from omni_api._gen import management_pb2
from omni_api.simulator import _age
from omni_api.simulator._call import Call, Handler, invalid
from omni_api.simulator._support_items import Item, as_collected, cluster_items, omni_items

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_RECIPIENT_NAME = "Sidero Labs Support"
_DEFAULT_SECRET = hashlib.sha256(b"omni_api simulator: support bundle").digest()
DEFAULT_IDENTITY = _age.identity_text(_DEFAULT_SECRET)
"""The age identity that opens what is encrypted to the simulator's default recipient."""

_Response = management_pb2.GetSupportBundleResponse
_Progress = _Response.Progress


def get_support_bundle(call: Call, request: Any) -> Iterator[Any]:
    call.require("Operator")
    # Omni 1.2 does not know the fields of encryption and skips them.
    recipients = {} if call.omni.legacy else _recipients(request)
    if recipients:
        yield _Response(encryption_recipients=recipients)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
        yield from _collect(call, request.cluster, bundle)
        if padding := call.omni.fleet.support_bundle_padding:
            # Random bytes do not compress, so storing them saves the time of trying.
            noise = Random(padding).randbytes(padding)  # noqa: S311 - bulk, not secret
            bundle.writestr(zipfile.ZipInfo("padding.bin"), noise, zipfile.ZIP_STORED)
    data = archive.getvalue()
    if recipients:
        data = _age.encrypt(data, recipients.values())
    yield _Response(bundle_data=data)


def _recipients(request: Any) -> dict[str, _age.Recipient]:
    """Whom to encrypt to, by the name shown; empty without encryption."""
    given = list(request.encryption_recipients)
    if not request.encrypt:
        if given:
            raise invalid("encryption recipients cannot be set when encryption is disabled")
        return {}
    if request.encryption_no_default_recipients and not given:
        raise invalid(
            "no recipients to encrypt to: default recipients are disabled "
            "but no recipients were provided"
        )
    found = {}
    if not request.encryption_no_default_recipients:
        own = _age.recipient_text(_DEFAULT_SECRET)
        found[DEFAULT_RECIPIENT_NAME] = _age.parse_recipient(own)
    for text in given:
        try:
            found[text] = _age.parse_recipient(text)
        except _age.RecipientError as error:
            raise invalid(f'failed to parse recipient "{text}": {error}') from error
    return found


def _collect(call: Call, name: str, bundle: zipfile.ZipFile) -> Iterator[Any]:
    omni = call.omni
    cluster = omni.fleet.cluster(name)
    # An empty name is no filter to Omni's queries, and so matches every cluster.
    clusters = omni.fleet.clusters() if not name else [cluster] if cluster is not None else []
    with omni.changed:
        items = {"omni": omni_items(omni, clusters)}
        items["cluster"] = cluster_items(omni, cluster) if cluster is not None else []
    for source, collected in items.items():
        for item in as_collected(collected, f"{source}/{name}"):
            yield _message(source, len(collected), item)
            if item.content is not None:
                path = zipfile.ZipInfo(f"{item.folder}/{item.name}", omni.now().timetuple()[:6])
                bundle.writestr(path, item.content(), zipfile.ZIP_DEFLATED)
    if cluster is None:
        error = f"failed to get kubernetes client kubeconfig for cluster {name} is not found"
        yield _Response(progress=_Progress(source="cluster", error=error))


def _message(source: str, total: int, item: Item) -> Any:
    """Progress of one item; `value` is never set, clients count the messages."""
    return _Response(
        progress=_Progress(
            source=source, state=f"collect {item.name}", total=total, error=item.error
        )
    )


HANDLERS: dict[str, Handler] = {
    "/management.ManagementService/GetSupportBundle": get_support_bundle,
}

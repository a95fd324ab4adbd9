"""Finds a boot asset: Omni is asked for its URL, and an older one for its image factory.

Servers up to Omni 1.10 do not know GetBootAssetURL. Then the URL is made by the same template, as
the official tool makes it, at the factory that the server's features name.
"""

from __future__ import annotations

from omni_api._composed import resources
from omni_api._core.durations import Timeout
from omni_api._core.steps import Steps, send
from omni_api._gen import calls
from omni_api.boot_assets._addresses import PUBLIC_FACTORY, Wish, pxe_factory
from omni_api.boot_assets._values import BootAsset
from omni_api.errors import NotFoundError, UnimplementedError


def located(wish: Wish, *, standalone: bool, timeout: Timeout) -> Steps[BootAsset]:
    """Find a boot asset.

    Args:
        wish: Which one.
        standalone: Whether the URL has to do without headers.
        timeout: For each call.
    """
    try:
        found = yield from send(
            calls.get_boot_asset_url(
                talos_version=wish.talos_version,
                schematic_id=wish.schematic_id,
                standalone_url=standalone,
                boot_asset_kind=wish.kind,
                platform=wish.platform,
                architecture=wish.architecture,
                format=wish.format,
                secure_boot=wish.secure_boot,
                timeout=timeout,
            )
        )
    except UnimplementedError:
        factory, pxe = yield from _factories(timeout)
        return BootAsset(url=wish.url(factory, pxe), name=wish.name)
    return BootAsset(
        url=found.url, headers=found.headers, name=wish.name, storage_key=found.storage_key
    )


def _factories(timeout: Timeout) -> Steps[tuple[str, str]]:
    """Return the image factory of the server, and where its iPXE scripts are."""
    try:
        features = yield from resources.get("FeaturesConfigs", "features-config", timeout=timeout)
    except NotFoundError:
        return PUBLIC_FACTORY, pxe_factory(PUBLIC_FACTORY)
    factory = str(features.spec.get("imagefactorybaseurl") or PUBLIC_FACTORY)
    return factory, str(features.spec.get("imagefactorypxebaseurl") or pxe_factory(factory))

"""Boot assets of the image factory: where one is found, and what was saved.

`omni.boot_assets` finds and downloads them; see `omni_api/_composed/boot_assets.py`.
"""

from __future__ import annotations

from omni_api.boot_assets._values import BootAsset, SavedBootAsset

__all__ = ["BootAsset", "SavedBootAsset"]

"""Support bundles: what is told while one is collected, what was saved, and a reader for the file.

`omni.support` collects them; see `omni_api/_composed/support.py`.
"""

from __future__ import annotations

from omni_api.support._reader import BundleEntry, BundleReader
from omni_api.support._values import BundleProgress, SourceError, SupportBundle

__all__ = ["BundleEntry", "BundleProgress", "BundleReader", "SourceError", "SupportBundle"]

"""A home directory with an omniconfig and key files in it, for tests of what is read where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from omni_api import ServiceAccountKey

KEY = ServiceAccountKey.generate("me")
OTHER = ServiceAccountKey.generate("ci")
ME = "me@serviceaccount.omni.sidero.dev"
URL = "https://omni.example.com"
OTHER_URL = "https://other.example.com"
CONTEXTS: dict[str, Any] = {
    "context": "default",
    "contexts": {
        "default": {"url": URL, "auth": {"basic": "old", "siderov1": {"identity": ME}}},
        "other": {"url": OTHER_URL, "auth": {"siderov1": {"identity": ME}}},
        "new": {"url": "<placeholder_url>", "auth": {"siderov1": {"identity": ME}}},
        "nobody": {"url": URL},
        "nowhere": {"auth": {"siderov1": {"identity": ME}}},
        "keyless": {"url": URL, "auth": {"siderov1": {"identity": "you@example.com"}}},
    },
}
Write = Callable[..., Path]


def tree(root: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in root.rglob("*")}

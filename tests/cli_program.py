"""How a run of the program is described to the tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs
import pexpect

Run = Callable[..., "Ended"]
Open = Callable[..., "pexpect.spawn[str]"]


@attrs.frozen(kw_only=True)
class Ended:
    """How the program ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)

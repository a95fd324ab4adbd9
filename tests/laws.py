"""hypothesis, as all tests use it: few examples locally, many in CI, the same ones every time."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

__all__ = ["given", "st"]

# No time limit per example: other work on the machine must not decide a test.
settings.register_profile("few", max_examples=50, deadline=None, derandomize=True, database=None)
settings.register_profile("many", max_examples=1000, deadline=None, derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "few"))

"""Makes standard input, output and error fit to be used, whatever the program was started with.

A daemon may have none of them, and where one is closed Python has None.
"""

from __future__ import annotations

import os
import sys

__all__ = ["ready"]


def ready() -> bool:
    """Prepare the three streams.

    Returns:
        Whether an answer can be written. Where standard output is closed, it cannot: a key that a
        command makes would be lost, and the next file that is opened would get its number.
    """
    # In this order, so that each gets the number that it should have.
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - for as long as the program runs
    closed = sys.stdout is None
    if closed:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    return not closed

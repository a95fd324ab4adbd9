"""Makes sure that Ctrl-C is heard.

Python loses an interruption that strikes in the midst of a `__del__`: it writes that to standard
error and goes on. One of a thousand in the first moments of a followed log ended so.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Final

__all__ = ["heard"]

_A_MOMENT_S: Final = 0.01


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Repeat a Ctrl-C that was lost, a moment later."""
    before = sys.unraisablehook
    me = threading.get_ident()

    def lost(error: sys.UnraisableHookArgs) -> None:
        if error.exc_type is KeyboardInterrupt and hasattr(signal, "pthread_kill"):
            # Not here and now: it would be lost again. And as a signal, which ends any wait.
            again = threading.Timer(_A_MOMENT_S, signal.pthread_kill, (me, signal.SIGINT))
            again.daemon = True
            again.start()
        else:
            before(error)

    sys.unraisablehook = lost
    try:
        yield
    finally:
        sys.unraisablehook = before

"""The terminal program `omni-api`: a guest of the blocking client, by its public names only.

`app.py` says which commands there are, `options.py` what every one of them can be told, `output.py`
how answers look, `exits.py` and `failures.py` how a command ends. A command's module is imported
when it is run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: What follows the program's name. Default: those of the process.

    Returns:
        The exit status; `omni-api --help` lists them.

    Example:
        >>> from omni_api.cli import main
        >>> main(["--version"])
        omni-api ...
        0
    """
    # gRPC's native part logs failed connections in words of its own; ours say what to do.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # noqa: TID251 - set, not read
    try:
        import click  # noqa: F401

        from omni_api.cli import failures
    except KeyboardInterrupt:  # while it starts, before anything is there that could say so
        return 130
    except ImportError as error:
        if error.name != "click":
            raise
        sys.stderr.write("omni-api needs click: pip install 'sidero-omni-api[cli]'\n")
        return 2
    return failures.run(sys.argv[1:] if arguments is None else list(arguments))

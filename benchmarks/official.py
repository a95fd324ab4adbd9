"""The client `omnictl` of PyPI, in an environment of its own: time and memory of its import.

It speaks to a gateway of Omni that the simulator does not have, so no traffic can be compared.
"""

from __future__ import annotations

import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row

_ENVIRONMENT = Path(__file__).parents[1] / "build" / "omnictl"
_REQUIREMENT = "omnictl==1.5.7"
_THEIRS = "from omni import OmniClient"
# All that a first call loads; the packages themselves load nothing before it is used.
_OURS = (
    "from omni_api_async import OmniClient, ServiceAccountKey\n"
    "OmniClient('grpc://127.0.0.1:1', auth=ServiceAccountKey.generate('benchmark')).management"
)
# Not `ru_maxrss`, which a process inherits from the one that starts it.
_MEMORY = "\nfrom pathlib import Path; print(Path('/proc/self/status').read_text())"


def rows(runs: int) -> Iterator[Row]:
    """Measure the import of both, in turn; the figure of `omnictl` stands as the plain one."""
    python = _ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(_ENVIRONMENT, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", _REQUIREMENT]
        subprocess.run(install, check=True)
    took = [(_once(str(python), _THEIRS), _once(sys.executable, _OURS)) for _ in range(runs)]
    for what, unit, place in (("time", "ms", 0), ("memory", "MiB", 1)):
        theirs, ours = (min(run[side][place] for run in took) for side in (0, 1))
        yield Row(
            what=f"import of a client, beside {_REQUIREMENT}: {what}",
            unit=unit,
            plain=theirs,
            ours=ours,
            ratio=ours / theirs,
        )


def _once(python: str, code: str) -> tuple[float, float]:
    """Return milliseconds and the most MiB of an interpreter that runs the code."""
    started = time.perf_counter()
    done = subprocess.run(
        [python, "-c", code + _MEMORY], check=True, stdout=subprocess.PIPE, text=True
    )
    took = (time.perf_counter() - started) * 1e3
    peak = next(line for line in done.stdout.splitlines() if line.startswith("VmHWM:"))
    return took, int(peak.split()[1]) / 1024

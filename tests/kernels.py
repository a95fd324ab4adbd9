"""A real Jupyter kernel of this interpreter, which reads no settings of whoever runs the tests."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 15.0


def environment(home: Path) -> dict[str, str]:
    """Variables that keep everything of Jupyter, IPython and matplotlib in a directory."""
    names = ("OMNI", "SIDERO", "JUPYTER", "TALOS")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(names)},
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "PYTHONPATH": str(ROOT),
    }


def manager(home: Path) -> KernelManager:
    """A kernel of this interpreter, wherever specifications of kernels may lie."""
    made = KernelManager(transport="ipc", ip=str(home / "socket"))
    assert made.kernel_spec is not None
    made.kernel_spec.argv = [
        *(sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"),
    ]
    return made


@attrs.define
class Shown:
    """What a cell brought: texts on both outputs, values by kind, the name of its error."""

    out: str = ""
    err: str = ""
    values: list[Mapping[str, Any]] = attrs.field(factory=list)
    error: str = ""

    @property
    def html(self) -> str:
        """What is shown as HTML, its latest state."""
        return "".join(value.get("text/html", "") for value in self.values)

    def take(self, kind: str, content: Any) -> None:
        if kind == "stream" and content["name"] == "stdout":
            self.out += content["text"]
        elif kind == "stream":
            self.err += content["text"]
        elif kind in {"display_data", "execute_result"}:
            self.values.append(content["data"])
        elif kind == "update_display_data":
            self.values[-1] = content["data"]
        elif kind == "error":
            self.error = content["ename"]


class Kernel:
    """A kernel that runs cells one by one."""

    def __init__(self, made: KernelManager, client: BlockingKernelClient) -> None:
        self._manager = made
        self._client = client

    def interrupt(self) -> None:
        """Press the button "interrupt the kernel"."""
        self._manager.interrupt_kernel()

    def run(self, source: str, *, at: str = "", then: Callable[[], object] = int) -> Shown:
        """Run a cell to its end.

        Args:
            source: The cell.
            at: When the cell has printed this, call `then`, once.
            then: What to call.
        """
        request, shown, waits = self._client.execute(source), Shown(), bool(at)
        while True:
            message = self._client.get_iopub_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            shown.take(kind, content)
            if waits and at in shown.out:
                waits = False
                then()
        self._client.get_shell_msg(timeout=SECONDS)
        assert not waits, f"the cell never said {at!r}: {shown}"
        return shown


@contextlib.contextmanager
def kernel(home: Path, **more: str) -> Iterator[Kernel]:
    """Start a kernel, with more variables in its environment, and stop it in the end."""
    made = manager(home)
    made.start_kernel(env={**environment(home), **more}, cwd=str(home))
    client = made.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=SECONDS)
        yield Kernel(made, client)
    finally:
        client.stop_channels()
        made.shutdown_kernel(now=True)
        made.cleanup_resources()

"""What the benchmarks talk to: a simulator in a process of its own, or a server that runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import attrs

import omni_api


@attrs.frozen(kw_only=True)
class Server:
    """Where a server listens, in plaintext, and what it is asked with."""

    target: str
    key: omni_api.ServiceAccountKey

    @property
    def url(self) -> str:
        """What a client takes as endpoint."""
        return f"grpc://{self.target}"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that `OmniClient.from_env` reads."""
        return {
            "OMNI_ENDPOINT": self.url,
            "OMNI_SERVICE_ACCOUNT_KEY": self.key.encode(),
        }


@contextmanager
def simulator(events: int) -> Iterator[Server]:
    """Start a simulator whose audit log holds `events`, and end it."""
    command = [sys.executable, "-m", "omni_api.simulator", "--audit-events", str(events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = islice(process.stdout or (), 2)
            yield from_environ(dict(line.strip().split("=", 1) for line in lines))
        finally:
            process.terminate()


def from_environ(environ: dict[str, str]) -> Server:
    """Return the server that the variables name."""
    return Server(
        target=environ["OMNI_ENDPOINT"].removeprefix("grpc://"),
        key=omni_api.ServiceAccountKey.decode(environ["OMNI_SERVICE_ACCOUNT_KEY"]),
    )


def running(target: str) -> Server:
    """Return a server that runs at HOST:PORT and lets everybody in, so that any key will do."""
    return Server(target=target, key=omni_api.ServiceAccountKey.generate("benchmark"))


def fresh(code: str, *arguments: str, environ: dict[str, str] | None = None) -> str:
    """Run code in an interpreter of its own and return what it printed.

    Modules may be kept compiled, as pip leaves those of an installed package.
    """
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,  # noqa: TID251 - passed on as it is
            "PYTHONDONTWRITEBYTECODE": "",
            **(environ or {}),
        },
    ).stdout

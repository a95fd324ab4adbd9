"""Importing costs little and changes nothing; making a client sends nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from omni_api._version import VERSION
from omni_api.simulator import Simulator

ROOT = Path(__file__).parents[1]
HEAVY = [
    "grpc",
    "google.protobuf",
    "pysequoia",
    "tenacity",
    "yaml",
    "cryptography",
    "asyncio",
    "ssl",
]

STATE = """
import logging, signal, sys, threading, warnings, gc
def state():
    # grpc gives its own loggers a NullHandler, which is no business of ours.
    loggers = {
        name: (logger.level, [h for h in logger.handlers if type(h) is not logging.NullHandler])
        for name, logger in logging.Logger.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
    }
    loggers = {name: found for name, found in loggers.items() if found != (0, [])}
    root = logging.getLogger()
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    return (loggers, root.level, list(root.handlers), list(warnings.filters), handlers,
            sys.getswitchinterval(), gc.get_threshold(), threading.active_count(), sys.excepthook)
before = state()
"""


def fresh(code: str) -> str:
    """Run code in an interpreter of its own and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded(statement: str) -> set[str]:
    found = ast.literal_eval(fresh(f"{statement}\nimport sys; print(sorted(sys.modules))"))
    return set(found)


def test_importing_the_blocking_package_loads_nothing_that_few_need() -> None:
    modules = loaded("import omni_api")
    assert not modules & {*HEAVY, "omni_api_async", "omni_api.simulator", "attrs"}
    assert {name for name in modules if name.startswith("omni_api")} == {"omni_api"}


def test_importing_the_asyncio_package_loads_no_channel_and_no_blocking_client() -> None:
    modules = loaded("import omni_api_async")
    assert not modules & {*HEAVY, "omni_api.client", "omni_api._driver", "omni_api._channel"}
    assert not {name for name in modules if "simulator" in name}


def test_a_name_of_one_package_does_not_load_the_other_or_the_simulator() -> None:
    modules = loaded("from omni_api import OmniClient, Stream, NotFoundError, RetryPolicy")
    assert not {name for name in modules if name.startswith("omni_api_async")}
    assert not {name for name in modules if "simulator" in name}
    assert not modules & {"tenacity", "yaml", "pysequoia", "cryptography"}
    modules = loaded("from omni_api_async import OmniClient, Stream")
    assert not modules & {"omni_api.client", "omni_api._driver", "omni_api.streams"}
    assert not modules & {"tenacity", "yaml", "pysequoia", "cryptography"}


def test_the_first_call_loads_nothing_that_it_does_not_use(simulator: Simulator) -> None:
    variables = simulator.environment()
    modules = loaded(
        "from omni_api import OmniClient\n"
        f"with OmniClient.from_env(environ={variables!r}) as omni:\n"
        "    omni.management.list_users()"
    )
    # By importlib.metadata comes a parser of e-mail, which takes as long as the rest of a call.
    assert not modules & {"yaml", "tenacity", "cryptography", "importlib.metadata", "email.parser"}
    assert not {name for name in modules if name.startswith("omni_api_async")}
    assert not {name for name in modules if name.startswith(("omni_api.audit", "omni_api.support"))}


def test_the_version_that_servers_are_told_is_the_installed_one() -> None:
    assert version("sidero-omni-api") == VERSION


@pytest.mark.parametrize("package", ["omni_api", "omni_api_async"])
def test_importing_changes_no_logger_no_warning_filter_and_no_signal_handler(package: str) -> None:
    code = f"""
import {package}
for name in {package}.__all__:
    getattr({package}, name)
after = state()
print([i for i, (a, b) in enumerate(zip(before, after)) if a != b])
"""
    assert fresh(STATE + code) == "[]"


def test_the_logger_of_the_library_is_left_to_the_application() -> None:
    code = """
import logging
from omni_api import OmniClient
log = logging.getLogger("omni_api")
print(log.level, log.handlers, log.propagate, logging.getLogger("grpc").level)
"""
    assert fresh(code) == "0 [] True 0"


@pytest.mark.parametrize("package", ["omni_api", "omni_api_async"])
def test_making_a_client_connects_to_nothing_and_starts_nothing(package: str) -> None:
    code = f"""
import socket, sys, threading
def refuse(event, args):
    if event in {{"socket.connect", "socket.getaddrinfo", "socket.__new__", "open", "os.mkdir"}}:
        if event == "open" and not str(args[0]).endswith((".pem", ".crt", "config", ".pgp")):
            return
        raise AssertionError((event, args))
from {package} import OmniClient, ServiceAccountKey, TLS
key = ServiceAccountKey.generate("ci")
sys.addaudithook(refuse)
for url in ("https://omni.invalid", "grpc://127.0.0.1:1"):
    client = OmniClient(url, auth=key, tls=TLS(ca_file="missing.pem"))
    client.management, client.auth, client.audit_log, client.service_accounts
    assert client._driver._channel is None
    print(repr(client), threading.active_count())
"""
    assert fresh(code).splitlines() == [
        f"<{package}.OmniClient of https://omni.invalid:443> 1",
        f"<{package}.OmniClient of grpc://127.0.0.1:1> 1",
    ]


@pytest.mark.parametrize("package", ["omni_api", "omni_api_async"])
def test_making_a_stream_sends_nothing_and_a_client_can_be_dropped_unused(package: str) -> None:
    code = f"""
import gc
from {package} import OmniClient
client = OmniClient("grpc://127.0.0.1:1")
stream = client.management.machine_logs(machine_id="m")
assert client._driver._channel is None
print(stream)
del client, stream
gc.collect()
"""
    assert fresh(code) == "<Stream machine_logs new: 0 chunks, 0 bytes>"

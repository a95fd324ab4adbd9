"""`python -m omni_api.simulator`: what it prints, what it serves, and how it goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omni_api import OmniClient, PermissionDeniedError, ServiceAccountKey, UnimplementedError


@contextmanager
def command(*arguments: str, tmp: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the command; a command that a test leaves running is killed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OMNI_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "omni_api.simulator", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ | {"TMPDIR": str(tmp)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def variables(process: subprocess.Popen[str], number: int = 2) -> dict[str, str]:
    """Read so many lines of the output, which come at once although it is a pipe."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(number)]
    return dict(line.rstrip("\n").split("=", 1) for line in lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_a_clients_variables_serves_and_leaves_when_told(
    number: signal.Signals, tmp_path: Path
) -> None:
    with command(tmp=tmp_path) as process:
        environ = variables(process)
        assert environ.keys() == {"OMNI_ENDPOINT", "OMNI_SERVICE_ACCOUNT_KEY"}
        with OmniClient.from_env(environ=environ) as omni:
            assert omni.management.list_users().users
        told = time.monotonic()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=5)
        assert time.monotonic() - told < 1.0
    assert (process.returncode, rest, errors) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_it_leaves_within_a_second_while_streams_are_open(tmp_path: Path) -> None:
    with command(tmp=tmp_path) as process, OmniClient.from_env(environ=variables(process)) as omni:
        streams = [omni.management.read_audit_log(follow=True) for _ in range(3)]
        assert all(next(stream).id for stream in streams)
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert time.monotonic() - told < 1.0
        for stream in streams:
            stream.close()


def test_with_tls_it_names_the_ca_and_leaves_no_file_behind(tmp_path: Path) -> None:
    with command("--tls", tmp=tmp_path) as process:
        environ = variables(process, 3)
        assert environ["OMNI_ENDPOINT"].startswith("https://127.0.0.1:")
        ca_file = Path(environ["OMNI_CA_FILE"])
        assert ca_file.is_relative_to(tmp_path)
        with OmniClient.from_env(environ=environ) as omni:
            assert omni.management.list_users().users
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
    assert list(tmp_path.iterdir()) == []


def test_it_prints_the_keys_of_other_roles(tmp_path: Path) -> None:
    with command("--role", "Reader", "--role", "Auditor", "Admin", tmp=tmp_path) as process:
        environ = variables(process, 5)
        admin = environ["OMNI_SERVICE_ACCOUNT_KEY"]
        assert environ["OMNI_SERVICE_ACCOUNT_KEY_ADMIN"] == admin
        reader = ServiceAccountKey.decode(environ["OMNI_SERVICE_ACCOUNT_KEY_READER"])
        with OmniClient(environ["OMNI_ENDPOINT"], auth=reader) as omni:
            assert omni.management.get_machine_join_config().kernel_args
            with pytest.raises(PermissionDeniedError, match='"Reader"'):
                omni.management.list_users()
        auditor = ServiceAccountKey.decode(environ["OMNI_SERVICE_ACCOUNT_KEY_AUDITOR"])
        with OmniClient(environ["OMNI_ENDPOINT"], auth=auditor) as omni:
            assert list(omni.audit_log.read())


def test_its_size_and_its_age_can_be_chosen(tmp_path: Path) -> None:
    options = ("--machines", "60", "--audit-events", "500", "--legacy")
    with command(*options, tmp=tmp_path) as process:
        with OmniClient.from_env(environ=variables(process)) as omni:
            month = datetime.now(UTC).date() - timedelta(days=31)
            assert 500 <= len(list(omni.audit_log.read(month))) <= 501
            with pytest.raises(UnimplementedError):
                omni.management.list_users()
            bundle = list(omni.management.get_support_bundle(cluster="fleet-0001"))
        assert bundle[0].total > 55


def test_an_address_in_use_is_named_and_nothing_is_printed(tmp_path: Path) -> None:
    with command(tmp=tmp_path) as first:
        address = variables(first)["OMNI_ENDPOINT"].removeprefix("grpc://")
        with command("--listen", address, tmp=tmp_path) as second:
            out, errors = second.communicate(timeout=10)
    assert second.returncode == 1
    assert out == ""
    assert f"cannot listen on {address}" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    "arguments", [("--role", "Chief"), ("--machines", "-1"), ("--audit-events", "many")]
)
def test_a_mistake_on_the_command_line_is_named(arguments: tuple[str, str], tmp_path: Path) -> None:
    with command(*arguments, tmp=tmp_path) as process:
        out, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert out == ""
    assert arguments[0] in errors


def test_a_reader_that_goes_away_does_not_end_it(tmp_path: Path) -> None:
    with command("--role", "Reader", tmp=tmp_path) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.stdout.close()
        endpoint = line.partition("=")[2].strip()
        with OmniClient(endpoint) as omni, pytest.raises(Exception, match="invalid signature"):
            omni.management.list_users()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""

"""What a daemon tells of itself: numbers for Prometheus, and whether all is well."""

from __future__ import annotations

import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omni_api import MissingLibraryError, OmniClient, RetryPolicy
from omni_api.audit._daemon import reading
from omni_api.audit._daemon.loop import Daemon
from omni_api.audit._daemon.metrics import Monitor, Status, readings, trouble
from omni_api.audit._daemon.rotation import Files
from omni_api.audit._daemon.start import Start
from omni_api.errors import ConfigurationError
from omni_api.simulator import Simulator

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WELL = Status(outage="")


def get(port: int, path: str) -> tuple[int, str]:
    """Ask without regard to a proxy of the environment."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def numbers(port: int) -> dict[str, float]:
    code, text = get(port, "/metrics")
    assert code == 200
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {name.removeprefix("omni_audit_"): float(value) for name, value in rows}


@contextmanager
def monitored(status: Status) -> Iterator[int]:
    monitor = Monitor("127.0.0.1", 0, status)
    try:
        yield monitor.port
    finally:
        monitor.close()


def test_every_metric_is_served() -> None:
    status = Status(
        events=3,
        bytes=300,
        malformed=1,
        missing=7,
        reconnects=lambda: 2,
        last_id=17,
        last_time=datetime.now(UTC) - timedelta(minutes=1),
        checkpoint_id=16,
        outage="",
        contact=0.0,
    )
    with monitored(status) as port:
        found = numbers(port)
    assert 60 <= found.pop("lag_seconds") < 70
    assert found.pop("last_contact_age_seconds") > 0
    assert found == {
        "up": 1,
        "events_total": 3,
        "bytes_total": 300,
        "malformed_total": 1,
        "missing_total": 7,
        "reconnects_total": 2,
        "last_event_id": 17,
        "checkpoint_id": 16,
    }


def test_what_is_not_known_yet_is_left_out() -> None:
    assert {name for _, name, _, _ in readings(Status(), NOW, 0.0)} == {
        "up",
        "events",
        "bytes",
        "malformed",
        "missing",
        "reconnects",
    }


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status(), "has not answered yet"),
        (Status(outage="the server is away: UNAVAILABLE"), "UNAVAILABLE"),
        (Status(outage="", waiting_since=80.0), "the output has taken nothing for 20 s"),
    ],
)
def test_the_health_page_says_what_is_wrong(status: Status, words: str) -> None:
    assert words in trouble(status, 100.0)
    assert {name: value for _, name, _, value in readings(status, NOW, 100.0)}["up"] == 0
    status.waiting_since = None
    with monitored(status) as port:
        code, text = get(port, "/healthz?verbose")
    assert (code == 200) is (status.outage == "")
    assert text.count("\n") == 1


def test_a_second_of_waiting_is_no_trouble() -> None:
    assert trouble(Status(outage="", waiting_since=99.0), 100.0) == ""


def test_other_pages_do_not_exist() -> None:
    with monitored(WELL) as port:
        assert get(port, "/")[0] == 404


def test_an_address_in_use_is_named() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"):
            Monitor("127.0.0.1", port, WELL)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'sidero-omni-api\[metrics\]'"):
        Monitor("127.0.0.1", 0, WELL)


def test_health_follows_the_server_as_it_goes_and_comes_back(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "OUTAGE", 0.1)
    monkeypatch.setattr(reading, "waits", lambda: iter([0.05] * 1000))
    status = Status()
    daemon = Daemon(
        OmniClient.from_env(environ=simulator.environment(), retry=RetryPolicy(attempts=1)),
        endpoint=simulator.endpoint,
        sink=Files(tmp_path, most=1 << 20),
        checkpoint=tmp_path / "checkpoint.json",
        start=Start(since="oldest"),
        status=status,
    )
    newest = simulator.state.audit.newest_id
    running = threading.Thread(target=daemon.run)
    with monitored(status) as port:

        def health() -> int:
            return get(port, "/healthz")[0]

        assert health() == 503
        running.start()
        assert simulator.wait_for(lambda: status.checkpoint_id == newest + 1)
        assert health() == 200
        found = numbers(port)
        assert (found["up"], found["events_total"]) == (1, newest + 1)
        simulator.go_away()
        assert simulator.wait_for(lambda: health() == 503)
        assert "the server is away: UNAVAILABLE" in get(port, "/healthz")[1]
        assert numbers(port)["up"] == 0
        simulator.come_back()
        assert simulator.wait_for(lambda: health() == 200)
        assert numbers(port)["reconnects_total"] >= 1
        daemon.stop()
        running.join(5)
    assert not running.is_alive()

"""What the daemon tells of itself: whether all is well, and its numbers for Prometheus.

`Status` holds the numbers, `trouble` judges them, and `Monitor` serves both over HTTP. Each field
is written by one thread alone and read by any, so there is no lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import TYPE_CHECKING

import attrs

from omni_api._core.extras import extra
from omni_api.errors import ConfigurationError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

_STUCK = 15.0
_TEXT = "text/plain; charset=utf-8"


@attrs.define(kw_only=True)
class Status:
    """How the daemon is.

    Attributes:
        events: Lines that are in the output, malformed ones included.
        bytes: Their bytes.
        malformed: Lines that were no event.
        missing: Events that the server removed before they could be read, as far as ids tell.
        reconnects: How often the stream had to be opened again.
        last_id: Id of the last event that was read.
        last_time: Its time; before one was read, that of the last event in the output.
        checkpoint_id: Id of the last event that is safe in the output.
        outage: Why nothing can be read now; empty when it can.
        contact: When the server was last heard of, on the monotonic clock; None for never.
        waiting_since: Since when lines wait to be safe, on the monotonic clock; None for none.
    """

    events: int = 0
    bytes: int = 0
    malformed: int = 0
    missing: int = 0
    reconnects: Callable[[], int] = lambda: 0
    last_id: int | None = None
    last_time: datetime | None = None
    checkpoint_id: int | None = None
    outage: str = "the server has not answered yet"
    contact: float | None = None
    waiting_since: float | None = None


def trouble(status: Status, now: float) -> str:
    """Return what is wrong in one line, empty when all is well.

    Args:
        status: How the daemon is.
        now: Seconds on the monotonic clock.
    """
    since = status.waiting_since
    if since is not None and now - since > _STUCK:
        return f"the output has taken nothing for {now - since:.0f} s"
    return status.outage


def readings(status: Status, now: datetime, clock: float) -> Iterator[tuple[str, str, str, float]]:
    """Yield kind, name, help and value of every metric that has a value."""
    yield "gauge", "up", "Whether events can be read and written.", not trouble(status, clock)
    yield "counter", "events", "Lines written, malformed ones included.", status.events
    yield "counter", "bytes", "Bytes written.", status.bytes
    yield (
        "counter",
        "malformed",
        "Lines that were no event; written all the same.",
        (status.malformed),
    )
    yield (
        "counter",
        "missing",
        "Events removed by the server before they were read.",
        (status.missing),
    )
    yield "counter", "reconnects", "How often the stream was opened again.", status.reconnects()
    if status.last_id is not None:
        yield "gauge", "last_event_id", "Id of the last event read.", status.last_id
    if status.last_time is not None:
        lag = (now - status.last_time).total_seconds()
        yield "gauge", "lag_seconds", "Age of the last event read; grows while none happens.", lag
    if status.checkpoint_id is not None:
        yield "gauge", "checkpoint_id", "Id of the last event that is safe.", status.checkpoint_id
    if status.contact is not None:
        age = clock - status.contact
        yield "gauge", "last_contact_age_seconds", "Time since the server was heard of.", age


class Monitor:
    """An HTTP server with `/metrics` and `/healthz`, in a thread of its own.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        status: What to tell.

    Raises:
        MissingLibraryError: prometheus_client is not installed.
        ConfigurationError: The address cannot be listened on.
    """

    def __init__(self, host: str, port: int, status: Status) -> None:
        handler = _handler(_registry(status), status)
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigurationError(f"cannot listen on {host}:{port}: {reason}") from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="omni-audit-metrics", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_port

    def close(self) -> None:
        """Stop answering and end the thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _registry(status: Status) -> CollectorRegistry:
    with extra("metrics"):
        from prometheus_client import CollectorRegistry
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
        from prometheus_client.registry import Collector

    kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}

    class Readings(Collector):
        def collect(self) -> Iterator[Metric]:
            for kind, name, text, value in readings(status, datetime.now(UTC), monotonic()):
                yield kinds[kind](f"omni_audit_{name}", text, value=value)

    registry = CollectorRegistry()
    registry.register(Readings())
    return registry


def _handler(registry: CollectorRegistry, status: Status) -> type[BaseHTTPRequestHandler]:
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # a client that says nothing does not keep its thread for ever

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
            elif path == "/healthz":
                wrong = trouble(status, monotonic())
                self._answer(503 if wrong else 200, _TEXT, f"{wrong or 'ok'}\n".encode())
            else:
                self._answer(404, _TEXT, b"there are /metrics and /healthz\n")

        def _answer(self, code: int, kind: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet: a scrape every few seconds is no news."""

    return Handler

"""What both drivers need to know of gRPC: channel options, credentials, the map of errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol

import attrs
import grpc
import grpc.aio
import grpc.experimental

from omni_api._core.call import Call
from omni_api._core.endpoint import Endpoint
from omni_api._version import VERSION
from omni_api.errors import CallError, ClosedError, class_for
from omni_api.tls import TLS

# Values that gRPC passes on to its core; -1 is no limit.
_OPTIONS: tuple[tuple[str, int | str], ...] = (
    # The official client stops at 32 MiB and fails on the support bundle of a large cluster;
    # grpcio by itself would stop at 4 MiB.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # As often as the official client, and like it only while a call is active: servers hang up on
    # clients that ping more. Without the third option core stops after two pings on a quiet
    # stream, and a dead connection below a follow stream would never be noticed.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Newer cores (seen with grpcio 1.85) give a ping a minute, whatever the second option says.
    ("grpc.http2.ping_timeout_ms", 20_000),
    # By default one process shares connections between channels, even closed ones.
    ("grpc.use_local_subchannel_pool", 1),
    # A policy from DNS could make gRPC repeat what must be sent once.
    ("grpc.service_config_disable_resolution", 1),
    # Come back soon after a restart; the default first wait of a second outlasts our retries.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)

SINGLE_THREADED = (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)
"""Read streams in the consumer's thread instead of through a thread of gRPC's own.

A fifth of the CPU a message or less, and several times the messages a second. Cancel from another
thread, deadlines and Ctrl-C (after 0.2 s on an idle stream) work with it.
"""

FORKED = (
    "this client belongs to process {pid}; gRPC connections do not survive a fork, so make a new "
    "client in the child, and start the child with spawn or forkserver"
)

Credentials = tuple[grpc.ChannelCredentials, tuple[tuple[str, str], ...]]
"""Channel credentials, and the channel options that go with them."""

Compression = Literal["none", "gzip"]
"""How a client compresses what it sends, and asks its server to answer."""


@attrs.frozen(kw_only=True)
class ChannelSettings:
    """How to reach one server."""

    endpoint: Endpoint
    tls: TLS
    compression: Compression

    def options(self) -> tuple[tuple[str, int | str], ...]:
        """Return the options that both kinds of channel share."""
        agent = f"sidero-omni-api/{VERSION}"
        # A proxy of the environment stands elsewhere: what is loopback here is another there.
        proxy = 0 if self.endpoint.is_loopback else 1
        return (*_OPTIONS, ("grpc.primary_user_agent", agent), ("grpc.enable_http_proxy", proxy))

    @property
    def grpc_compression(self) -> grpc.Compression:
        """The compression of requests; Omni answers in kind."""
        return (
            grpc.Compression.Gzip if self.compression == "gzip" else grpc.Compression.NoCompression
        )

    def credentials(self, timeout: float | None) -> Credentials | None:
        """Return what a TLS connection needs, None for plaintext.

        Reads files, and with `insecure_accept_any_certificate` the network, for `timeout` seconds
        at most.

        Raises:
            ConfigurationError: A file cannot be used.
            OSError: The server could not be asked for its certificate.
        """
        return self.tls.credentials(self.endpoint, timeout) if self.endpoint.secure else None

    def open(self, credentials: Credentials | None) -> grpc.Channel:
        """Open a blocking channel. Nothing is sent yet."""
        target, compression = self.endpoint.target, self.grpc_compression
        options = (*self.options(), SINGLE_THREADED)
        if credentials is None:
            return grpc.insecure_channel(target, options=options, compression=compression)
        secure, more = credentials
        return grpc.secure_channel(
            target, secure, options=(*options, *more), compression=compression
        )

    def open_async(self, credentials: Credentials | None) -> grpc.aio.Channel:
        """Open an asyncio channel, in the running loop. Nothing is sent yet."""
        target, compression = self.endpoint.target, self.grpc_compression
        if credentials is None:
            return grpc.aio.insecure_channel(
                target, options=self.options(), compression=compression
            )
        secure, more = credentials
        return grpc.aio.secure_channel(
            target, secure, options=(*self.options(), *more), compression=compression
        )


def drain(rpc: object) -> None:
    """Take the last events of a stream that was cancelled in single-threaded mode.

    In that mode events are taken by whoever iterates, and after `cancel()` nobody does any more:
    gRPC would keep the call, some 20 KB, until the process ends. There is no public way to take
    them, so this looks for the private one and does nothing where a version lacks it.
    """
    state, take = getattr(rpc, "_state", None), getattr(rpc, "_consume_next_event", None)
    while take is not None and state is not None and state.due:
        take()


class RunningStream(Protocol):
    """A streaming call of grpcio: its messages, serialized, and its end."""

    def __iter__(self) -> Iterator[bytes]: ...

    def __next__(self) -> bytes: ...

    def cancel(self) -> bool | None: ...


def error_from_rpc(error: object, path: str) -> CallError:
    """Return our error for one of gRPC's, blocking or asyncio."""
    code = error.code() if hasattr(error, "code") else None
    details = error.details() if hasattr(error, "details") else None
    # Both can be missing where a call broke before it had a status.
    code = grpc.StatusCode.UNKNOWN if code is None else code
    details = details or ""
    return class_for(code, details)(details, code=code, method=path)


def closed_during(call: Call[object]) -> ClosedError:
    """Return the error for a call whose client was closed before its answer came."""
    open_end = ", which may have been carried out" if call.changes else ""
    return ClosedError(f"the client was closed during {call.method.path}{open_end}")


def unreachable(error: OSError, path: str) -> CallError:
    """Return our error for a server that could not be asked for its certificate."""
    timed_out = isinstance(error, TimeoutError)
    code = grpc.StatusCode.DEADLINE_EXCEEDED if timed_out else grpc.StatusCode.UNAVAILABLE
    details = f"failed to ask the server for its certificate: {error}"
    return class_for(code, details)(details, code=code, method=path)

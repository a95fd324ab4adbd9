"""A gRPC server whose rpcs are functions of the test: for answers that no Omni would give."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc
from certificates import Identity

from omni_api._gen import management_pb2

Handler = Callable[[bytes, Any], Any]


def users(_request: bytes, _context: Any) -> bytes:
    """Answer ListUsers: nobody."""
    return management_pb2.ListUsersResponse().SerializeToString()


def audit_line(text: str = "{}") -> bytes:
    """Return a message of ReadAuditLog."""
    return management_pb2.ReadAuditLogResponse(audit_log=f"{text}\n".encode()).SerializeToString()


class StubServer(grpc.GenericRpcHandler):
    """Serves functions by the names of rpcs; a generator function is a stream.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        hosts: The authority of each call, as the client sent it.
    """

    def __init__(
        self,
        rpcs: Mapping[str, Handler],
        *,
        identity: Identity | None = None,
        client_ca: bytes | None = None,
    ) -> None:
        self.hosts: list[str] = []
        self._rpcs = rpcs
        self._pool = ThreadPoolExecutor(16)
        self._server = grpc.server(self._pool, handlers=[self])
        if identity is None:
            self.port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            credentials = grpc.ssl_server_credentials(
                [(identity.key, identity.certificate)],
                root_certificates=client_ca,
                require_client_auth=client_ca is not None,
            )
            self.port = self._server.add_secure_port("127.0.0.1:0", credentials)
        self.endpoint = f"{'grpc' if identity is None else 'https'}://127.0.0.1:{self.port}"

    def service(self, handler_call_details: Any) -> Any:
        """Find the function of a call."""
        function = self._rpcs[handler_call_details.method.rpartition("/")[2]]
        if inspect.isgeneratorfunction(function):
            return grpc.unary_stream_rpc_method_handler(function)

        def noting(request: bytes, context: Any) -> Any:
            self.hosts.append(context._rpc_event.call_details.host.decode())
            return function(request, context)

        return grpc.unary_unary_rpc_method_handler(noting)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop(None).wait(5.0)
        self._pool.shutdown()
        del self._server  # only now does gRPC close what it has open

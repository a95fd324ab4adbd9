"""The way of a call through the server: which method, EULA, signature, faults, handler, status.

One generic handler serves every method. Whether a method streams, and what its request is, comes
from the protobuf descriptors; what it answers comes from the handlers' tables.
"""

from __future__ import annotations

import collections
import logging
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs
import grpc
from google.protobuf.message import DecodeError, Message

from omni_api._gen import auth_pb2, cosi_pb2, management_pb2, resources_pb2
from omni_api._gen._pool import message_class
from omni_api.simulator._accounts import UNSIGNED_PATHS
from omni_api.simulator._call import Call, Handler, Refused
from omni_api.simulator._faults import Faults, broken
from omni_api.simulator._state import Omni

_log = logging.getLogger("omni_api")

SERVICES = {
    descriptor.full_name: descriptor
    for file in (auth_pb2, cosi_pb2, management_pb2, resources_pb2)
    for descriptor in file.DESCRIPTOR.services_by_name.values()
}
_RESOURCES = "/omni.resources.ResourceService/"
_PUBLIC_TYPES = ("AuthConfigs.omni.sidero.dev", "EulaAcceptances.omni.sidero.dev")
_NEWER_THAN_1_2 = frozenset(
    f"/management.ManagementService/{name}"
    for name in (
        "CreateUser",
        "ListUsers",
        "UpdateUser",
        "DestroyUser",
        "ResetNodeUniqueToken",
        "MachinePowerOff",
        "MachinePowerOn",
        "CreateSchematicFromRaw",
        "MaintenanceLifecycle",
        "GetBootAssetURL",
    )
)
_CALLS_REMEMBERED = 10_000


@attrs.define(kw_only=True, eq=False)
class RecordedCall:
    """One call that reached the simulator.

    Attributes:
        rpc: Short name, for example `ListUsers`.
        path: Full method path.
        code: The status it ended with; None while it runs.
        metadata_keys: The metadata keys that came with it, sorted.
        received: When it came, by the server's clock.
        request: The request message; None when it could not be parsed.
        streams: It is a stream that is open.
    """

    path: str
    metadata_keys: tuple[str, ...]
    received: datetime
    code: grpc.StatusCode | None = None
    request: Any = attrs.field(default=None, repr=False)
    streams: bool = False

    @property
    def rpc(self) -> str:
        return self.path.rpartition("/")[2]


@attrs.define(eq=False)
class Recorder:
    """Remembers the latest calls, and counts the streams that are open."""

    _calls: collections.deque[RecordedCall] = attrs.field(
        factory=lambda: collections.deque(maxlen=_CALLS_REMEMBERED), init=False
    )
    _open: collections.Counter[str] = attrs.field(factory=collections.Counter, init=False)
    changed: threading.Condition = attrs.field(factory=threading.Condition, init=False)

    def calls(self) -> list[RecordedCall]:
        with self.changed:
            return list(self._calls)

    def forget(self) -> None:
        with self.changed:
            self._calls.clear()

    def open_streams(self, rpc: str | None) -> int:
        with self.changed:
            return sum(self._open.values()) if rpc is None else self._open[rpc]

    def arrived(self, recorded: RecordedCall) -> None:
        with self.changed:
            self._calls.append(recorded)
            self.changed.notify_all()

    def opened(self, recorded: RecordedCall) -> None:
        """The call was admitted, and streams from now on."""
        with self.changed:
            recorded.streams = True
            self._open[recorded.rpc] += 1
            self.changed.notify_all()

    def ended(self, recorded: RecordedCall, code: grpc.StatusCode) -> None:
        with self.changed:
            recorded.code = code
            self._open[recorded.rpc] -= recorded.streams
            recorded.streams = False
            self.changed.notify_all()


class Dispatcher(grpc.GenericRpcHandler):
    """Finds the handler of each call and runs it as the real server would."""

    def __init__(
        self, omni: Omni, handlers: Mapping[str, Handler], faults: Faults, recorder: Recorder
    ) -> None:
        self.omni = omni
        self.faults = faults
        self.recorder = recorder
        self.stopping = threading.Event()
        self._methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        for service in SERVICES.values():
            for method in service.methods:
                path = f"/{service.full_name}/{method.name}"
                if path in handlers:
                    kind = message_class(method.input_type.full_name)
                    answer = _Answer(self, path, handlers[path], kind)
                    self._methods[path] = answer.method(stream=method.server_streaming)

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any]:
        path = handler_call_details.method
        if path in self._methods and not self._is_missing(path):
            return self._methods[path]
        service, _, method = path.removeprefix("/").rpartition("/")
        known = service in SERVICES
        text = f"unknown method {method} for service {service}"
        return _unimplemented(text if known else f"unknown service {service}")

    def _is_missing(self, path: str) -> bool:
        if path.endswith("/TearDownLockedCluster"):
            return not self.omni.legacy
        return self.omni.legacy and path in _NEWER_THAN_1_2


def _unimplemented(text: str) -> grpc.RpcMethodHandler[Any, Any]:
    def refuse(_request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, text)
        raise AssertionError  # abort does not return

    return grpc.unary_unary_rpc_method_handler(refuse)


def _serialized(message: bytes | Message) -> bytes:
    # Handlers with very many messages put them together as bytes.
    return message if isinstance(message, bytes) else message.SerializeToString()


@attrs.frozen
class _Answer:
    """How one method is answered."""

    dispatcher: Dispatcher
    path: str
    handler: Handler
    request: type[Message]

    def method(self, *, stream: bool) -> grpc.RpcMethodHandler[Any, Any]:
        if stream:
            return grpc.unary_stream_rpc_method_handler(
                self.stream, response_serializer=_serialized
            )
        return grpc.unary_unary_rpc_method_handler(self.unary, response_serializer=_serialized)

    def unary(self, sent: bytes, context: grpc.ServicerContext) -> Any:
        recorded = self._arrived(context)
        refused = None
        try:
            call, request, _ = self._admitted(sent, context, recorded)
            response = self.handler(call, request)
            self._gone_away(call)
        except Refused as error:
            refused = error
        except Exception as error:  # noqa: BLE001 - a panic of the server is an answer too
            refused = self._panic(error)
        code = refused.code if refused else grpc.StatusCode.OK
        self.dispatcher.recorder.ended(recorded, code)
        if refused:
            context.abort(refused.code, refused.message)
        return response

    def stream(self, sent: bytes, context: grpc.ServicerContext) -> Iterator[Any]:
        recorded = self._arrived(context)
        refused = None
        code = grpc.StatusCode.CANCELLED
        try:
            call, request, fault = self._admitted(sent, context, recorded)
            self.dispatcher.recorder.opened(recorded)
            messages = iter(self.handler(call, request))
            yield from broken(messages, fault) if fault else messages
            self._gone_away(call)
            code = grpc.StatusCode.OK
        except Refused as error:
            refused, code = error, error.code
        except Exception as error:  # noqa: BLE001 - a panic of the server is an answer too
            refused = self._panic(error)
            code = refused.code
        finally:
            self.dispatcher.recorder.ended(recorded, code)
        if refused:
            context.abort(refused.code, refused.message)

    def _arrived(self, context: grpc.ServicerContext) -> RecordedCall:
        keys = sorted({key for key, _ in context.invocation_metadata()})
        recorded = RecordedCall(
            path=self.path, metadata_keys=tuple(keys), received=self.dispatcher.omni.now()
        )
        self.dispatcher.recorder.arrived(recorded)
        return recorded

    def _admitted(
        self, sent: bytes, context: grpc.ServicerContext, recorded: RecordedCall
    ) -> tuple[Call, Any, Any]:
        """Do what comes before the handler, in the order of the real server."""
        omni = self.dispatcher.omni
        stopping = self.dispatcher.stopping

        def is_active() -> bool:
            return context.is_active() and not stopping.is_set()

        try:
            request = recorded.request = self.request.FromString(sent)
        except DecodeError as error:
            text = f"grpc: error unmarshalling request: {error}"
            raise Refused(grpc.StatusCode.INTERNAL, text) from None
        context.add_callback(self._woken)
        fault = self.dispatcher.faults.strike(self.path, is_active)
        if not is_active():
            # Whoever stopped waiting during a delay must not find that the call was made.
            raise self._given_up(stopping)
        metadata: dict[str, tuple[str, ...]] = {}
        for key, value in context.invocation_metadata():
            text = value if isinstance(value, str) else value.decode(errors="replace")
            metadata[key] = (*metadata.get(key, ()), text)
        public = self._is_public(request)
        if not omni.eula_accepted and not public:
            raise Refused(
                grpc.StatusCode.FAILED_PRECONDITION,
                "EULA has not been accepted; please accept the End User License Agreement "
                f"before using Omni: {omni.api_url.rstrip('/')}/eula",
            )
        caller = omni.accounts.authenticate(
            self.path, metadata, unsigned_allowed=public or self.path in UNSIGNED_PATHS
        )
        call = Call(
            omni=omni, path=self.path, caller=caller, metadata=metadata, is_active=is_active
        )
        return call, request, fault

    def _woken(self) -> None:
        """Let handlers that wait see at once that a call has ended."""
        self.dispatcher.faults.wake()
        with self.dispatcher.omni.changed:
            self.dispatcher.omni.changed.notify_all()

    def _is_public(self, request: Any) -> bool:
        """May it be called before the EULA is accepted, and without a signature?"""
        reads = self.path in (f"{_RESOURCES}Get", f"{_RESOURCES}List")
        return reads and request.type in _PUBLIC_TYPES

    def _gone_away(self, call: Call) -> None:
        """A stream that ended because the server stops did not end well."""
        if not call.is_active():
            raise self._given_up(self.dispatcher.stopping)

    def _given_up(self, stopping: threading.Event) -> Refused:
        if stopping.is_set():
            return Refused(grpc.StatusCode.UNAVAILABLE, "transport is closing")
        return Refused(grpc.StatusCode.CANCELLED, "context canceled")

    def _panic(self, error: Exception) -> Refused:
        _log.exception("simulator: %s panicked", self.path)
        return Refused(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")

"""The blocking driver on a channel without server: what it sends, and what it makes of answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import attrs
import grpc
import grpc_testing
import pytest
from by_hand import BEGIN, Clock, CountingKey, session

from omni_api import (
    CallCancelledError,
    CallError,
    ClosedError,
    InternalError,
    NotFoundError,
    RetryPolicy,
    UnavailableError,
)
from omni_api._core.call import Call
from omni_api._driver import Driver
from omni_api._gen import calls, common_pb2, management_pb2
from omni_api.errors import BY_CODE

SERVICE = management_pb2.DESCRIPTOR.services_by_name["ManagementService"]
USERS = management_pb2.ListUsersResponse(
    users=[management_pb2.ListUsersResponse.User(email="ana@example.org")]
).SerializeToString()
OK, UNAVAILABLE = grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE
QUICK = RetryPolicy(first_wait=0.001, max_wait=0.001)


@attrs.define
class Server:
    """The other end: takes calls and answers them, and notes the time that each was given."""

    channel: Any
    timeouts: list[float | None] = attrs.field(factory=list)

    def take(self, rpc: str) -> tuple[dict[str, str], bytes, Any]:
        """Wait for a call and return its metadata, its request and the handle to answer it."""
        method = SERVICE.methods_by_name[rpc]
        streams = method.server_streaming
        take = self.channel.take_unary_stream if streams else self.channel.take_unary_unary
        metadata, request, handle = take(method)
        return dict(metadata), request, handle

    # What the driver needs of its settings and its channel

    def credentials(self, _timeout: float | None) -> None:
        return None

    def open(self, _credentials: None = None) -> Any:
        return self

    def unary_unary(self, path: str) -> Callable[..., Any]:
        return self._noting(self.channel.unary_unary(path))

    def unary_stream(self, path: str) -> Callable[..., Any]:
        return self._noting(self.channel.unary_stream(path))

    def close(self) -> None:
        self.channel.close()

    def _noting(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def noted(request: bytes, *, timeout: float | None, metadata: Any) -> Any:
            self.timeouts.append(timeout)
            return send(request, timeout=timeout, metadata=metadata)

        return noted


@attrs.define
class World:
    """A driver, the server it talks to, the clock of its session, and a thread to call from."""

    server: Server
    clock: Clock
    key: CountingKey
    thread: ThreadPoolExecutor
    driver: Driver

    def send(self, call: Call[Any]) -> Future[Any]:
        return self.thread.submit(self.driver.unary, call)


@pytest.fixture
def world() -> Iterator[World]:
    time = grpc_testing.strict_fake_time(0)
    server = Server(grpc_testing.channel([SERVICE], time))
    clock, key = Clock(), CountingKey()
    with ThreadPoolExecutor(1) as thread:
        settings: Any = server
        driver = Driver(settings, session(clock, signer=key, retry=QUICK, timeout=60.0))
        yield World(server, clock, key, thread, driver)
        driver.close()


def test_a_call_is_signed_for_its_path_and_moment_and_gets_the_whole_time(world: World) -> None:
    answer = world.send(calls.kubeconfig(cluster="prod"))
    metadata, _, handle = world.server.take("Kubeconfig")
    handle.terminate(b"", (), OK, "")
    assert answer.result(5.0).kubeconfig == b""
    assert world.server.timeouts == [60.0]
    assert metadata["context"] == "prod"
    assert metadata["x-sidero-timestamp"] == str(int(BEGIN.timestamp()))
    signed = json.loads(metadata["x-sidero-payload"])
    assert signed["method"] == "/management.ManagementService/Kubeconfig"
    assert signed["headers"]["context"] == ["prod"]
    assert world.key.signed == [metadata["x-sidero-payload"].encode()]
    assert metadata["x-sidero-signature"].startswith(f"siderov1 ci {'ab' * 20} ")


def test_the_bytes_of_an_answer_become_a_value(world: World) -> None:
    answer = world.send(calls.list_users())
    _, request, handle = world.server.take("ListUsers")
    assert request == b""
    handle.terminate(USERS, (), OK, "")
    assert [user.email for user in answer.result(5.0).users] == ["ana@example.org"]


def test_bytes_that_are_no_answer_are_an_internal_error(world: World) -> None:
    answer = world.send(calls.list_users())
    world.server.take("ListUsers")[2].terminate(b"\xff\xff", (), OK, "")
    with pytest.raises(InternalError):
        answer.result(5.0)


def test_the_next_attempt_is_signed_anew_and_gets_what_is_left_of_the_time(world: World) -> None:
    answer = world.send(calls.list_users(timeout=10.0))
    first, _, handle = world.server.take("ListUsers")
    world.clock.seconds = 4.0
    handle.terminate(b"", (), UNAVAILABLE, "going down")
    second, _, handle = world.server.take("ListUsers")
    handle.terminate(USERS, (), OK, "")
    assert answer.result(5.0).users
    assert world.server.timeouts == [10.0, 6.0]
    assert int(second["x-sidero-timestamp"]) - int(first["x-sidero-timestamp"]) == 4
    assert second["x-sidero-signature"] != first["x-sidero-signature"]


def test_nothing_is_sent_again_when_the_time_is_over(world: World) -> None:
    answer = world.send(calls.list_users(timeout=10.0))
    _, _, handle = world.server.take("ListUsers")
    world.clock.seconds = 11.0
    handle.terminate(b"", (), UNAVAILABLE, "going down")
    with pytest.raises(UnavailableError, match="going down") as caught:
        answer.result(5.0)
    assert caught.value.attempts == len(world.server.timeouts) == 1


def test_a_call_without_limit_has_none(world: World) -> None:
    answer = world.send(calls.list_users(timeout=None))
    world.server.take("ListUsers")[2].terminate(USERS, (), OK, "")
    assert answer.result(5.0).users
    assert world.server.timeouts == [None]


@pytest.mark.parametrize("code", [code for code in BY_CODE if code is not UNAVAILABLE])
def test_a_status_becomes_the_error_of_its_code(world: World, code: grpc.StatusCode) -> None:
    answer = world.send(calls.create_user(email="ana@example.org", role="Reader"))
    world.server.take("CreateUser")[2].terminate(b"", (), code, "so it goes")
    with pytest.raises(CallError, match="so it goes") as caught:
        answer.result(5.0)
    assert type(caught.value) is BY_CODE[code]
    assert caught.value.method == "/management.ManagementService/CreateUser"
    assert isinstance(caught.value.__cause__, grpc.RpcError)


def test_a_change_is_not_sent_again(world: World) -> None:
    answer = world.send(calls.create_join_token(name="t"))
    world.server.take("CreateJoinToken")[2].terminate(b"", (), UNAVAILABLE, "connection reset")
    with pytest.raises(UnavailableError) as caught:
        answer.result(5.0)
    assert caught.value.outcome_unknown
    assert len(world.server.timeouts) == 1


def test_cancelled_after_close_is_closed_and_before_it_is_cancelled(world: World) -> None:
    before = world.send(calls.list_users())
    world.server.take("ListUsers")[2].terminate(b"", (), grpc.StatusCode.CANCELLED, "by whom?")
    with pytest.raises(CallCancelledError):
        before.result(5.0)
    after = world.send(calls.list_users())
    _, _, handle = world.server.take("ListUsers")
    world.driver.close()
    handle.terminate(b"", (), grpc.StatusCode.CANCELLED, "Channel closed!")
    with pytest.raises(ClosedError, match="closed during /management.ManagementService/ListUsers$"):
        after.result(5.0)


def test_another_failure_after_close_stays_what_it_is(world: World) -> None:
    answer = world.send(calls.list_users())
    _, _, handle = world.server.take("ListUsers")
    world.driver.close()
    handle.terminate(b"", (), grpc.StatusCode.NOT_FOUND, "nothing here")
    with pytest.raises(NotFoundError):
        answer.result(5.0)


def test_a_stream_has_no_limit_and_is_cancelled_by_its_end(world: World) -> None:
    stream = world.driver.stream(calls.machine_logs(machine_id="m-1", follow=True))
    with stream:
        metadata, _, handle = world.server.take("MachineLogs")
        handle.send_response(common_pb2.Data(bytes=b"one").SerializeToString())
        assert next(stream).bytes == b"one"
    handle.cancelled()
    assert world.server.timeouts == [None]
    assert "x-sidero-signature" in metadata
    assert stream.bytes_received == 3


def test_a_stream_is_begun_again_until_its_first_message(world: World) -> None:
    stream = world.driver.stream(calls.machine_logs(machine_id="m-1"))
    delivered = threading.Event()

    def read() -> None:
        for _ in stream:
            delivered.set()

    reading = world.thread.submit(read)
    world.server.take("MachineLogs")[2].terminate((), UNAVAILABLE, "going down")
    _, _, handle = world.server.take("MachineLogs")
    handle.send_response(common_pb2.Data(bytes=b"one").SerializeToString())
    # Its end must not overtake the message: the channel for tests drops what nobody took yet.
    assert delivered.wait(5.0)
    handle.terminate((), UNAVAILABLE, "gone")
    with pytest.raises(UnavailableError, match="gone") as caught:
        reading.result(5.0)
    assert caught.value.chunks == 1
    assert len(world.server.timeouts) == len(world.key.signed) == 2

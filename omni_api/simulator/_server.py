"""The simulator itself: starts the server, hands out keys, and lets a test pull the strings."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs
import grpc
import pysequoia

from omni_api.simulator import (
    _account_rpcs,
    _audit_read,
    _audit_script,
    _configs,
    _joining,
    _kubernetes,
    _login,
    _machines,
    _resource_writes,
    _resources,
    _schematics,
    _support,
    _validation,
)
from omni_api.simulator._accounts import Accounts, full_id, known_user_id
from omni_api.simulator._audit import AuditLog
from omni_api.simulator._call import ROLES, Handler, Refused
from omni_api.simulator._certificates import issue
from omni_api.simulator._clock import Clock
from omni_api.simulator._dispatch import Dispatcher, RecordedCall, Recorder
from omni_api.simulator._faults import Fault, Faults
from omni_api.simulator._fleet import Fleet
from omni_api.simulator._image_factory import Checksum, ImageFactory
from omni_api.simulator._openpgp_keys import read_certificate
from omni_api.simulator._openpgp_packets import dearmor
from omni_api.simulator._state import Omni

_HANDLERS: dict[str, Handler] = {
    path: handler
    for module in (
        _account_rpcs,
        _audit_read,
        _configs,
        _joining,
        _kubernetes,
        _login,
        _machines,
        _resource_writes,
        _resources,
        _schematics,
        _support,
        _validation,
    )
    for path, handler in module.HANDLERS.items()
}
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Two simulators must not share a port by accident, as Linux would let them.
    ("grpc.so_reuseport", 0),
    # Clients with keepalive ping more often than a server at rest would like.
    ("grpc.http2.min_ping_interval_without_data_ms", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_ping_strikes", 0),
)
_HIGHEST_PORT = 65535
_STREAMS_AT_MOST = 1200
_ACCOUNT_KEY_LIFETIME = timedelta(days=365) - timedelta(hours=1)
_AUTOMATION = "automation"
_USERS = ("Admin", "Operator", "Auditor", "Reader")
_RPC_UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@attrs.frozen
class _Handed:
    """A service-account key that was given to a test."""

    name: str
    value: str = attrs.field(repr=False)


def _host_and_port(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    # gRPC itself would take port 99999 for another one.
    if not host or not port.isascii() or not port.isdigit() or int(port) > _HIGHEST_PORT:
        msg = f"listen address {listen!r} is not HOST:PORT"
        raise ValueError(msg)
    return host, int(port)


class Simulator:
    """A gRPC server on this machine that answers as a Sidero Omni server does.

    It refuses what Omni refuses, with Omni's codes and texts: signatures, roles, arguments. Its
    content (clusters, machines, accounts, audit log) is the same at every start; only keys are
    new. Use it as a context manager, or call `start` and `stop`.

    Example:
        with Simulator() as sim:
            key = ServiceAccountKey.decode(sim.service_account_key("Reader"))
            with OmniClient(sim.endpoint, auth=key) as client:
                ...
            assert sim.count("ListUsers") == 0

    Args:
        listen: Host and port; port 0 takes a free one.
        tls: Serve TLS, with a certificate for localhost that `ca_file` vouches for.
        machines: How many machines there are at least; None for the small fixed fleet.
        audit_events: How many events the audit log holds at the start, spread over the last 30
            days; None for a few that set the fleet up and work on it. Millions are fine: they
            are computed when they are read.
        account: Name of the Omni account; it prefixes the contexts of configs.
        api_url: The URL that configs and login pages advertise; None for where it listens:
            `http://127.0.0.1:PORT/`, with TLS `https://…`. Also `state.api_url`, at any time.
        legacy: Answer as Omni 1.2: newer methods are unimplemented, the audit log knows neither
            filters nor following, bundles are not encrypted, and TearDownLockedCluster exists.
        now: The server's clock: a function, or a moment at which it stands still; None for the
            real time. See also `set_time`.
        compression: Answer with gzip to clients that accept it. (The grpc library does not tell
            a server whether a request was compressed, so it cannot answer in kind.)

    Raises:
        ValueError: The listen address is not `HOST:PORT`, or `now` has no time zone.

    Attributes:
        state: Everything the server knows, with its switches: `eula_accepted`,
            `break_glass_allowed`, `suspended`, `auth_enabled`, `audit_log_enabled`; and the
            tables `accounts`, `audit` and `fleet`. Hold `state.changed` while changing tables.
    """

    def __init__(
        self,
        *,
        listen: str = "127.0.0.1:0",
        tls: bool = False,
        machines: int | None = None,
        audit_events: int | None = None,
        account: str = "local",
        api_url: str | None = None,
        legacy: bool = False,
        now: Callable[[], datetime] | datetime | None = None,
        compression: bool = False,
    ) -> None:
        self._host, self._port = _host_and_port(listen)
        self._tls = tls
        self._compression = compression
        self._clock = Clock(now)
        self._handed: dict[tuple[str, str], _Handed] = {}
        self._faults = Faults()
        self._recorder = Recorder()
        self._server: grpc.Server | None = None
        self._dispatcher: Dispatcher | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._certificate = issue("localhost", server=True) if tls else None
        self._directory: Path | None = None
        self.state = Omni(account=account, api_url=api_url or "", now=self._clock, legacy=legacy)
        self.state.accounts = Accounts(self.state)
        self.state.fleet = Fleet(self.state, machines)
        self.state.audit = AuditLog(self.state)
        for role in _USERS:
            self.state.accounts.add_account(
                email := f"{role.lower()}@example.org", role, user_id=known_user_id(email)
            )
        self._handed["Admin", _AUTOMATION] = self._new_service_account(_AUTOMATION, "Admin")
        self.state.audit.history = _audit_script.history(self.state, audit_events)

    def __repr__(self) -> str:
        where = self.endpoint if self._server else "not started"
        return f"<Simulator {where}>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # Where it is, and how to get in

    def start(self) -> Self:
        """Start serving; does nothing when it serves already.

        Returns:
            The simulator itself.

        Raises:
            RuntimeError: The address cannot be listened on.
        """
        if self._server is None:
            if self._certificate is not None and self._directory is None:
                self._directory = Path(tempfile.mkdtemp(prefix="omni-simulator-"))
                (self._directory / "ca.pem").write_bytes(self._certificate.ca)
            self.come_back()
        return self

    def stop(self) -> None:
        """End all calls with UNAVAILABLE, free the port and remove temporary files.

        May be called more than once.
        """
        self.go_away()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    close = stop

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the start when any free one will do."""
        return self._port

    @property
    def endpoint(self) -> str:
        """The URL for clients: `grpc://127.0.0.1:PORT`, with TLS `https://127.0.0.1:PORT`."""
        return f"{'https' if self._tls else 'grpc'}://{self._host}:{self._port}"

    @property
    def ca_pem(self) -> bytes:
        """The certificate authority of the server as PEM; empty without TLS."""
        return self._certificate.ca if self._certificate else b""

    @property
    def ca_file(self) -> str | None:
        """Path of a file with `ca_pem`, which is there until `stop`; None without TLS."""
        return str(self._directory / "ca.pem") if self._directory else None

    def environment(self) -> dict[str, str]:
        """The environment variables with which a client reaches this server as an Admin."""
        variables = {
            "OMNI_ENDPOINT": self.endpoint,
            "OMNI_SERVICE_ACCOUNT_KEY": self.service_account_key(),
        }
        return variables | ({"OMNI_CA_FILE": self.ca_file} if self.ca_file else {})

    def service_account_key(self, role: str = "Admin", name: str | None = None) -> str:
        """Return the key of a service account, which is made when it does not exist.

        No rpc is involved, so nothing of this is in the audit log.

        Args:
            role: The account's role: `None`, `InfraProvider`, `Reader`, `Auditor`, `Operator` or
                `Admin`.
            name: The account's name; without one the key is that of the same account at every
                call for a role.

        Returns:
            The value for OMNI_SERVICE_ACCOUNT_KEY: base64 of a JSON object.

        Raises:
            ValueError: There is no such role, or another account has the name.

        Example:
            os.environ["OMNI_SERVICE_ACCOUNT_KEY"] = sim.service_account_key("Operator")
        """
        if role not in ROLES:
            msg = f"no role {role!r}; there are {', '.join(ROLES)}"
            raise ValueError(msg)
        if name is None:
            name = _AUTOMATION if role == "Admin" else f"simulator-{role.lower()}"
        if role == "InfraProvider" and not name.startswith("infra-provider:"):
            name = f"infra-provider:{name}"
        with self.state.changed:
            if (role, name) not in self._handed:
                self._handed[role, name] = self._new_service_account(name, role)
            return self._handed[role, name].value

    def _new_service_account(self, name: str, role: str) -> _Handed:
        accounts, identity = self.state.accounts, full_id(name)
        if identity in accounts.identities:
            msg = f"service account {name!r} exists already"
            raise ValueError(msg)
        secret = pysequoia.Tsk.generate(
            user_id=f"{name.removeprefix('infra-provider:')} (simulator) <{identity}>",
            validity_seconds=int(_ACCOUNT_KEY_LIFETIME.total_seconds()),
        )
        public = str(secret.extract_certificate())
        user = accounts.add_account(
            identity, role, is_service_account=True, user_id=known_user_id(identity)
        )
        key = accounts.new_key(
            read_certificate(dearmor(public)),
            armored=public,
            identity=identity,
            user_id=user.id,
            role=role,
        )
        accounts.keys[key.id] = key
        text = json.dumps({"name": name, "pgp_key": str(secret)})
        return _Handed(name, base64.b64encode(text.encode()).decode())

    def confirm_login(self, public_key_id: str, identity: str | None = None) -> None:
        """Play the browser: confirm a key that a client has registered for a user.

        Args:
            public_key_id: Fingerprint of the key, as RegisterPublicKey answered it.
            identity: E-mail of the user who is logged in in the browser; None for the one who
                registered the key.

        Raises:
            LookupError: The user or the key is unknown, or the key is another user's.
        """
        key = self.state.accounts.keys.get(public_key_id)
        if identity is None:
            identity = key.identity if key else ""
        try:
            _login.confirm(self.state, public_key_id, identity, None)
        except Refused as refused:
            raise LookupError(refused.message) from None

    # What it saw

    @property
    def calls(self) -> list[RecordedCall]:
        """The latest calls that reached the server, oldest first, at most 10,000."""
        return self._recorder.calls()

    def count(self, rpc: str) -> int:
        """How many of the remembered calls were to this rpc, given by name or path."""
        return sum(rpc in (call.rpc, call.path) for call in self.calls)

    def forget_calls(self) -> None:
        """Start counting calls afresh."""
        self._recorder.forget()

    def active_streams(self, rpc: str | None = None) -> int:
        """How many streams are open: of one rpc given by name, or of all."""
        return self._recorder.open_streams(rpc)

    def wait_for(self, happened: Callable[[], bool], *, timeout: float = 5.0) -> bool:
        """Wait until something is true of the calls, for example that a stream has ended.

        Args:
            happened: Asked again whenever a call begins or ends, and ten times a second.
            timeout: Seconds to wait at most.

        Returns:
            Whether it happened in time.

        Example:
            assert sim.wait_for(lambda: sim.active_streams("ReadAuditLog") == 0)
        """
        deadline = time.monotonic() + timeout
        with self._recorder.changed:
            while not happened():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._recorder.changed.wait(min(left, 0.1))
        return True

    # What belongs to it

    @contextlib.contextmanager
    def image_factory(
        self,
        *,
        size: int = 1024 * 1024,
        password: str | None = None,
        ranges: bool = True,
        checksum: Checksum | None = None,
        redirect: bool = False,
    ) -> Iterator[ImageFactory]:
        """Serve boot assets over HTTP, as the image factory of this Omni, in a `with` block.

        Args:
            size: Bytes of every asset. They follow from its URL.
            password: What downloads have to show; Omni tells its clients. None for everybody.
            ranges: Whether a download can go on where it stopped, as at the object stores that
                factories send their clients to. A factory that sends the bytes itself cannot.
            checksum: Where it offers a SHA-256: in the header `Repr-Digest`, or in a `file` beside
                the asset, as the enterprise edition does. None for nowhere.
            redirect: Whether it sends its clients on to an object store, which is another host.

        Returns:
            The factory: what was asked of it, and what goes wrong with it.

        Example:
            with sim.image_factory(size=50_000, checksum="header") as factory:
                factory.cut(after=10_000)  # the next download breaks off, and goes on from there
        """
        factory = ImageFactory(
            size=size, password=password, ranges=ranges, checksum=checksum, redirect=redirect
        )
        named = ("image_factory", "image_factory_pxe", "image_factory_headers")
        before = {name: getattr(self.state, name) for name in named}
        with factory:
            self.state.image_factory = self.state.image_factory_pxe = factory.url
            self.state.image_factory_headers = factory.headers
            try:
                yield factory
            finally:
                for name, value in before.items():
                    setattr(self.state, name, value)

    # Time

    @property
    def now(self) -> datetime:
        """The server's time."""
        return self._clock()

    @property
    def clock_offset(self) -> timedelta:
        """How far the server's clock is ahead of its source; set it for a wrong clock."""
        return self._clock.offset

    @clock_offset.setter
    def clock_offset(self, offset: timedelta) -> None:
        self._clock.offset = offset
        self._wake()

    def set_time(self, moment: datetime) -> None:
        """Turn the server's clock to a moment, from which it runs on.

        Raises:
            ValueError: The moment has no time zone.
        """
        self._clock.turn_to(moment)
        self._wake()

    def advance(self, by: timedelta) -> None:
        """Turn the server's clock forward; keys expire and leases end as they would."""
        self.clock_offset += by

    def _wake(self) -> None:
        with self.state.changed:
            self.state.changed.notify_all()

    # Faults

    def fail(
        self,
        rpc: str,
        *,
        code: grpc.StatusCode = _RPC_UNAVAILABLE,
        times: int | None = 1,
        after: int = 0,
        message: str = "injected fault",
    ) -> Fault:
        """Let calls of an rpc fail before the server looks at them.

        Args:
            rpc: Name or full path, for example `ListUsers`.
            code: The status code.
            times: How many calls fail; None for all from now on.
            after: How many calls pass before the first one fails.
            message: The status text.

        Returns:
            The fault; its `hits` tells how many calls it has failed.

        Example:
            sim.fail("Kubeconfig", code=grpc.StatusCode.UNAVAILABLE, times=2)
        """
        fault = Fault(rpc=rpc, code=code, remaining=times, after=after, message=message)
        return self._faults.add(fault)

    def break_stream(
        self,
        rpc: str,
        *,
        after: int,
        code: grpc.StatusCode = _RPC_UNAVAILABLE,
        times: int | None = 1,
        message: str = "injected fault",
    ) -> Fault:
        """Break the streams of an rpc after some messages.

        Args:
            rpc: Name or full path, for example `ReadAuditLog`.
            after: How many messages arrive before the stream breaks.
            code: The status code it breaks with.
            times: How many streams break; None for all from now on.
            message: The status text.
        """
        return self._faults.add(
            Fault(
                rpc=rpc,
                code=code,
                remaining=times,
                after=after,
                message=message,
                breaks_stream=True,
            )
        )

    def delay(self, rpc: str, seconds: float, *, times: int | None = None) -> Fault:
        """Hold the calls of an rpc for some seconds before they are looked at.

        The wait ends early when the call is cancelled, the server stops or faults are cleared.

        Args:
            rpc: Name or full path.
            seconds: How long.
            times: How many calls are held; None for all from now on.
        """
        return self._faults.add(Fault(rpc=rpc, delay_s=seconds, remaining=times))

    def clear_faults(self) -> None:
        """Forget all faults, and set the clock right."""
        self._faults.clear()
        self.clock_offset = timedelta(0)

    def go_away(self) -> None:
        """Stop listening as a server that is shut down: open calls end with UNAVAILABLE."""
        if self._server is None or self._dispatcher is None or self._executor is None:
            return
        server, self._server = self._server, None
        self._dispatcher.stopping.set()
        self._faults.wake()
        self._wake()
        # The grace lets the handlers say UNAVAILABLE themselves; who does not is cut off.
        server.stop(grace=0.5).wait()
        self._executor.shutdown(wait=True)

    def come_back(self) -> None:
        """Listen again on the same port, with everything as it was.

        Raises:
            RuntimeError: The address cannot be listened on.
        """
        if self._server is not None:
            return
        self._dispatcher = Dispatcher(self.state, _HANDLERS, self._faults, self._recorder)
        # Threads are made as streams need them, and a follow stream keeps one for its life.
        self._executor = ThreadPoolExecutor(_STREAMS_AT_MOST, thread_name_prefix="omni-simulator")
        server = grpc.server(
            self._executor,
            handlers=[self._dispatcher],
            options=_OPTIONS,
            compression=grpc.Compression.Gzip if self._compression else None,
        )
        address = f"{self._host}:{self._port}"
        if self._certificate is None:
            self._port = server.add_insecure_port(address)
        else:
            pair = (self._certificate.key, self._certificate.certificate)
            self._port = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
        if not self.state.api_url:
            # Known only now: a real server, too, advertises the address at which it is reached.
            scheme = "https" if self._tls else "http"
            self.state.api_url = f"{scheme}://{self._host}:{self._port}/"
        server.start()
        self._server = server

    def restart(self) -> None:
        """Go away and come back at once."""
        self.go_away()
        self.come_back()

    @property
    def follow_lease(self) -> timedelta:
        """How long a stream that follows the audit log lasts; applies to streams begun later."""
        return self.state.audit.follow_lease

    @follow_lease.setter
    def follow_lease(self, lease: timedelta) -> None:
        self.state.audit.follow_lease = lease

    def expire_follow_leases(self) -> None:
        """End all streams that follow the audit log with OK, as the server does hourly."""
        with self.state.changed:
            self.state.audit.leases_expired = time.monotonic()
            self.state.changed.notify_all()

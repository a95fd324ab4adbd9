"""What both clients are made of: settings and where they come from. Opens nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Self, TypedDict, TypeVar, Unpack

from omni_api._channel import ChannelSettings, Compression
from omni_api._core import arguments
from omni_api._core import endpoint as endpoints
from omni_api._core.durations import Seconds, to_seconds
from omni_api._core.flow import Session
from omni_api._core.retry import RetryPolicy
from omni_api._core.signing import Signer
from omni_api.errors import InvalidInputError
from omni_api.tls import TLS

if TYPE_CHECKING:
    from omni_api.config import Settings

DriverT = TypeVar("DriverT")

DEFAULT_TIMEOUT = 120.0


class Options(TypedDict, total=False):
    """Options of a client that is made from the environment or a file."""

    tls: TLS
    retry: RetryPolicy
    timeout: Seconds | None
    read_only: bool
    compression: Compression


def _kind(value: object) -> str:
    """Name what was passed, without showing it: it may be a key."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


class BaseClient(Generic[DriverT]):
    """Settings of a client; the subclasses bring driver, facades and lifetime."""

    def __init__(
        self,
        endpoint: str,
        *,
        auth: Signer | None = None,
        tls: TLS | None = None,
        retry: RetryPolicy | None = None,
        timeout: Seconds | None = DEFAULT_TIMEOUT,
        read_only: bool = False,
        compression: Compression = "none",
    ) -> None:
        """Prepare a client; nothing is sent, and no connection opened, before the first call.

        Args:
            endpoint: URL of Omni: `https://HOST[:PORT]`; `http://` and `grpc://` are plaintext.
            auth: The key to sign with: a `ServiceAccountKey` or a `UserKey`. None sends
                everything unsigned, which servers accept for the registration of keys only.
            tls: Which servers to trust. Default: those that the system's trust store vouches for.
            retry: How reads are tried again. Default: up to four attempts; see `RetryPolicy`.
            timeout: Seconds or timedelta for each unary call, waits between attempts included;
                None for no limit. Default: 120 s. Streams have no limit unless a call names one.
            read_only: Refuse every call that changes something, before it is sent. Default False.
            compression: "gzip" compresses what is sent and asks the server for the same. Default
                "none": on a real server gzip made an audit stream 3.4 times slower.

        Raises:
            InvalidInputError: An argument is malformed.
        """
        if isinstance(auth, type) or (auth is not None and not hasattr(auth, "sign")):
            raise InvalidInputError(
                f"auth must be a ServiceAccountKey or a UserKey, not {_kind(auth)}; "
                "ServiceAccountKey.decode(...) reads the value of OMNI_SERVICE_ACCOUNT_KEY"
            )
        if not isinstance(tls, TLS | None):
            raise InvalidInputError(f"tls must be a TLS(...), not {_kind(tls)}")
        if not isinstance(retry, RetryPolicy | None):
            raise InvalidInputError(f"retry must be a RetryPolicy(...), not {_kind(retry)}")
        if compression not in ("none", "gzip"):
            raise InvalidInputError(f'compression must be "none" or "gzip", not {compression!r}')
        self._endpoint = endpoints.parse(endpoint)
        self._driver = self._drive(
            ChannelSettings(
                endpoint=self._endpoint, tls=TLS() if tls is None else tls, compression=compression
            ),
            Session(
                signer=auth,
                retry=RetryPolicy() if retry is None else retry,
                timeout=None if timeout is None else to_seconds("timeout", timeout),
                read_only=arguments.boolean("read_only", read_only),
            ),
        )

    def _drive(self, settings: ChannelSettings, session: Session) -> DriverT:
        raise NotImplementedError

    @classmethod
    def from_env(
        cls, *, environ: Mapping[str, str] | None = None, **options: Unpack[Options]
    ) -> Self:
        """Make a client from the environment, in the official client's order.

        A service-account key in `SIDERO_SERVICE_ACCOUNT_KEY`, else `OMNI_SERVICE_ACCOUNT_KEY`,
        together with `OMNI_ENDPOINT`; without a key the omniconfig file and the key file of its
        identity, with `OMNI_ENDPOINT` replacing the URL. `OMNI_CA_FILE` names a CA to trust.

        Args:
            environ: Variables to read instead of the process's.
            options: `tls` (wins over `OMNI_CA_FILE`), `retry`, `timeout`, `read_only` and
                `compression`, as the constructor takes them.

        Raises:
            ConfigurationError: Something is missing or cannot be used; the error says what.
        """
        from omni_api import config

        return cls._from(config.from_env(environ), options)

    @classmethod
    def from_omniconfig(
        cls,
        path: str | Path | None = None,
        context: str | None = None,
        **options: Unpack[Options],
    ) -> Self:
        """Make a client from a context of an omniconfig file and the key file of its identity.

        Args:
            path: The file. Default: `$OMNICONFIG`, else `$TALOS_HOME/omni/config`, else
                `~/.talos/omni/config`, as the official client looks for it.
            context: Name of the context. Default: the one selected in the file.
            options: `tls` (wins over `OMNI_CA_FILE`), `retry`, `timeout`, `read_only` and
                `compression`, as the constructor takes them.

        Raises:
            ConfigurationError: File, context or key is missing or cannot be used.
        """
        from omni_api import config

        return cls._from(config.from_omniconfig(path, context), options)

    @classmethod
    def _from(cls, found: Settings, options: Options) -> Self:
        options.setdefault("tls", found.tls)
        return cls(found.endpoint, auth=found.auth, **options)

    @property
    def endpoint(self) -> str:
        """URL that the client connects to, with its port; `grpc` is plaintext."""
        return str(self._endpoint)

    def __repr__(self) -> str:
        return f"<{type(self).__module__.partition('.')[0]}.OmniClient of {self._endpoint}>"

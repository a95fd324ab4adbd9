"""The blocking client."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from omni_api._client import BaseClient
from omni_api._driver import Driver
from omni_api._gen.facades import Facades

if TYPE_CHECKING:
    from omni_api._channel import ChannelSettings
    from omni_api._core.flow import Session

__all__ = ["OmniClient"]


class OmniClient(BaseClient[Driver], Facades):
    """A blocking client of one Omni.

    The connection is opened by the first call and closed by `close()` or the end of `with`. A
    client may be used from several threads at once, and in Jupyter as in a script. It does not
    survive a fork: a call in the child raises `ClosedError`.

    Example:
        >>> from omni_api import OmniClient
        >>> with OmniClient.from_env() as omni:
        ...     users = omni.management.list_users().users
        >>> any(user.email == "admin@example.org" for user in users)
        True
    """

    def _drive(self, settings: ChannelSettings, session: Session) -> Driver:
        return Driver(settings, session)

    def close(self) -> None:
        """Cancel what still runs and close the connection. A second time is fine."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

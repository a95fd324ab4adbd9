"""The asyncio client."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from omni_api._client import BaseClient
from omni_api_async._driver import Driver
from omni_api_async._gen.facades import Facades

if TYPE_CHECKING:
    from omni_api._channel import ChannelSettings
    from omni_api._core.flow import Session

__all__ = ["OmniClient"]


class OmniClient(BaseClient[Driver], Facades):
    """A client of one Omni for asyncio.

    Made anywhere, it opens its connection in the event loop of its first call (or `async with`)
    and belongs to that loop: a call in another one raises `ClosedError`. `await close()` or the
    end of `async with` closes it.

    Example:
        >>> from omni_api_async import OmniClient
        >>> async with OmniClient.from_env() as omni:
        ...     users = (await omni.management.list_users()).users
        >>> any(user.email == "admin@example.org" for user in users)
        True
    """

    def _drive(self, settings: ChannelSettings, session: Session) -> Driver:
        return Driver(settings, session)

    async def close(self) -> None:
        """Cancel what still runs and close the connection. A second time is fine."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        await self._driver.ready()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

"""One test body over both facades: the twin, dressed as a blocking client.

Each call, and each step of a stream, runs on an asyncio.Runner of the test's own. So a body is
plain blocking code, and the asyncio package runs in a real loop underneath.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import omni_api
import omni_api_async

T = TypeVar("T")


class Blocking:
    """The asyncio client, its facades and its streams, each step run to its end."""

    def __init__(self, target: Any, runner: asyncio.Runner) -> None:
        self._target = target
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        return dressed(getattr(self._target, name), self._runner)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return dressed(self._target(*args, **kwargs), self._runner)

    def __enter__(self) -> Self:
        self._runner.run(self._target.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._runner.run(self._target.__aexit__(kind, error, traceback))

    def __iter__(self) -> Iterator[Any]:
        steps = self._target.__aiter__()
        try:
            while True:
                yield self._runner.run(_step(steps))
        except StopAsyncIteration:
            return
        finally:
            # What `break` does to an `async for`: the loop's iterator is dropped.
            del steps

    def __next__(self) -> Any:
        try:
            return self._runner.run(_step(self._target))
        except StopAsyncIteration:
            raise StopIteration from None

    def __repr__(self) -> str:
        return repr(self._target)


async def _step(steps: Any) -> Any:
    return await steps.__anext__()


def dressed(value: Any, runner: asyncio.Runner) -> Any:
    """Dress what is asynchronous, run what is awaitable, hand on the rest."""
    if inspect.iscoroutine(value):
        return runner.run(value)
    asynchronous = (omni_api_async.OmniClient, omni_api_async.Stream)
    if isinstance(value, asynchronous) or type(value).__module__.startswith("omni_api_async._gen"):
        return Blocking(value, runner)
    if inspect.iscoroutinefunction(value) or inspect.ismethod(value):
        return Blocking(value, runner)
    return value


class Facade:
    """Makes clients of one of the packages, and closes them in the end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._runner = asyncio.Runner() if name == "asyncio" else None
        self._clients: list[Any] = []

    @property
    def client_class(self) -> Any:
        """The package's own client."""
        return omni_api.OmniClient if self._runner is None else omni_api_async.OmniClient

    def client(self, endpoint: str, **options: Any) -> Any:
        """Return a client with blocking methods, whichever package it is of."""
        return self.dress(self.client_class(endpoint, **options))

    def dress(self, client: Any) -> Any:
        """Give a client blocking methods, and close it in the end."""
        made = client if self._runner is None else Blocking(client, self._runner)
        self._clients.append(made)
        return made

    def meanwhile(self, function: Callable[[], T]) -> T:
        """Call a function that blocks, while the client's event loop (if it has one) goes on."""
        if self._runner is None:
            return function()
        return self._runner.run(asyncio.to_thread(function))

    def close(self) -> None:
        for client in self._clients:
            client.close()
        if self._runner is not None:
            self._runner.close()

"""One ready display of progress: bars in a terminal, bars in a notebook, silence in a pipe.

What is shown is a `Progress`, whoever reports it: a support bundle, an export, or a stream that is
counted here. How it is drawn is decided in `_bars.py`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Final, Generic, Literal, Protocol, Self, TextIO, TypeVar, overload

from omni_api._bars import Painter, painter
from omni_api._core.flow import logger
from omni_api.errors import ClosedError, InvalidInputError
from omni_api.progress import PartProgress, Progress

__all__ = ["Display", "Style", "bars"]

Style = Literal["auto", "rich", "notebook", "tqdm", "none"]
"""How to draw: with rich, below the cell of a notebook, with tqdm, not at all, or what fits."""

_STYLES: Final = ("auto", "rich", "notebook", "tqdm", "none")
_SECONDS_BETWEEN: Final = 0.1

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Counted(Protocol):
    @property
    def chunks(self) -> int: ...
    @property
    def bytes_received(self) -> int: ...


class _Blocking(_Counted, Protocol[T_co]):
    def __iter__(self) -> Iterator[T_co]: ...


class _Asyncio(_Counted, Protocol[T_co]):
    def __aiter__(self) -> AsyncIterator[T_co]: ...


def bars(*, style: Style = "auto", file: TextIO | None = None) -> Display:
    """Return a display for `on_progress`, to be used in a `with` block.

    It shows a bar for every part, how many units failed, the time, and what happened last. In a
    terminal rich draws it, in a Jupyter notebook it stands below the cell (no widgets needed),
    and in a pipe or a log file nothing is written. This is decided here, by looking at the output
    and at what runs this code.

    Args:
        style: "rich", "notebook", "tqdm" or "none" to decide it yourself.
        file: Where to write. Default: standard error. A notebook shows it below the cell instead.

    Returns:
        The display. It is called with a `Progress`, in any thread or in an event loop.

    Raises:
        InvalidInputError: There is no such style.
        MissingLibraryError: The style was asked for, and its library is not installed. With
            "auto" that is a line in the log instead, and nothing is shown.

    Example:
        >>> import tempfile
        >>> from omni_api import display
        >>> directory = tempfile.TemporaryDirectory()
        >>> with display.bars() as show:
        ...     bundle = omni.support.save("talos-default", directory.name, on_progress=show)
        >>> directory.cleanup()
    """
    if style not in _STYLES:
        raise InvalidInputError(f"style must be one of {', '.join(_STYLES)}, not {style!r}")
    return Display(painter(style, sys.stderr if file is None else file))


class Display:
    """Shows reports of progress while its `with` block runs; made by `bars()`.

    The terminal is itself again after the block, also when the block fails.
    """

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self._open = self._gone = False
        self._pending: Progress | None = None
        self._next = 0.0

    def __enter__(self) -> Self:
        self._draw(self._painter.begin)
        self._open = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open = False
        try:
            # What came last is what a person wants to see when the operation broke.
            if self._pending is not None and not self._gone:
                self._draw(partial(self._painter.paint, self._pending))
        finally:
            self._draw(self._painter.end)

    def __call__(self, progress: Progress) -> None:
        """Show a report; of many at once, only some are drawn, and the last one always.

        Raises:
            ClosedError: The `with` block has not begun, or is over.
        """
        if not self._open:
            raise ClosedError("a display shows progress inside its with block only")
        moment = time.monotonic()
        if self._gone:
            return
        if moment < self._next and not progress.finished:
            self._pending = progress
            return
        self._next, self._pending = moment + _SECONDS_BETWEEN, None
        self._draw(partial(self._painter.paint, progress))

    def _draw(self, how: Callable[[], None]) -> None:
        """Draw, or give it up: a terminal that was closed must not end an export."""
        try:
            how()
        except OSError as error:
            self._gone = True
            logger.info("no more progress is shown: %s", error)

    @overload
    def watch(self, stream: _Blocking[T], unit: str = ...) -> Iterator[T]: ...
    @overload
    def watch(self, stream: _Asyncio[T], unit: str = ...) -> AsyncIterator[T]: ...
    def watch(
        self, stream: _Blocking[T] | _Asyncio[T], unit: str = "messages"
    ) -> Iterator[T] | AsyncIterator[T]:
        """Hand on what a stream brings, and show how much that is, in number, bytes and by second.

        Args:
            stream: A stream of either package. Closing it is left to its own `with` block.
            unit: What it brings, in the plural.

        Returns:
            What it brings: loop over it instead of the stream.

        Example:
            >>> from omni_api import display
            >>> with display.bars() as show:
            ...     with omni.management.machine_logs(machine_id=machine_id, tail_lines=5) as log:
            ...         for line in show.watch(log, "lines"):
            ...             assert line.bytes
        """
        count = _Count(stream, unit)
        if isinstance(stream, AsyncIterable):
            return _Watched(self, stream, count)
        return self._watch(stream, count)

    def _watch(self, stream: _Blocking[T], count: _Count) -> Iterator[T]:
        for value in stream:
            self(count.report())
            yield value
        self(count.report(finished=True))


class _Watched(Generic[T]):
    """Hands on what a stream of the asyncio package brings.

    No generator, which a `break` would leave unclosed: who forgets this forgets the stream's own
    iterator, and with it the stream.
    """

    def __init__(self, show: Display, stream: AsyncIterable[T], count: _Count) -> None:
        self._show = show
        self._values = stream.__aiter__()
        self._count = count

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            value = await self._values.__anext__()
        except StopAsyncIteration:
            self._show(self._count.report(finished=True))
            raise
        self._show(self._count.report())
        return value


class _Count:
    """Makes reports of what a stream itself counts."""

    def __init__(self, stream: _Counted, unit: str) -> None:
        self._stream = stream
        self._unit = unit
        self._began = time.monotonic()

    def report(self, *, finished: bool = False) -> Progress:
        elapsed = time.monotonic() - self._began
        count, size = self._stream.chunks, self._stream.bytes_received
        rate = f", {count / elapsed:,.0f} {self._unit}/s" if elapsed > 0 else ""
        return Progress(
            parts=(PartProgress(name=self._unit, done=count, unit=self._unit),),
            elapsed=elapsed,
            latest=f"{count:,} {self._unit}, {readable(size)}{rate}",
            finished=finished,
        )


def readable(size: int) -> str:
    """Return a number of bytes as a person writes it."""
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:  # noqa: PLR2004 - what kilo means
            break
        amount, unit = amount / 1000, larger
    return f"{size} bytes" if unit == "bytes" else f"{amount:,.1f} {unit}"

"""Downloads a boot asset: what is asked for, what is tried again, what is checked in the end.

Fetching is `_http.py`'s, the meaning of answers `_answers.py`'s, the file `_part.py`'s.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeVar

import attrs
import grpc

from omni_api import _disk
from omni_api._core.steps import Pause, Steps, now, patience, run
from omni_api.boot_assets._addresses import beside, shown
from omni_api.boot_assets._answers import PASSING, changed, checksum, refusal, understood
from omni_api.boot_assets._http import Taken, Transfer, UnusableAddressError
from omni_api.boot_assets._part import Part
from omni_api.boot_assets._values import BootAsset, SavedBootAsset
from omni_api.errors import (
    DamagedDownloadError,
    DeadlineExceededError,
    DownloadError,
    InvalidInputError,
)
from omni_api.progress import PartProgress, Progress

T = TypeVar("T")
Watcher = Callable[[Progress], None]

_TICK_S: Final = 0.2
"""How long a step waits for bytes, and so how long it takes to notice that nobody wants them."""

_CHECKSUM: Final = ".sha256"
_LONGEST_CHECKSUM: Final = 4096
_HTTP: Final = (OSError, http.client.HTTPException)


class _Broken(Exception):  # noqa: N818 - it says that a connection did, and never leaves this file
    """An attempt failed in a way that may pass; its cause is the error to raise in the end."""


@attrs.define(kw_only=True)
class Download:
    """A download on its way.

    Attributes:
        asset: What is fetched.
        target: The file to write.
        overwrite: Whether to replace a file that is there.
        deadline: When it has to be over, on the client's clock; None without a limit.
        watch: Who is told how far it has come.
    """

    asset: BootAsset
    target: Path
    overwrite: bool
    deadline: float | None
    watch: Watcher | None
    _began: float = 0.0
    _sha256: str = ""
    _gained: bool = False

    def steps(self) -> Steps[SavedBootAsset]:
        """Fetch, check and save the file."""
        if not self.asset.url.startswith(("https://", "http://")):
            raise InvalidInputError(f"the image factory must have a URL of http, not {self._shown}")
        self._began = (yield from now()).monotonic
        part = Part(self.target, self._shown)
        try:
            # Not made by the step: what a step returns is lost when it is cancelled.
            yield from run(part.open)
            resumed = yield from self._patiently(part, lambda: self._fetch(part))
            expected = self._sha256 or (yield from self._patiently(part, self._checksum))
            if expected and expected != part.sha256:
                yield from run(part.discard)
                raise DamagedDownloadError(
                    f"{self._shown} came with another SHA-256 than the server says: "
                    f"{part.sha256} instead of {expected}; what came was removed",
                    url=self._shown,
                )
            saved = SavedBootAsset(
                path=self.target,
                size=part.size,
                sha256=part.sha256,
                resumed_bytes=resumed,
                verified=bool(expected),
            )
            yield from run(partial(part.name_as, self.target, overwrite=self.overwrite))
        finally:
            part.leave()
        yield from self._tell(saved.size, saved.size, f"saved {saved.path}", finished=True)
        return saved

    @property
    def _shown(self) -> str:
        return shown(self.asset.url)

    def _patiently(self, part: Part, attempt: Callable[[], Steps[T]]) -> Steps[T]:
        """Try until it works, or for as long as the client's policy says.

        An attempt that went on where the last one stopped, and got further, counts as the first.
        """
        tries = 0
        while True:
            self._gained = False
            try:
                return (yield from attempt())
            except _Broken as broken:
                tries = 1 if self._gained else tries + 1
                left = yield from self._left()
                wait = yield from patience(tries, left)
                if wait is None:
                    cause = broken.__cause__
                    raise self._failure(cause, part, tries) from cause
                yield from self._tell(part.size, part.mark.size, f"trying again: {broken}")
                yield Pause(wait)

    def _fetch(self, part: Part) -> Steps[int]:
        """Fetch what is missing of the file; return how much an earlier download left."""
        asked = yield from run(lambda: part.offset)
        transfer = Transfer(self.asset.url, self.asset.headers, part.mark.ranges(asked))
        try:
            head = None
            while True:
                taken = yield from self._take(transfer)
                if taken is not None:
                    head = head or taken.head
                    if taken.head is not None:
                        if taken.head.status in PASSING:
                            raise _broken(refusal(taken.head.status, self._shown))
                        if taken.head.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                            yield from run(part.restart)
                            raise _broken(refusal(taken.head.status, self._shown))
                        if changed(taken.head, part.mark):
                            yield from run(part.restart)
                            raise _broken(ConnectionError("the file has changed meanwhile"))
                        answer = understood(taken.head, self._shown, asked)
                        yield from run(partial(part.begin, answer.start, answer.mark))
                        self._sha256 = answer.sha256
                    yield from run(partial(part.write, taken.data))
                    self._gained = self._gained or bool(part.kept and taken.data)
                    if taken.ended:
                        break
                waiting = "waiting for the image factory" if head is None else ""
                yield from self._tell(part.size, part.mark.size, waiting)
        finally:
            transfer.stop()
        if part.mark.size is not None and part.size != part.mark.size:
            missing = part.mark.size - part.size
            raise _broken(ConnectionError(f"the connection ended {missing:,} bytes too early"))
        return part.resumed or 0

    def _checksum(self) -> Steps[str]:
        """Return the hash that stands beside the file; empty where none does.

        The enterprise edition of the factory has `….sha256`; others answer with an error. One that
        may pass says nothing of the kind.
        """
        transfer = Transfer(beside(self.asset.url, _CHECKSUM), self.asset.headers)
        text = b""
        try:
            while len(text) < _LONGEST_CHECKSUM:
                taken = yield from self._take(transfer)
                if taken is not None:
                    if taken.head is not None and taken.head.status in PASSING:
                        raise _broken(refusal(taken.head.status, self._shown + _CHECKSUM))
                    if taken.head is not None and taken.head.status != HTTPStatus.OK:
                        return ""
                    text += b"".join(taken.data)
                    if taken.ended:
                        return checksum(text)
        finally:
            transfer.stop()
        return ""

    def _take(self, transfer: Transfer) -> Steps[Taken | None]:
        left = yield from self._left()
        if left is not None and left <= 0:
            raise DeadlineExceededError(
                f"the download of {self.target.name} took longer than its timeout; what has come "
                "is kept, and the same call goes on with it",
                code=grpc.StatusCode.DEADLINE_EXCEEDED,
                method=f"GET {self._shown}",
            )
        try:
            return (yield from run(partial(transfer.take, _TICK_S)))
        except (ssl.SSLCertVerificationError, UnusableAddressError) as error:
            raise self._failure(error, None, 1) from error
        except _HTTP as error:
            raise _broken(error) from error

    def _left(self) -> Steps[float | None]:
        moment = yield from now()
        return None if self.deadline is None else self.deadline - moment.monotonic

    def _tell(
        self, done: int, total: int | None, latest: str, *, finished: bool = False
    ) -> Steps[None]:
        if self.watch is not None:
            bar = PartProgress(name=self.target.name, done=done, total=total, unit="bytes")
            elapsed = (yield from now()).monotonic - self._began
            self.watch(Progress(parts=(bar,), elapsed=elapsed, latest=latest, finished=finished))

    def _failure(self, cause: BaseException | None, part: Part | None, tries: int) -> DownloadError:
        if isinstance(cause, DownloadError):
            status, text = cause.status, str(cause)
        else:
            status, text = None, f"{self._shown} could not be fetched: {_words(cause)}"
        if tries > 1:
            text += f" (tried {tries} times)"
        there = part.size if part is not None else 0
        return DownloadError(text, url=self._shown, status=status, bytes_received=there)


def _broken(cause: Exception) -> _Broken:
    broken = _Broken(_words(cause))
    broken.__cause__ = cause
    return broken


def _words(cause: BaseException | None) -> str:
    return _disk.words(cause) if cause is not None else "the connection broke"

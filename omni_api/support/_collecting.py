"""Collects a support bundle: what is asked for, what is told on the way, what is refused.

Writing the file is `_file.py`'s. The server reports failed steps and still sends a bundle, and it
does so for a cluster that it does not know; both are recorded from Omni 1.10.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from omni_api import _disk
from omni_api._core import arguments
from omni_api._core.call import Call
from omni_api._core.durations import Timeout
from omni_api._core.steps import END, Give, Running, Steps, Stop, following, now, run, start
from omni_api._gen import calls
from omni_api._gen.table import GET_SUPPORT_BUNDLE
from omni_api.errors import (
    BY_CODE,
    CallError,
    InternalError,
    InvalidInputError,
    NotFoundError,
    UnimplementedError,
)
from omni_api.progress import PartProgress, SupportBundleProgress
from omni_api.rows import Rows
from omni_api.support import _file
from omni_api.support._values import BundleProgress, SourceError, SupportBundle

_COLLECT: Final = "collect "
_CHECK_NAME: Final = (
    "Check the name of the cluster; allow_empty=True takes the empty bundle all the same"
)
_NOT_ENCRYPTED: Final = (
    "the server does not encrypt support bundles and would send a plain one; nothing was written"
)
_ENCRYPT_YOURSELF: Final = (
    "Omni encrypts from 1.10 on. With an older one, take the plain bundle (encrypt=False) and "
    "encrypt it yourself"
)

Watcher = Callable[[BundleProgress], None]


@attrs.frozen(kw_only=True)
class Order:
    """What was asked for, checked.

    Attributes:
        call: The call.
        path: File or directory to write to.
        encrypted: Whether the server is to encrypt the bundle.
        overwrite: Whether the file may be there already.
        allow_empty: Whether a bundle without anything in it is good enough.
    """

    call: Call[SupportBundleProgress]
    path: str
    encrypted: bool
    overwrite: bool
    allow_empty: bool

    @property
    def name(self) -> str:
        """What the file is called where only a directory was named, as `omnictl` calls it."""
        return "support.zip.age" if self.encrypted else "support.zip"


def ordered(
    cluster: str,
    path: Path | str | None,
    *,
    encrypt: bool | Sequence[str],
    default_recipients: bool,
    overwrite: bool,
    allow_empty: bool,
    timeout: Timeout,
) -> Order:
    """Check the arguments and return the order."""
    named = None if path is None else _disk.named(path)
    recipients = () if isinstance(encrypt, bool) else arguments.texts("encrypt", encrypt)
    encrypted = encrypt is True or bool(recipients)
    if not isinstance(encrypt, bool) and not recipients:
        raise InvalidInputError(
            "encrypt must be True, False, or a list of at least one recipient, not an empty list"
        )
    if not arguments.boolean("default_recipients", default_recipients) and not recipients:
        raise InvalidInputError(
            "default_recipients=False needs other recipients: pass them as encrypt=[...]"
        )
    return Order(
        call=calls.get_support_bundle(
            cluster=cluster,
            encrypt=encrypted,
            encryption_recipients=recipients,
            encryption_no_default_recipients=not default_recipients,
            timeout=timeout,
        ),
        path=os.curdir if named is None else named,
        encrypted=encrypted,
        overwrite=arguments.boolean("overwrite", overwrite),
        allow_empty=arguments.boolean("allow_empty", allow_empty),
    )


@attrs.define
class Tally:
    """What the server has reported so far."""

    parts: dict[str, PartProgress] = attrs.field(factory=dict)
    errors: list[SourceError] = attrs.field(factory=list)
    recipients: tuple[str, ...] = ()

    def count(self, step: SupportBundleProgress) -> None:
        """Take a message into account."""
        self.recipients = step.encryption_recipients or self.recipients
        if step.source:
            part = self.parts.get(step.source) or PartProgress(name=step.source, done=0)
            self.parts[step.source] = attrs.evolve(
                part,
                done=max(part.done, step.value),
                total=step.total or part.total,
                errors=part.errors + step.has_error,
            )
        if step.has_error:
            item = step.state.removeprefix(_COLLECT)
            self.errors.append(SourceError(source=step.source, item=item, error=step.error))

    @property
    def is_empty(self) -> bool:
        """Whether no source had a single step."""
        return not any(part.total for part in self.parts.values())


def collecting(order: Order, watch: Watcher | None = None) -> Steps[SupportBundle]:
    """Collect and save a bundle, and give a `BundleProgress` after every message."""
    target = yield from run(partial(_disk.place, order.path, order.name, overwrite=order.overwrite))
    tally, began = Tally(), (yield from now()).monotonic
    stream = yield from start(order.call)
    while True:
        step = yield from following(stream)
        if step is END:
            raise _failure(InternalError, "the stream ended without a bundle", "", stream)
        tally.count(step)
        if order.encrypted and not tally.recipients:
            # A server that encrypts names the recipients first of all.
            raise _failure(UnimplementedError, _NOT_ENCRYPTED, _ENCRYPT_YOURSELF, stream)
        if step.has_bundle_data:
            break
        progress = BundleProgress(
            parts=tuple(tally.parts.values()),
            elapsed=(yield from now()).monotonic - began,
            latest=step.progress_string(),
            step=step,
        )
        yield from _told(watch, progress)
    yield Stop(stream)
    # What is encrypted cannot be looked into.
    empty = tally.is_empty and (order.encrypted or _file.is_empty(step.bundle_data))
    if empty and not order.allow_empty:
        words = tally.errors[0].error if tally.errors else "the server collected nothing"
        raise _failure(NotFoundError, words, _CHECK_NAME, stream)
    bundle = yield from run(partial(_saved, order, target, step.bundle_data, tally))
    last = BundleProgress(
        parts=bundle.sources,
        elapsed=(yield from now()).monotonic - began,
        latest=_summary(bundle),
        finished=True,
        step=attrs.evolve(step, bundle_data=b""),
        bytes_received=bundle.size,
        bundle=bundle,
    )
    yield from _told(watch, last)
    return bundle


def _told(watch: Watcher | None, progress: BundleProgress) -> Steps[None]:
    if watch is not None:
        watch(progress)
    yield Give(progress)


def _saved(order: Order, target: Path, data: bytes, tally: Tally) -> SupportBundle:
    _file.check(data, encrypted=order.encrypted)
    return SupportBundle(
        path=target,
        size=len(data),
        sha256=_file.save(target, data, overwrite=order.overwrite),
        sources=Rows(tally.parts.values(), of=PartProgress),
        errors=Rows(tally.errors, of=SourceError),
        recipients=tally.recipients,
    )


def _summary(bundle: SupportBundle) -> str:
    failed = f", {len(bundle.errors)} steps failed" if bundle.errors else ""
    return f"saved {bundle.path}: {bundle.size:,} bytes{failed}"


def _failure(
    kind: type[CallError], details: str, hint: str, stream: Running[SupportBundleProgress]
) -> CallError:
    """Return the error that the server should have sent."""
    return kind(
        details,
        code=next(code for code, known in BY_CODE.items() if known is kind),
        method=GET_SUPPORT_BUNDLE.path,
        hint=hint,
        chunks=stream.chunks,
    )

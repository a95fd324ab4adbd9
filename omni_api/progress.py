"""Progress: of anything that takes long, and of a support bundle as its server reports it.

`Progress` is what every long operation reports to `on_progress`, and what `display.bars()` shows.

Real servers announce how many steps a source has but never say which one they are at (`value` is
always 0, recorded from Omni 1.10). So the reader of a stream counts the messages of each source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import attrs

from omni_api._core.values import redacted
from omni_api.rows import Value

__all__ = ["PartProgress", "Progress", "SupportBundleProgress"]


@attrs.frozen(kw_only=True)
class PartProgress(Value):
    """How far one part of an operation has come: a source, a day, a file.

    Attributes:
        name: What the part is called.
        done: How many units are done; those that failed are done too.
        total: How many there will be, None where that is not known.
        errors: How many of them failed.
        unit: What is counted, in the plural.

    Example:
        >>> from omni_api import PartProgress
        >>> PartProgress(name="omni", done=11, total=55).fraction
        0.2
    """

    name: str
    done: int
    total: int | None = None
    errors: int = 0
    unit: str = "steps"

    @property
    def fraction(self) -> float | None:
        """How much is done, 0 to 1; None where the total is not known."""
        if self.total is None:
            return None
        return min(1.0, self.done / self.total) if self.total > 0 else 1.0


@attrs.frozen(kw_only=True)
class Progress(Value):
    """How far an operation of several parts has come.

    Attributes:
        parts: The parts that have begun, in the order in which they did.
        elapsed: Seconds since the operation began.
        latest: One line for a person about what happened last; may be empty.
        finished: Whether this is the last report.

    Example:
        >>> from omni_api import PartProgress, Progress
        >>> report = Progress(parts=(PartProgress(name="omni", done=1, total=4, errors=1),))
        >>> report.errors
        1
    """

    parts: tuple[PartProgress, ...] = ()
    elapsed: float = 0.0
    latest: str = ""
    finished: bool = False

    @property
    def errors(self) -> int:
        """How many units failed, of all parts together."""
        return sum(part.errors for part in self.parts)


@attrs.frozen(kw_only=True)
class SupportBundleProgress(Value):
    """One message on the way to a support bundle; the last one carries it.

    Attributes:
        source: What is collected from: "omni" (resources, machine logs) or "cluster" (Kubernetes
            and every node). Empty in messages without progress.
        error: Why this step failed; the bundle arrives all the same. Empty when it did not.
        state: What was done: `collect <file name>`.
        total: Number of steps of this source; 0 where the source could not be asked at all.
        value: Number of this step, from 1, counted by the client unless the server says it.
        bundle_data: The whole ZIP, in the last message only (age-encrypted when asked for).
        encryption_recipients: Who can open an encrypted bundle, in the first message only.

    Example:
        >>> from omni_api import SupportBundleProgress
        >>> step = SupportBundleProgress(source="omni", state="collect a.yaml", total=4, value=1)
        >>> step.progress_percentage
        25.0
        >>> step.progress_string()
        'omni 1/4 (25.0 %): collect a.yaml'
    """

    source: str = ""
    error: str = ""
    state: str = ""
    total: int = 0
    value: int = 0
    bundle_data: bytes = attrs.field(default=b"", repr=redacted)
    encryption_recipients: tuple[str, ...] = ()

    @property
    def has_bundle_data(self) -> bool:
        """Whether this message carries the bundle."""
        return bool(self.bundle_data)

    @property
    def has_error(self) -> bool:
        """Whether this step failed."""
        return bool(self.error)

    @property
    def progress_percentage(self) -> float:
        """How much of this source is done, 0 to 100; 100 in the message with the bundle."""
        if self.has_bundle_data:
            return 100.0
        if self.total <= 0 or self.value <= 0:
            return 0.0
        return 100.0 if self.value >= self.total else self.value / self.total * 100

    def progress_string(self) -> str:
        """Return one line for a person."""
        if self.has_bundle_data:
            return f"bundle received: {len(self.bundle_data):,} bytes"
        if self.encryption_recipients:
            return f"encrypted for {', '.join(self.encryption_recipients)}"
        parts = [self.source]
        if self.total > 0:
            parts.append(f"{self.value}/{self.total} ({self.progress_percentage:.1f} %)")
        text = " ".join(part for part in parts if part)
        if self.state:
            text += f": {self.state}"
        if self.error:
            text += f": failed: {self.error}"
        return text


def progress_reader() -> Callable[[bytes], SupportBundleProgress]:
    """Return the reader of one stream, which counts the steps of each source."""
    from omni_api._core.reading import value
    from omni_api._gen.management_pb2 import GetSupportBundleResponse

    seen: Counter[str] = Counter()

    def counted(message: GetSupportBundleResponse) -> SupportBundleProgress:
        progress = message.progress
        if message.HasField("progress") and progress.total > 0:
            seen[progress.source] += 1
        return SupportBundleProgress(
            source=progress.source,
            error=progress.error,
            state=progress.state,
            total=progress.total,
            value=progress.value or (seen[progress.source] if progress.total > 0 else 0),
            bundle_data=message.bundle_data,
            encryption_recipients=tuple(message.encryption_recipients),
        )

    return value(
        GetSupportBundleResponse, counted, "/management.ManagementService/GetSupportBundle"
    )()

"""Progress of a support bundle: the answers of GetSupportBundle, with the steps counted.

Real servers announce how many steps a source has but never say which one they are at (`value` is
always 0, recorded from Omni 1.10). So the reader of a stream counts the messages of each source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import attrs

from omni_api._core.values import redacted

__all__ = ["SupportBundleProgress"]


@attrs.frozen(kw_only=True)
class SupportBundleProgress:
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

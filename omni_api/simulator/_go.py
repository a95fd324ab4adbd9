"""Words and forms that a Go server uses: durations, dates and their errors, times, quoting.

Clients compare these texts, so they are rebuilt here letter by letter.
"""

from __future__ import annotations

import calendar
import json
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_LAYOUT = "2006-01-02"
_LONGEST_ID = 1024
_LAST_MS = 253_402_300_799_999


def duration_text(seconds: int) -> str:
    """Write a duration as Go does: `8784h0m0s`, `5m0s`, `30s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def milliseconds(moment: datetime) -> int:
    """Unix time in whole milliseconds, without the rounding of floats."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def rfc3339(ms: int) -> str:
    """Write Unix milliseconds as Go's RFC 3339 with fractions: trailing zeros are left out."""
    # Python's calendar ends with the year 9999; what is later is as good as its last day.
    ms = min(ms, _LAST_MS)
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    fraction = f".{ms % 1000:03d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def json_text(value: object) -> str:
    """Write JSON as Go's encoder does: no spaces, raw UTF-8, `<`, `>` and `&` escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def multiple(faults: Sequence[str]) -> str:
    """Several errors as Go's multierror writes them: a count, then one bullet each."""
    count = "1 error" if len(faults) == 1 else f"{len(faults)} errors"
    return f"{count} occurred:\n" + "".join(f"\t* {fault}\n" for fault in faults) + "\n"


def id_faults(id_: str) -> list[str]:
    """What Omni has against the id of a resource that is to be created.

    That it has something is certain, the words are not: no recording shows them. An empty id is
    left to the checks of its type.
    """
    faults = []
    if len(id_.encode()) > _LONGEST_ID:
        faults.append(f"the resource id must not be longer than {_LONGEST_ID} bytes")
    if any(unicodedata.category(letter) == "Cc" for letter in id_):
        faults.append("the resource id must not contain control characters")
    return faults


class DateError(ValueError):
    """The text is no date, in Go's words."""


def parse_date(text: str) -> datetime:
    """Parse `YYYY-MM-DD` as Go's `time.Parse` does; midnight UTC, the simulator's local time.

    Raises:
        DateError: With the message of Go's `time.ParseError`.
    """
    rest = text
    if len(rest) < 4 or not _digits(rest[:4]):
        raise _cannot(text, rest, "2006")
    year, rest = int(rest[:4]), rest[4:]
    if not rest.startswith("-"):
        raise _cannot(text, rest, "-")
    rest = rest[1:]
    if not _digits(rest[:2]) or len(rest) < 2:
        raise _cannot(text, rest, "01")
    month, rest = int(rest[:2]), rest[2:]
    if not 1 <= month <= 12:
        raise _wrong(text, ": month out of range")
    if not rest.startswith("-"):
        raise _cannot(text, rest, "-")
    rest = rest[1:]
    if not _digits(rest[:2]) or len(rest) < 2:
        raise _cannot(text, rest, "02")
    day, rest = int(rest[:2]), rest[2:]
    if rest:
        raise _wrong(text, f": extra text: {quoted(rest)}")
    # Go knows a year 0; Python does not, and no audit log reaches back that far.
    if not 1 <= day <= calendar.monthrange(max(year, 1), month)[1]:
        raise _wrong(text, ": day out of range")
    return datetime(max(year, 1), month, day, tzinfo=UTC)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _cannot(text: str, rest: str, element: str) -> DateError:
    return _wrong(text, f" as {quoted(_LAYOUT)}: cannot parse {quoted(rest)} as {quoted(element)}")


def _wrong(text: str, rest: str) -> DateError:
    return DateError(f"parsing time {quoted(text)}{rest}")


def quoted(text: str) -> str:
    r"""Quote as Go's time package does: bytes outside printable ASCII become `\xNN`."""
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif " " <= char <= "~":
            out.append(char)
        else:
            out += [f"\\x{byte:02x}" for byte in char.encode(errors="surrogatepass")]
    return '"' + "".join(out) + '"'

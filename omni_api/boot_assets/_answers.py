"""How a factory's answer is understood: where the bytes belong, and whether to try again. Pure.

Image factories differ. One sends the bytes itself, with a length and nothing else; one sends the
client on to an object store, whose answers have validators and ranges (read from the source of
Image Factory 1.6; nothing of it is recorded). So each of these is used where it is offered.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import attrs

from omni_api.boot_assets._http import Head
from omni_api.errors import AssetNotFoundError, DownloadError

PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that the same request may outlive."""

_HINTS: Final = {
    401: "the factory asks for credentials that Omni did not give; check Omni's image factory",
    403: "the factory refuses these credentials, or the proxy before it does",
}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_CHECKSUM = re.compile(r"\s*([0-9a-fA-F]{64})(\s|$)")
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=([^,;\s]+)", re.IGNORECASE)
_SHA256_BYTES: Final = 32


@attrs.frozen(kw_only=True)
class Mark:
    """What a file is known by that has come in part.

    Attributes:
        validator: Strong ETag, or the time of the last change, by which the server tells whether
            it still has the same file; empty when it gave none.
        size: Size of the whole file; None when it is not known.
    """

    validator: str = ""
    size: int | None = None

    def offset(self, present: int) -> int:
        """Return where to go on when `present` bytes are there; 0 to start over.

        Of a file that is complete the last byte is asked for again: so the server says whether it
        still has the same one.
        """
        if not self.validator:
            return 0
        return present if self.size is None else max(0, min(present, self.size - 1))

    def ranges(self, offset: int) -> Mapping[str, str]:
        """Return the headers that ask for the rest; the whole comes if the file has changed."""
        return {"Range": f"bytes={offset}-", "If-Range": self.validator} if offset else {}


@attrs.frozen(kw_only=True)
class Answer:
    """What is to come.

    Attributes:
        start: Where in the file the bytes begin.
        mark: What the file is known by.
        sha256: Its hash, if the server says it; else empty.
    """

    start: int
    mark: Mark
    sha256: str


def understood(head: Head, url: str, asked: int) -> Answer:
    """Return what is to come, for a request that asked for the bytes from `asked` on.

    Raises:
        DownloadError: The server refuses.
    """
    headers = head.headers
    if head.status == HTTPStatus.OK:
        return Answer(start=0, mark=_mark(headers, _number(headers)), sha256=_digest(headers))
    if head.status == HTTPStatus.PARTIAL_CONTENT and asked:
        found = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
        if found is not None and int(found[1]) == asked:
            size = None if found[3] == "*" else int(found[3])
            return Answer(start=asked, mark=_mark(headers, size), sha256=_digest(headers))
    raise refusal(head.status, url)


def changed(head: Head, known: Mark) -> bool:
    """Whether a part of a file is one of another file: not every server knows `If-Range`."""
    field = "etag" if known.validator.startswith('"') else "last-modified"
    validator = head.headers.get(field, known.validator).removeprefix("W/")
    return head.status == HTTPStatus.PARTIAL_CONTENT and validator != known.validator


def refusal(status: int, url: str) -> DownloadError:
    """Return the error of an answer that brings no file."""
    if status == HTTPStatus.NOT_FOUND:
        return AssetNotFoundError(
            f"the image factory has no {url}: check schematic, Talos version, platform, "
            "architecture and format",
            url=url,
            status=status,
        )
    hint = f"; {_HINTS[status]}" if status in _HINTS else ""
    return DownloadError(f"{url} answered HTTP {status}{hint}", url=url, status=status)


def checksum(data: bytes) -> str:
    """Return the hash in a `.sha256` file; empty if that is something else, such as a web page."""
    found = _CHECKSUM.match(data.decode("ascii", errors="replace"))
    return found[1].lower() if found else ""


def _mark(headers: Mapping[str, str], size: int | None) -> Mark:
    etag = headers.get("etag", "")
    strong = etag if etag.startswith('"') else ""  # W/"…" does not vouch for every byte
    return Mark(validator=strong or headers.get("last-modified", ""), size=size)


def _number(headers: Mapping[str, str]) -> int | None:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _digest(headers: Mapping[str, str]) -> str:
    """Return the SHA-256 of the whole file in hexadecimal digits (RFC 9530, before it RFC 3230)."""
    found = _DIGEST.search(headers.get("repr-digest", "") or headers.get("digest", ""))
    try:
        digest = base64.b64decode(found[1].strip(":"), validate=True) if found else b""
    except binascii.Error:
        return ""
    return digest.hex() if len(digest) == _SHA256_BYTES else ""

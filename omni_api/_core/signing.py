"""The siderov1 signature: what is signed and which headers carry it. Pure.

The server checks the signature over the payload text as received, then compares the text with
the metadata that came: a covered header missing on either side, or in another order of values, is
an invalid signature. So the metadata is complete before it is signed, and every further attempt is
signed anew, since the server tolerates five minutes (recorded from Omni 1.10: four minutes
behind is accepted, ten are not).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from omni_api._core.call import Metadata
from omni_api.errors import ExpiredKeyError

COVERED = (
    "authorization",
    "cluster",
    "context",
    "fieldSelectors",
    "namespace",
    "nodes",
    "runtime",
    "selectors",
    "uid",
    "x-sidero-timestamp",
)
"""The headers a signature covers, in the order of the canonical payload."""

_MOST_KEPT = 16
_ODD = re.compile(r"[^\x21-\x7e]+")
# Made once: `json.dumps` makes an encoder for every call that asks for separators.
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


class Signer(Protocol):
    """What can sign: a service-account key or a user's key."""

    @property
    def identity(self) -> str:
        """Who signs. Informational: the server looks the key up by its fingerprint."""

    @property
    def fingerprint(self) -> str:
        """OpenPGP v4 fingerprint, 40 lower-case hex digits."""

    @property
    def expires(self) -> datetime | None:
        """When the key expires, aware UTC; None for never."""

    def sign(self, data: bytes) -> bytes:
        """Return a binary detached OpenPGP signature of `data`."""


def payload(path: str, metadata: Sequence[tuple[str, str]]) -> str:
    """Return the canonical text to sign for a call of `path` with `metadata`."""
    headers: dict[str, list[str] | None] = dict.fromkeys(COVERED)
    for key, value in metadata:
        # `fieldSelectors` stays null even when sent: on the wire its key is lower-case, the
        # server compares with the mixed-case name, and a payload that lists it never matches.
        if key in headers and key != "fieldSelectors":
            values = headers[key]
            headers[key] = [value] if values is None else [*values, value]
    text = _ENCODE({"headers": headers, "method": path})
    # Go's encoder escapes these three; the server would accept them plain as well.
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


class Signatures:
    """The signatures of the current second, for calls that are alike.

    The timestamp that is signed counts whole seconds, and a server accepts a payload as often as it
    comes (there is no nonce). So what is called many times in a second is signed once: with 256
    calls in flight a signature each would be a quarter of their CPU.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, Metadata, int], Metadata] = {}

    def metadata(
        self, signer: Signer, path: str, metadata: Metadata, *, now: datetime, anew: bool
    ) -> Metadata:
        """Return signed metadata, as `signed_metadata` does; signed now if it has to be `anew`."""
        key = (path, metadata, int(now.timestamp()))
        found = None if anew or _is_expired(signer, now) else self._made.get(key)
        if found is None:
            found = signed_metadata(signer, path, metadata, now=now)
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            self._made[key] = found
        return found


def _is_expired(signer: Signer, now: datetime) -> bool:
    return signer.expires is not None and now >= signer.expires


def signed_metadata(signer: Signer, path: str, metadata: Metadata, *, now: datetime) -> Metadata:
    """Return `metadata` and the three headers that sign it for one attempt at `now`.

    Raises:
        ExpiredKeyError: The key's lifetime is over. The server would say `invalid signature`, its
            one text for every cause.
    """
    if signer.expires is not None and _is_expired(signer, now):
        raise ExpiredKeyError(
            f"the key of {signer.identity} expired at {signer.expires:%Y-%m-%d %H:%M:%S} UTC "
            f"(this machine's clock says {now:%Y-%m-%d %H:%M:%S}); log in again, or renew the "
            "service account"
        )
    stamped = (*metadata, ("x-sidero-timestamp", str(int(now.timestamp()))))
    text = payload(path, stamped)
    signature = base64.b64encode(signer.sign(text.encode("ascii"))).decode("ascii")
    # The header's fields are separated by spaces and metadata is ASCII, while a server accepts
    # account names with anything in them. The identity is informational, so odd characters go.
    identity = _ODD.sub("_", signer.identity) or "_"
    return (
        *stamped,
        ("x-sidero-payload", text),
        ("x-sidero-signature", f"siderov1 {identity} {signer.fingerprint} {signature}"),
    )

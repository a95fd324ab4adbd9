"""What a download makes of an answer: where the bytes belong, and what the file is known by."""

from __future__ import annotations

import base64
import hashlib

import pytest

from omni_api.boot_assets._addresses import shown, without_password
from omni_api.boot_assets._answers import Mark, checksum, understood
from omni_api.boot_assets._http import Head
from omni_api.errors import AssetNotFoundError, DownloadError

URL = "https://factory.example.org/image/x.iso"
SHA = hashlib.sha256(b"x")
BASE64 = base64.b64encode(SHA.digest()).decode()


def head(status: int, **headers: str) -> Head:
    return Head(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def test_a_whole_file_begins_at_its_beginning_whatever_was_asked_for() -> None:
    answer = understood(head(200, content_length="10", etag='"a"'), URL, asked=5)
    assert (answer.start, answer.mark) == (0, Mark(validator='"a"', size=10))


def test_a_part_begins_where_it_was_asked_for() -> None:
    answer = understood(head(206, content_range="bytes 5-9/10", etag='"a"'), URL, asked=5)
    assert (answer.start, answer.mark.size) == (5, 10)


@pytest.mark.parametrize("content_range", ["bytes 4-9/10", "bytes */10", "lines 5-9/10", ""])
def test_another_part_than_asked_for_is_refused(content_range: str) -> None:
    with pytest.raises(DownloadError, match="HTTP 206"):
        understood(head(206, content_range=content_range), URL, asked=5)


def test_a_part_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(DownloadError):
        understood(head(206, content_range="bytes 0-9/10"), URL, asked=0)


def test_a_missing_file_has_an_error_of_its_own() -> None:
    with pytest.raises(AssetNotFoundError):
        understood(head(404), URL, asked=0)


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"etag": '"a"', "last_modified": "Mon"}, '"a"'),
        ({"etag": 'W/"a"', "last_modified": "Mon"}, "Mon"),
        ({"etag": 'W/"a"'}, ""),
        ({}, ""),
    ],
)
def test_only_what_vouches_for_every_byte_is_a_validator(
    headers: dict[str, str], validator: str
) -> None:
    mark = understood(head(200, **headers), URL, asked=0).mark
    assert mark.validator == validator
    assert bool(mark.offset(5)) is bool(validator)


@pytest.mark.parametrize(("present", "offset"), [(0, 0), (5, 5), (10, 9), (12, 9)])
def test_of_a_complete_file_the_last_byte_is_asked_for_again(present: int, offset: int) -> None:
    assert Mark(validator='"a"', size=10).offset(present) == offset


def test_a_start_over_asks_for_no_range() -> None:
    assert Mark(validator='"a"').ranges(0) == {}
    assert Mark(validator='"a"').ranges(5) == {"Range": "bytes=5-", "If-Range": '"a"'}


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({"repr_digest": f"sha-256=:{BASE64}:"}, True),
        ({"repr_digest": f"sha-512=:AAAA:, sha-256=:{BASE64}:"}, True),
        ({"digest": f"SHA-256={BASE64}"}, True),
        ({"repr_digest": "sha-256=:AAAA:"}, False),
        ({"repr_digest": "sha-256=:%%%:"}, False),
        ({"digest": "md5=AAAA"}, False),
        ({}, False),
    ],
)
def test_a_digest_in_the_headers_is_read_and_a_broken_one_ignored(
    headers: dict[str, str], known: bool
) -> None:
    assert understood(head(200, **headers), URL, asked=0).sha256 == (
        SHA.hexdigest() if known else ""
    )


@pytest.mark.parametrize("text", ["{}  x.iso\n", "{}", "{}\n"])
def test_a_checksum_file_is_read(text: str) -> None:
    assert checksum(text.format(SHA.hexdigest()).encode()) == SHA.hexdigest()


@pytest.mark.parametrize("text", [b"", b"<!doctype html>", b"\xff" * 64, b"abc  x.iso"])
def test_something_else_is_no_checksum(text: bytes) -> None:
    assert checksum(text) == ""


def test_a_url_is_shown_without_password_and_signature() -> None:
    assert shown("https://u:p@host:1/a.iso?X-Signature=s#f") == "https://host:1/a.iso"


def test_a_password_in_a_url_becomes_a_header() -> None:
    url, headers = without_password("https://u:p%40@host/a", {})
    assert url == "https://host/a"
    assert headers == {"Authorization": "Basic " + base64.b64encode(b"u:p@").decode()}
    assert without_password("https://host/a", {"A": "b"}) == ("https://host/a", {"A": "b"})

"""Where a log goes on after an interruption: laws of finding the place by content."""

from __future__ import annotations

from laws import given, st

from omni_api._core.log_position import REMEMBERED, Place, goes_on_here, place_among
from omni_api.machine_log import LogRecord


def timed(*numbers: int) -> list[LogRecord]:
    """Lines with a time that no other line has."""
    return [
        LogRecord(raw=b'{"msg":"x","talos-time":"2026-11-24T00:00:00.%09dZ"}' % number)
        for number in numbers
    ]


def plain(text: str) -> list[LogRecord]:
    """A line for each letter, without a time."""
    return [LogRecord(raw=letter.encode()) for letter in text]


LENGTHS = st.integers(0, 40)
TEXTS = st.text("ab", max_size=30)
# Mostly lines without time, which repeat, and few with one, which do not.
MIXED = st.lists(st.booleans(), max_size=30).map(
    lambda kinds: [
        timed(number)[0] if kind and number % 5 == 0 else plain("ab"[kind])[0]
        for number, kind in enumerate(kinds)
    ]
)


@given(received=st.integers(1, 40), removed=LENGTHS, added=LENGTHS, kept=st.integers(1, 20))
def test_lines_with_times_are_never_lost_nor_repeated_without_a_word(
    received: int, removed: int, added: int, kept: int
) -> None:
    log = timed(*range(received + added))
    removed = min(removed, len(log))
    remembered, stored = log[max(0, received - kept) : received], log[removed:]
    place = place_among(remembered, stored)
    # Certain as long as the server has one of the lines that were received.
    assert place.certain == (removed < received)
    assert stored[place.index :] == log[max(received, removed) :]


@given(log=MIXED, data=st.data())
def test_no_stored_line_is_lost_however_much_lines_resemble_each_other(
    log: list[LogRecord], data: st.DataObject
) -> None:
    received = data.draw(st.integers(0, len(log)))
    kept = data.draw(st.integers(0, received))
    place = place_among(log[received - kept : received], log)
    assert place.index <= received
    if place.certain and kept:
        assert place.index == received


@given(before=TEXTS, seen=TEXTS.filter(bool), after=TEXTS)
def test_a_place_is_certain_where_the_remembered_lines_end_once(
    before: str, seen: str, after: str
) -> None:
    log = before + seen + after
    once = log.find(seen) == log.rfind(seen)
    place = place_among(plain(seen), plain(log))
    # The beginning may be all that is left of the remembered lines.
    whole = not any(log.startswith(seen[cut:]) for cut in range(1, len(seen)))
    assert place.certain == (once and whole)
    assert place.index <= len(before + seen)


@given(log=MIXED, data=st.data())
def test_what_is_called_certain_at_once_is_so_in_the_end(
    log: list[LogRecord], data: st.DataObject
) -> None:
    received = data.draw(st.integers(1, len(log))) if log else 0
    if not received:
        assert place_among([], log) == Place(0, certain=True)
        return
    kept = data.draw(st.integers(1, received))
    remembered = log[received - kept : received]
    for end in range(1, len(log) + 1):
        if goes_on_here(remembered, log[:end]):
            assert end == received
            assert place_among(remembered, log[:end]) == Place(received, certain=True)
    if any(record.time for record in remembered):
        assert goes_on_here(remembered, log[:received])


def test_lines_that_are_all_alike_do_not_say_where_to_go_on() -> None:
    assert place_among(plain("aaa"), plain("aaaaaa")) == Place(1, certain=False)
    assert place_among(plain("aaa"), plain("aaaaaa"), late=True) == Place(6, certain=False)
    assert not goes_on_here(plain("aaa"), plain("aaa"))


def test_nothing_in_common_means_that_all_may_be_new() -> None:
    assert place_among(timed(1, 2), timed(7, 8)) == Place(0, certain=False)
    assert place_among(timed(1, 2), []) == Place(0, certain=False)


def test_one_plain_line_at_the_very_beginning_may_be_a_double() -> None:
    assert place_among(plain("abc"), plain("cde")) == Place(1, certain=False)
    assert place_among([*plain("ab"), *timed(3)], [*timed(3), *plain("de")]) == Place(
        1, certain=True
    )


def test_a_full_ring_of_lines_that_are_alike_is_searched_quickly() -> None:
    place = place_among(plain("a" * REMEMBERED), plain("a" * 5000))
    assert not place.certain

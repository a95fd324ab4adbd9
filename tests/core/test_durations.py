"""Durations: seconds and `timedelta` mean the same, and only positive ones are taken."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from laws import given, st

from omni_api import UNSET, InvalidInputError
from omni_api._core.durations import to_seconds

POSITIVE = st.floats(min_value=0, exclude_min=True, allow_infinity=False)


@given(POSITIVE)
def test_positive_seconds_are_taken_as_they_are(seconds: float) -> None:
    assert to_seconds("timeout", seconds) == seconds


@given(st.timedeltas(min_value=timedelta(microseconds=1)))
def test_seconds_and_timedelta_agree(duration: timedelta) -> None:
    assert to_seconds("timeout", duration) == to_seconds("timeout", duration.total_seconds())


@given(st.integers(min_value=1, max_value=10**300))
def test_whole_seconds_become_float(seconds: int) -> None:
    result = to_seconds("timeout", seconds)
    assert isinstance(result, float)
    assert result == float(seconds)


@given(st.floats(max_value=0) | st.integers(max_value=0) | st.timedeltas(max_value=timedelta(0)))
def test_nothing_and_less_is_refused_with_its_value(value: float | timedelta) -> None:
    with pytest.raises(InvalidInputError) as caught:
        to_seconds("timeout", value)
    assert "timeout must be a positive duration" in str(caught.value)
    assert str(value) in str(caught.value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_of_seconds_is_refused(value: float) -> None:
    with pytest.raises(InvalidInputError, match="must be a positive duration, not"):
        to_seconds("timeout", value)


@pytest.mark.parametrize("value", [True, False, "30", b"30", None, [30], UNSET, 1j])
def test_a_value_of_another_type_is_refused_with_its_type(value: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        to_seconds("lifetime", value)  # type: ignore[arg-type]
    assert "lifetime must be seconds (a number) or a timedelta" in str(caught.value)
    assert type(value).__name__ in str(caught.value)


def test_a_number_beyond_every_float_is_refused_as_wrong_input() -> None:
    with pytest.raises(InvalidInputError, match="timeout"):
        to_seconds("timeout", 10**400)


def test_the_mark_of_an_option_not_given_says_so() -> None:
    assert repr(UNSET) == "UNSET"

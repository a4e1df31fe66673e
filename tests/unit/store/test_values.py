from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.store.values import (
    from_us,
    from_us_or_none,
    storable,
    to_us,
    to_us_or_none,
)


@given(st.datetimes(timezones=st.just(UTC)))
def test_moment_round_trips_exactly(moment: datetime) -> None:
    assert from_us(to_us(moment)) == moment


@given(st.integers(0, 5_000_000_000_000_000))
@settings(max_examples=500)
def test_microseconds_round_trip_exactly(moment_us: int) -> None:
    assert to_us(from_us(moment_us)) == moment_us


def test_moment_without_zone_is_a_mistake() -> None:
    with pytest.raises(TypeError):
        to_us(datetime(2025, 12, 5))  # noqa: DTZ001 - what must not happen


def test_no_moment_stays_none() -> None:
    assert (to_us_or_none(None), from_us_or_none(None)) == (None, None)
    assert from_us_or_none(to_us_or_none(from_us(5))) == from_us(5)


@given(st.text(st.characters(), max_size=50))
@settings(max_examples=200)
def test_storable_text_is_utf8_without_nul_and_stays_so(text: str) -> None:
    once = storable(text)
    assert "\0" not in once
    once.encode("utf-8")
    assert storable(once) == once
    assert len(once) == len(text)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50))
def test_good_text_is_left_alone(text: str) -> None:
    assert storable(text) == text

"""Which extensions are at a place, however many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.places import Places

STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "discard"]), st.sampled_from("pq"), st.sampled_from("abc"))
)


@given(STEPS)
def test_tells_who_is_where(steps: list[tuple[str, str, str]]) -> None:
    places: Places[str] = Places()
    expected: dict[str, set[str]] = {"p": set(), "q": set()}
    for what, place, aor in steps:
        getattr(places, what)(place, aor)
        getattr(expected[place], what)(aor)
        assert {it: set(places.at(it)) for it in expected} == expected
        assert len(list(places.at(place))) == len(expected[place])


@given(STEPS)
def test_keeps_nothing_of_a_place_that_is_empty(steps: list[tuple[str, str, str]]) -> None:
    places: Places[str] = Places()
    for what, place, aor in steps:
        getattr(places, what)(place, aor)
    for place in "pq":
        for aor in "abc":
            places.discard(place, aor)
    assert places._aors == {}

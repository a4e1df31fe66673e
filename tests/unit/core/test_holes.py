"""Stand-ins: printing them gives a mark, and nothing else can be done to them unnoticed."""

import operator
from collections.abc import Callable
from typing import Any

import pytest

from offhook.core.holes import (
    FIRST_MARK,
    Hole,
    Observed,
    Slot,
    Trial,
    filtered,
    is_hole,
    refuse_holes,
    refuse_marks,
)


def hole(*, is_full: bool = True) -> Hole:
    return Trial().hole(3, is_full=is_full)


LOOKS: tuple[Callable[[Any], object], ...] = (
    *(str, repr, bytes, hash, len, iter, next, list, tuple, set, sorted, reversed, int, float),
    *(complex, abs, round, operator.index, operator.neg, operator.invert, dir, format),
    lambda it: it == "x",
    lambda it: "x" == it,  # noqa: SIM300  # a text on the left asks the other side
    lambda it: it != 1,
    lambda it: it < "x",
    lambda it: it >= 1,
    lambda it: "x" + it,
    lambda it: it + "x",
    lambda it: it * 2,
    lambda it: it % 2,
    lambda it: f"{it}",
    lambda it: f"{it:>9}",
    lambda it: "%s" % it,  # noqa: UP031  # as a template may
    lambda it: it[0],
    lambda it: it[1:],
    lambda it: "a" in it,
    lambda it: it in ["a"],
    lambda it: it in {"a": 1},
    lambda it: {it: 1},
    lambda it: ["a"][it],
    lambda it: "".join(map(str, [it])),
    lambda it: isinstance(it, str),
    lambda it: it.upper(),
    lambda it: it.__class__,
    lambda it: hasattr(it, "__html__"),
    lambda it: setattr(it, "seat", None),
    lambda it: getattr(it, "anything", None),
    lambda it: [*it],
)


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_is_observed(look: Callable[[Any], object]) -> None:
    with pytest.raises(Observed):
        look(hole())


def test_nothing_that_python_asks_a_text_is_left_out() -> None:
    unasked = {"__new__", "__init__", "__class__", "__doc__", "__subclasshook__", "__getnewargs__"}
    unasked |= {"__init_subclass__", "__getstate__"}
    asked = {name for name in dir(str) if name.startswith("__")} - unasked
    assert all(name in Hole.__dict__ for name in asked)


def test_it_cannot_be_called_either() -> None:
    assert not callable(hole())


def test_emptiness_may_be_asked_of_the_text_itself_only() -> None:
    assert bool(hole())
    assert not hole(is_full=False)
    with pytest.raises(Observed):
        bool(filtered(hole(), str.upper))


def test_printing_gives_marks_and_notes_how() -> None:
    trial = Trial()
    first, second = trial.hole(0, is_full=True), trial.hole(7, is_full=True)
    text = f"a{Slot(second)}b{Slot(first).__html__()}"
    assert text == f"a{chr(FIRST_MARK)}b{chr(FIRST_MARK + 1)}"
    assert [(it.place, it.is_escaped) for it in trial.prints] == [(7, False), (0, True)]
    assert trial.is_whole(text)
    assert not trial.is_whole(text[::-1])
    assert not trial.is_whole(text + chr(FIRST_MARK))
    assert not trial.is_whole("ab")


def test_more_marks_than_there_are_is_no_proof() -> None:
    trial = Trial()
    slot = Slot(trial.hole(0, is_full=True))
    marks = [str(slot) for _ in range(0xFFFD)]
    assert len(set(marks)) == len(marks)
    with pytest.raises(Observed):
        str(slot)


def test_holes_and_marks_are_told() -> None:
    assert is_hole(hole())
    assert not is_hole("x")
    assert refuse_marks("plain") == "plain"
    refuse_holes(("x", 1))
    with pytest.raises(Observed):
        refuse_marks(f"a{chr(FIRST_MARK + 9)}")
    with pytest.raises(Observed):
        refuse_holes(("x", hole()))

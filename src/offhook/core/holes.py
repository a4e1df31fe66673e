"""Stand-ins for a device's values: a template may print them; whatever else it does is noticed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

FIRST_MARK = 0xF0000
"""Marks are characters of the supplementary private use area A, one for each value printed."""

MARK = re.compile("[\U000f0000-\U000ffffd]")
_MARKS_MAX = 0xFFFD


class Observed(BaseException):  # no error: it must pass every `except` of a template
    """A template did more with a device's value than print it."""


@dataclass(frozen=True, slots=True)
class Print:
    """One place where a template prints a device's value.

    `place` is the value's among the device's texts, `via` are the filters it goes through, and
    `is_escaped` says whether the template engine escapes what they give.
    """

    place: int
    via: tuple[Callable[[str], object], ...]
    is_escaped: bool


@dataclass(slots=True)
class Trial:
    """One rendering with stand-ins: what was printed, in the order of the marks."""

    prints: list[Print] = field(default_factory=list)

    def mark(self, seat: _Seat, *, is_escaped: bool) -> str:
        """Note that a value is printed, and give the mark that stands for it in the text."""
        if len(self.prints) == _MARKS_MAX:
            raise Observed
        self.prints.append(Print(seat.place, seat.via, is_escaped))
        return chr(FIRST_MARK + len(self.prints) - 1)

    def hole(self, place: int, *, is_full: bool) -> Hole:
        """Make the stand-in of a text; that it is empty or not, a template may ask."""
        return Hole(_Seat(self, place, is_full=is_full))

    def is_whole(self, text: str) -> bool:
        """Say whether a text holds every mark once, in order, and none that was not given."""
        wanted = range(FIRST_MARK, FIRST_MARK + len(self.prints))
        return [ord(mark) for mark in MARK.findall(text)] == list(wanted)


@dataclass(frozen=True, slots=True)
class _Seat:
    trial: Trial
    place: int
    via: tuple[Callable[[str], object], ...] = ()
    is_full: bool | None = None


class Hole:
    """Stands for a text of a device that is not known yet.

    Comparing, measuring, joining, cutting, looking up, asking for its type or any method: all raise
    Observed, which nothing in a template can catch. Whether it is empty may be asked, as files of
    devices that differ in it are never made from the same shape. Printing gives a mark.
    """

    __slots__ = ("seat",)

    def __init__(self, seat: _Seat) -> None:
        object.__setattr__(self, "seat", seat)

    def __bool__(self) -> bool:
        is_full = _seat(self).is_full
        if is_full is None:
            raise Observed
        return is_full


def _observe(*_: object) -> None:
    raise Observed


# All that Python looks up in a type without asking the object. `__call__` is missing on purpose: a
# text cannot be called either, which templates may test.
_ASKED = """
getattribute setattr delattr str repr format bytes hash eq ne lt le gt ge len length_hint iter next
reversed contains getitem setitem delitem missing add sub mul matmul truediv floordiv mod divmod pow
lshift rshift and xor or radd rsub rmul rmatmul rtruediv rfloordiv rmod rdivmod rpow rlshift rrshift
rand rxor ror iadd isub imul imatmul itruediv ifloordiv imod ipow ilshift irshift iand ixor ior neg
pos abs invert int float complex index round trunc floor ceil enter exit await aiter anext fspath
dir sizeof reduce reduce_ex copy deepcopy instancecheck subclasscheck html html_format
"""
for _name in _ASKED.split():
    setattr(Hole, f"__{_name}__", _observe)


class Slot:
    """A stand-in on its way into the text; the template engine asks it for one of two forms."""

    __slots__ = ("_of",)

    def __init__(self, hole: Hole) -> None:
        self._of = _seat(hole)

    def __html__(self) -> str:
        return self._of.trial.mark(self._of, is_escaped=True)

    def __str__(self) -> str:
        return self._of.trial.mark(self._of, is_escaped=False)


def is_hole(value: object) -> bool:
    """Tell a stand-in without touching it."""
    return type(value) is Hole


def filtered(hole: Hole, function: Callable[[str], object]) -> Hole:
    """Give the stand-in of what a function, which depends on nothing else, makes of a text."""
    seat = _seat(hole)
    return Hole(_Seat(seat.trial, seat.place, (*seat.via, function)))


def refuse_marks(text: str) -> str:
    """Pass a text on that a template can look at; Observed when a value stands in it."""
    if MARK.search(text):
        raise Observed
    return text


def refuse_holes(values: Sequence[object]) -> None:
    """Raise Observed when one of the values is a stand-in."""
    if any(map(is_hole, values)):
        raise Observed


def _seat(hole: Hole) -> _Seat:
    seat: _Seat = object.__getattribute__(hole, "seat")
    return seat

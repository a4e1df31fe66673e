"""Values that the type checker keeps frozen are otherwise what a frozen dataclass is."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import pytest

from offhook.values import light


@light(frozen=True, slots=True, kw_only=True)
class Quick:
    """Made in great number."""

    name: str
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """Made as usual."""

    name: str
    size_bytes: int = 0


def test_is_compared_hashed_and_shown_as_a_frozen_dataclass() -> None:
    quick, usual = Quick(name="a", size_bytes=1), Usual(name="a", size_bytes=1)
    assert quick == Quick(name="a", size_bytes=1) != Quick(name="b", size_bytes=1)
    assert hash(quick) == hash(Quick(name="a", size_bytes=1)) == hash(usual)
    assert repr(quick) == repr(usual).replace("Usual", "Quick")


def test_has_the_same_fields_and_is_replaced_alike() -> None:
    assert [it.name for it in fields(Quick)] == [it.name for it in fields(Usual)]
    assert replace(Quick(name="a"), size_bytes=2) == Quick(name="a", size_bytes=2)


def test_takes_keywords_only_and_has_slots() -> None:
    with pytest.raises(TypeError):
        Quick("a")  # type: ignore[call-arg] # what is tested
    assert not hasattr(Quick(name="a"), "__dict__")

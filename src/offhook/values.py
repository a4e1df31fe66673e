"""Values made in great number: dataclasses that the type checker alone keeps frozen.

Python guards a frozen dataclass by setting every field through `object.__setattr__`, which makes a
value of ten fields three times as dear. `light` is `dataclass` to the type checker, which refuses
to assign to what says `frozen=True`; while running the guard is left out, and all the rest is the
same: slots, equality, hash, `replace`. For what is made for each message, and what a start makes
by the hundred thousand; for nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass as light
else:
    T = TypeVar("T")

    def light(*, frozen: bool, slots: bool, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
        """Make a class a dataclass, hashable if it is to be thought of as frozen."""
        return dataclasses.dataclass(slots=slots, kw_only=kw_only, unsafe_hash=frozen)


__all__ = ["light"]

"""Reading the same text again: phones repeat theirs for years, and several steps look at each."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")

MAX_CHARS = 128
"""Longer texts are read anew: they come from strangers, and would only fill the memory."""


def remembered(entries: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """Let a pure function of one text remember what it gave for that many short texts."""

    def decorate(read: Callable[[str], T]) -> Callable[[str], T]:
        read_again = lru_cache(maxsize=entries)(read)

        @wraps(read)
        def read_or_remember(text: str) -> T:
            return read_again(text) if len(text) <= MAX_CHARS else read(text)

        return read_or_remember

    return decorate

"""A text that must never be shown by accident."""

from __future__ import annotations

import re
from collections.abc import Callable

MASK = "********"
"""What people see where a secret stands."""

_IS_SECRET_KEY = re.compile(r"pass(?:w(?:or)?d)?|pwd|secret|pin\b|auth_?key", re.IGNORECASE)


def is_secret_key(key: str) -> bool:
    """Tell by its name whether a maker's setting holds a password; most of them tell."""
    return _IS_SECRET_KEY.search(key) is not None


class Secret:
    """Hold a secret; prints as `***`. Only `reveal()` gives the text.

    One that is stored encrypted may be given as what decrypts it, which is called once, when it is
    revealed, compared or hashed for the first time: a start reads 200,000, and phones wait for it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | Callable[[], str]) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text; every caller is a place where a secret leaves."""
        text = self._text
        if not isinstance(text, str):
            text = self._text = text()
        return text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self.reveal())

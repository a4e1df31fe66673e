"""A text that must never be shown by accident."""

from __future__ import annotations

import re

from offhook.values import light

MASK = "********"
"""What people see where a secret stands."""

_IS_SECRET_KEY = re.compile(r"pass(?:w(?:or)?d)?|pwd|secret|pin\b|auth_?key", re.IGNORECASE)


def is_secret_key(key: str) -> bool:
    """Tell by its name whether a maker's setting holds a password; most of them tell."""
    return _IS_SECRET_KEY.search(key) is not None


@light(frozen=True, slots=True)
class Secret:
    """Hold a secret; prints as `***`. Only `reveal()` gives the text."""

    _text: str

    def reveal(self) -> str:
        """Give the text; every caller is a place where a secret leaves."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

"""A text that must never be shown by accident."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
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

"""The contract of a file syntax: escape a value, merge settings by key, parse back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol


class DialectError(ValueError):
    """A value cannot be written in this syntax, or a text is not of it; `code` is the fault's."""

    code = "P702"


class EncodingError(DialectError):
    """A text says that it is in another encoding than the one it is sent in."""

    code = "P705"


class Dialect(Protocol):
    """One file syntax shared by makers (`key = value`, XML attributes, XML elements)."""

    name: str
    content_type: str
    is_xml: bool

    def escape(self, value: object) -> str:
        """Turn a template expression's value into text of the file.

        Used as Jinja's finalize. XML dialects get their entities from Jinja's autoescape, so here
        they only refuse what XML cannot carry. Raises DialectError for line breaks, control
        characters, undefined values and whatever the maker would take for syntax.
        """
        ...

    def parse(self, text: str) -> dict[str, str]:
        """Read the values as the phone will understand them: key to value, its precedence applied.

        Raises DialectError for a text the phone would refuse as a whole.
        """
        ...

    def apply(self, text: str, settings: Mapping[str, str]) -> str:
        """Merge settings by key: replace the line of a known key, add the others so that they win.

        Keys are the maker's own, values plain; escapes them. Keeps every other line byte for byte.
        An unusable key or value raises DialectError naming the key.
        """
        ...

    def limits(
        self, text: str, marks: Sequence[str]
    ) -> Mapping[str, re.Pattern[str] | None] | None:
        """Say what may stand in the place of each mark of a text, as escaped.

        Each mark is one character, once in the text. With any written values that match their
        patterns (None: whatever is written) the text is read as before but for these values, it is
        refused no more than before, and `apply` does the same to the rest of it. None instead of
        all: that cannot be said of some mark. Raises DialectError like `parse`.
        """
        ...

"""The `key = value` text of Yealink firmware and of the makers that build on it.

Yealink auto-provisioning guides V70-V86; what two OEM phones (firmware 27.71 and 47.80) logged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from offhook.core.dialect import DialectError

HEADER = "#!version:1.0.0.1"
"""The very first line; without it the phone refuses the file (guide, all generations)."""

CLEAR = "%NULL%"
"""The value that empties a setting; an empty value would leave the old one in the phone."""

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,127}\Z")
# Controls, and the separators of lines and paragraphs: some parsers end a line there. Lone
# surrogates cannot be written as UTF-8.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BLANKS = " \t\r"


class KeyValueDialect:
    """One `key = value` a line, `#` at the start of a line a comment, the last of a key wins."""

    name = "keyvalue"
    content_type = "text/plain; charset=utf-8"
    is_xml = False

    def escape(self, value: object) -> str:
        """Turn a value into text; nothing can be quoted here, so what would be syntax is refused.

        Messages never show the value: it may be a secret.
        """
        if isinstance(value, str):
            _refuse_syntax(value)
            return value
        if isinstance(value, bool):
            return "1" if value else "0"
        if isinstance(value, int):
            return str(value)
        str(value)  # an undefined variable raises its own error here, with its name
        raise DialectError(f"a value of type {type(value).__name__} cannot be written")

    def parse(self, text: str) -> dict[str, str]:
        """Read a file as the phone does: no inline comments, an empty value changes nothing.

        A cleared setting is an empty text.
        """
        lines = text.split("\n")
        if lines[0].rstrip(_BLANKS) != HEADER:
            raise DialectError(f"the first line is not {HEADER}")
        if "\0" in text:
            raise DialectError("the text holds a NUL character")
        values: dict[str, str] = {}
        for line in lines[1:]:
            key, value = _split(line)
            if key and value:
                values[key] = "" if value == CLEAR else value
        return values

    def apply(self, text: str, settings: Mapping[str, str]) -> str:
        """Write each setting over its key's last line, or at the end; an empty value clears it.

        Added keys are sorted: the phone compares bytes, and settings have no order of their own.
        """
        lines = text.split("\n")
        last = {key: index for index, line in enumerate(lines) if (key := _split(line)[0])}
        added: list[str] = []
        for key, value in sorted(settings.items()):
            line = f"{key} = {self._setting(key, value)}"
            if key in last:
                index = last[key]
                lines[index] = line + ("\r" if lines[index].endswith("\r") else "")
            else:
                added.append(line + "\n")
        merged = "\n".join(lines)
        gap = "\n" if added and not merged.endswith("\n") else ""
        return merged + gap + "".join(added)

    def limits(
        self, text: str, marks: Sequence[str]
    ) -> Mapping[str, re.Pattern[str] | None] | None:
        """Take any value behind the first `=` of a line or in a comment, but in the first line.

        `escape` lets no line end through, so what is written stays behind its key.
        """
        first, *lines = text.split("\n")
        self.parse(text)
        heads = [first, *(_head(line) for line in lines)]
        return None if _holds("".join(heads), marks) else dict.fromkeys(marks)

    def _setting(self, key: str, value: str) -> str:
        if not _KEY.match(key):
            raise DialectError(f"{key!r} is no key of this maker")
        try:
            return self.escape(value) or CLEAR
        except DialectError as error:
            raise DialectError(f"{key}: {error}") from None


def _refuse_syntax(value: str) -> None:
    found = _FORBIDDEN.search(value)
    if found:
        raise DialectError(f"a value holds the character U+{ord(found.group()):04X}")
    if value != value.strip():
        raise DialectError("a value begins or ends with a blank, which the phone would drop")
    if value.upper() == CLEAR:
        raise DialectError(f"a value is {CLEAR}, which would empty it; use an empty value for that")


def _split(line: str) -> tuple[str, str]:
    """Key and value of a line; no key for comments and whatever is no setting."""
    stripped = line.strip(_BLANKS)
    if stripped.startswith("#"):
        return "", ""
    key, equals, value = stripped.partition("=")
    return (key.rstrip(_BLANKS), value.lstrip(_BLANKS)) if equals else ("", "")


def _head(line: str) -> str:
    """The part of a line that says what it is: up to its `=`, nothing of a comment."""
    is_comment = line.strip(_BLANKS).startswith("#")
    return "" if is_comment else line.partition("=")[0]


def _holds(text: str, marks: Sequence[str]) -> bool:
    return any(mark in text for mark in marks)


KEYVALUE = KeyValueDialect()

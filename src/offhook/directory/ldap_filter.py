"""Search filters of an administrator: RFC 4515 syntax, checked and brought to one form."""

from __future__ import annotations

import re

_DEEPEST = 20
_NAME = r"(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)"
_ATTRIBUTE = rf"{_NAME}(?:;[A-Za-z0-9-]+)*"
_CHAR = r"(?:[^\x00()*\\]|\\[0-9A-Fa-f]{2})"
# RFC 4515 §3: equality, presence and substrings share "="; two stars in a row mean nothing
_ITEM = re.compile(
    rf"""
    (?P<left> {_ATTRIBUTE}[~<>]= | {_ATTRIBUTE}(?::dn)?(?::{_NAME})?:= | (?::dn)?:{_NAME}:= )
        (?P<value>{_CHAR}*)
    | (?P<equal>{_ATTRIBUTE}=) (?P<pieces>\*?(?:{_CHAR}+\*)*{_CHAR}*)
    """,
    re.VERBOSE,
)
_BLANKS = re.compile(r"\s*")


def normal_filter(text: str) -> str:
    """Check a filter and give it without blanks between its parts; empty stays empty.

    Blanks at the ends of a value are escaped, since ldap3 would drop them. Raises ValueError.
    """
    if not text.strip():
        return ""
    normal, end = _parse(text, 0, 0)
    end = _skip(text, end)
    if end != len(text):
        raise _error(text, end, "one filter is expected, join several with (&...)")
    return normal


def escape_filter_value(text: str) -> str:
    """Escape a value that goes into a filter. RFC 4515 §3."""
    return "".join(f"\\{ord(char):02x}" if char in "\\*()\0" else char for char in text)


def _parse(text: str, start: int, depth: int) -> tuple[str, int]:
    at = _skip(text, start)
    if depth > _DEEPEST:
        raise _error(text, at, f"more than {_DEEPEST} levels")
    if text[at : at + 1] != "(":
        raise _error(text, at, "'(' is expected")
    at += 1
    operator = text[at : at + 1]
    if operator and operator in "&|!":
        parts, at = _parse_list(text, at + 1, depth)
        if operator == "!" and len(parts) != 1:
            raise _error(text, at, "'!' takes one filter")
        inner = operator + "".join(parts)
    else:
        inner, at = _parse_item(text, at)
    if text[at : at + 1] != ")":
        raise _error(text, at, "')' is expected, or a character must be escaped")
    return f"({inner})", at + 1


def _parse_list(text: str, start: int, depth: int) -> tuple[list[str], int]:
    parts: list[str] = []
    at = _skip(text, start)
    while not parts or text[at : at + 1] == "(":
        part, at = _parse(text, at, depth + 1)
        parts.append(part)
        at = _skip(text, at)
    return parts, at


def _parse_item(text: str, start: int) -> tuple[str, int]:
    found = _ITEM.match(text, start)
    if found is None:
        raise _error(text, start, "attribute=value is expected")
    left = found["left"] or found["equal"]
    value = found["value"] if found["left"] else found["pieces"]
    return left + _with_blanks(value), found.end()


def _with_blanks(value: str) -> str:
    body = value.lstrip()
    front = value[: len(value) - len(body)]
    inner = body.rstrip()
    return _escaped(front) + inner + _escaped(body[len(inner) :])


def _escaped(blanks: str) -> str:
    return "".join(f"\\{octet:02x}" for octet in blanks.encode())


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _error(text: str, at: int, problem: str) -> ValueError:
    return ValueError(f"filter '{text}' is wrong at character {at + 1}: {problem}")

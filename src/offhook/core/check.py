"""What people may type: names, numbers, secrets; each refusal names the field and the mend."""

from __future__ import annotations

import re
import unicodedata

NAME_MAX = 100
SECRET_MIN = 8
SECRET_MAX = 64

_NUMBER = re.compile(r"[0-9]{1,20}\Z", re.ASCII)
_EMAIL = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,190}\Z")
_SECRET = re.compile(r"[!-~]+\Z", re.ASCII)
# Controls, surrogates, separators of lines, unassigned, private: no file syntax carries them all.
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp", "Cn", "Co"})
# Letters, marks, numbers, punctuation, symbols: a name of joiners alone shows nothing.
_VISIBLE = frozenset("LMNPS")
# Explicit direction controls would reorder the text around a name on screens and in logs (Trojan
# Source, CVE-2021-42574); right-to-left letters themselves are welcome.
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class FieldError(ValueError):
    """A field has an unusable value; `field` is its name, the message says what it must be."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self.field = field


def check_name(text: str, field: str = "name") -> str:
    """Give a display text, trimmed and in NFC. Raises FieldError."""
    name = unicodedata.normalize("NFC", text).strip()
    if len(name) > NAME_MAX:
        raise FieldError(field, f"is {len(name)} characters long; at most {NAME_MAX} are allowed")
    _refuse_unshowable(name, field)
    if not any(unicodedata.category(character)[0] in _VISIBLE for character in name):
        raise FieldError(field, "must not be empty")
    return name


def _refuse_unshowable(name: str, field: str) -> None:
    for character in name:
        if unicodedata.category(character) in _REFUSED or character in _DIRECTION:
            code = f"U+{ord(character):04X}"
            raise FieldError(field, f"has the character {code}, which no phone can show; remove it")


def check_number(text: str, field: str = "number") -> str:
    """Give an extension number: 1 to 20 digits. Raises FieldError."""
    if not _NUMBER.match(text):
        raise FieldError(field, f"must be 1 to 20 digits, got {_shown(text)}")
    return text


def check_email(text: str) -> str:
    """Give an address or an empty text. Raises FieldError."""
    if text and not (_EMAIL.match(text) and text.isprintable()):
        raise FieldError("email", f"must look like name@example.com, got {_shown(text)}")
    return text


def check_secret(text: str, field: str = "secret") -> str:
    """Give a password: 8 to 64 printable ASCII characters without blanks. Raises FieldError."""
    if not SECRET_MIN <= len(text) <= SECRET_MAX or not _SECRET.match(text):
        raise FieldError(
            field,
            f"must be {SECRET_MIN} to {SECRET_MAX} printable ASCII characters without blanks; "
            "leave it out and a strong one is made",
        )
    return text


def check_setting(key: str, value: str) -> None:
    """Refuse what can be neither a setting's key nor its value. Raises FieldError."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}", key):
        raise FieldError("settings", f"has the key {_shown(key)}; use letters, digits, . _ and -")
    if len(value) > 1024:
        raise FieldError("settings", f"{key} is longer than 1024 characters")
    for character in value:
        if unicodedata.category(character) in _REFUSED:
            code = f"U+{ord(character):04X}"
            raise FieldError("settings", f"{key} has the character {code}, which no file can carry")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")

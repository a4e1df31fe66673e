"""From what a directory stores to a person that can have an extension, or the problem named."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from offhook.core.check import FieldError, check_email, check_number
from offhook.core.directory import DirectoryEntry, DirectoryPolicy, Person, PersonProblem
from offhook.core.display_name import clean_name

_FIELD = re.compile(r"\{([A-Za-z][A-Za-z0-9-]*)\}")  # RFC 4512 §1.4: names of attributes
_BLANKS = " \t\u00a0"
_BREAKS = frozenset({"Cc", "Zl", "Zp"})
# Longer than any telephone number attribute (Active Directory: 64): bounds a pattern's work.
_NUMBER_TEXT_MAX = 256
_SHOWN_MAX = 64


class _UnreadableError(Exception):
    """A value that is not UTF-8; the message names its attribute."""


def to_people(
    entries: Iterable[DirectoryEntry], policy: DirectoryPolicy
) -> tuple[tuple[Person, ...], tuple[PersonProblem, ...]]:
    """Divide entries into people and problems, both in the order of the entries."""
    people: list[Person] = []
    problems: list[PersonProblem] = []
    for entry in entries:
        found = to_person(entry, policy)
        if isinstance(found, Person):
            people.append(found)
        else:
            problems.append(found)
    return tuple(people), tuple(problems)


def to_person(entry: DirectoryEntry, policy: DirectoryPolicy) -> Person | PersonProblem:
    """Make an entry usable; a problem is P509 (number) or P510 (everything else)."""
    try:
        login = clean_name(_first(entry, policy.login_attribute)) or entry.guid
        name = _name(entry, policy.name_formats)
        email = _email(entry, policy)
        number, refused = _number(entry, policy)
    except _UnreadableError as error:
        return _unreadable(entry, policy, str(error))
    if not name:
        return _unreadable(entry, policy, "it has no name that can be shown")
    if refused is not None:
        return _invalid_number(entry, login, policy, refused)
    return Person(
        guid=entry.guid,
        login=login,
        dn=entry.dn,
        name=name,
        number=number,
        email=email,
        is_enabled=entry.is_enabled,
    )


def _shown(text: str, limit: int = _SHOWN_MAX) -> str:
    """Escape what a log or a terminal would obey, and cut."""
    cut = text if len(text) <= limit else f"{text[:limit]}..."
    return "".join(
        item if item.isprintable() else item.encode("unicode_escape").decode("ascii")
        for item in cut
    )


# --- names ---------------------------------------------------------------------------------------


def _name(entry: DirectoryEntry, formats: Iterable[str]) -> str:
    """Fill the first format of which every attribute has a text."""
    for form in formats:
        fields = {name: clean_name(_first(entry, name)) for name in _FIELD.findall(form)}
        if all(fields.values()):
            name = clean_name("".join(_filled(form, fields)))
            if name:
                return name
    return ""


def _filled(form: str, fields: Mapping[str, str]) -> Iterator[str]:
    """Texts and names alternate in the split; values are data, braces in them stay."""
    for index, piece in enumerate(_FIELD.split(form)):
        yield fields[piece] if index % 2 else piece


# --- numbers -------------------------------------------------------------------------------------


def _number(entry: DirectoryEntry, policy: DirectoryPolicy) -> tuple[str, str | None]:
    """Give the number, and the first text that is none when no text is one.

    The values of one attribute have no order in a directory (RFC 4512 §2.3): sorted, so that the
    choice stays.
    """
    refused: str | None = None
    for attribute in policy.number_attributes:
        for text in sorted(_texts(entry, attribute)):
            trimmed = text.strip(_BLANKS)
            if not trimmed:
                continue
            number = next((it for it in _candidates(trimmed, policy) if _fits(it, policy)), "")
            if number:
                return number, None
            refused = trimmed if refused is None else refused
    return "", refused


def _candidates(text: str, policy: DirectoryPolicy) -> Iterator[str]:
    """The text itself, then what `number_extract` finds in it; a text of several lines is none."""
    is_one_line = not any(unicodedata.category(item) in _BREAKS for item in text)
    if len(text) > _NUMBER_TEXT_MAX or not is_one_line:
        return
    yield text
    if policy.number_extract:
        match = re.search(policy.number_extract, text, re.ASCII)
        if match:
            yield (match[1] if match.re.groups else match[0]) or ""


def _fits(number: str, policy: DirectoryPolicy) -> bool:
    try:
        check_number(number)
    except FieldError:
        return False
    return bool(re.fullmatch(policy.number_pattern, number, re.ASCII)) and (
        not policy.number_ranges
        or any(
            len(low) == len(number) and low <= number <= high for low, high in policy.number_ranges
        )
    )


def _invalid_number(
    entry: DirectoryEntry, login: str, policy: DirectoryPolicy, text: str
) -> PersonProblem:
    attributes = ", ".join(policy.number_attributes)
    wanted = f"a number that matches {policy.number_pattern}"
    if policy.number_ranges:
        ranges = ", ".join(f"{low}-{high}" for low, high in policy.number_ranges)
        wanted += f" within {ranges}"
    shown = _shown(text)
    return PersonProblem(
        guid=entry.guid,
        login=login,
        fault="P509",
        message=f"{attributes} has '{shown}' where {wanted} is needed",
        values={"login": login, "text": shown},
        is_enabled=entry.is_enabled,
    )


# --- everything else -----------------------------------------------------------------------------


def _email(entry: DirectoryEntry, policy: DirectoryPolicy) -> str:
    try:
        return check_email(_first(entry, policy.email_attribute).strip(_BLANKS))
    except FieldError:
        return ""


def _unreadable(entry: DirectoryEntry, policy: DirectoryPolicy, problem: str) -> PersonProblem:
    raw = entry.values.get(policy.login_attribute.lower(), ())
    # Bytes of no meaning are shown as \xNN.
    login = _shown(raw[0].decode("utf-8", "backslashreplace")) if raw else ""
    login = login.strip() or entry.guid
    return PersonProblem(
        guid=entry.guid,
        login=login,
        fault="P510",
        message=problem,
        values={"login": login, "problem": problem},
        is_enabled=entry.is_enabled,
    )


def _first(entry: DirectoryEntry, attribute: str) -> str:
    return next(_texts(entry, attribute), "")


def _texts(entry: DirectoryEntry, attribute: str) -> Iterator[str]:
    for raw in entry.values.get(attribute.lower(), ()):
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError:
            raise _UnreadableError(f"its {attribute} is not UTF-8") from None

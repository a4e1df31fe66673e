"""The neutral settings every maker's template understands, with their checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

from offhook.core.timezone import is_zone

CODECS = ("g722", "pcma", "pcmu", "g729", "opus", "ilbc")
TRANSPORTS = ("udp", "tcp", "tls")
DTMF = ("rfc2833", "info", "inband")


class PreferenceError(ValueError):
    """A neutral setting has an unusable value; the message names setting, value and mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """Values of the neutral settings for one phone.

    `time_zone` is an IANA name; `language` an ISO 639-1 code; an empty `voicemail_number` means
    none; `resync_minutes` 0 switches polling off.
    """

    transport: str = "udp"
    register_expires_s: int = 3600
    ntp_server: str = "pool.ntp.org"
    time_zone: str = "UTC"
    language: str = "en"
    country: str = "US"
    codecs: tuple[str, ...] = ("g722", "pcma", "pcmu")
    dtmf: str = "rfc2833"
    voicemail_number: str = "*97"
    resync_minutes: int = 1440


_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-:]{0,252})\Z")
_DIALABLE = re.compile(r"[0-9*#+]{0,32}\Z")


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise PreferenceError(f"must be one of {', '.join(choices)}")
        return text.lower()

    return parse


def _number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise PreferenceError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.match(text):
            raise PreferenceError(f"must be {what}")
        return text

    return parse


def _codecs(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    if not names or any(name not in CODECS for name in names):
        raise PreferenceError(f"must be a comma list, best first, out of {', '.join(CODECS)}")
    return names


def _time_zone(text: str) -> str:
    if not is_zone(text):
        raise PreferenceError("must be an IANA time zone such as Europe/Berlin")
    return text


PARSERS: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "transport": _one_of(TRANSPORTS),
        "register_expires_s": _number(60, 86400),
        "ntp_server": _matching(_HOST, "a host name or address"),
        "time_zone": _time_zone,
        "language": _matching(re.compile(r"[a-z]{2}\Z"), "a two-letter language code such as en"),
        "country": _matching(re.compile(r"[A-Z]{2}\Z"), "a two-letter country code such as US"),
        "codecs": _codecs,
        "dtmf": _one_of(DTMF),
        "voicemail_number": _matching(_DIALABLE, "digits, *, # or +, at most 32"),
        "resync_minutes": _number(0, 44640),
    }
)
"""Neutral name to parser; a name that is not here is a maker's own key."""


def parse_preference(name: str, text: str) -> object:
    """Read one neutral setting. Raises PreferenceError that names the setting and its value."""
    try:
        return PARSERS[name](text.strip())
    except PreferenceError as error:
        raise PreferenceError(f"{name} {text!r} {error}") from None


def merged(base: Preferences, settings: Mapping[str, str]) -> Preferences:
    """Lay the neutral ones of the settings over the base; the others are left to the dialect."""
    known = {
        name: parse_preference(name, text) for name, text in settings.items() if name in PARSERS
    }
    return replace(base, **known) if known else base  # type: ignore[arg-type]  # parsed to the field's type


def neutral_names() -> tuple[str, ...]:
    """The neutral names, in the order of the record."""
    return tuple(item.name for item in fields(Preferences))

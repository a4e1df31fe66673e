"""Show a phone's file to a person without its secrets, whatever maker's syntax it has.

The maker is not known here, so names of keys decide, and doubt masks: a key that tells nothing
(a bare number) is shown only when its value is known to be harmless.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from xml.parsers import expat

MASK = "***"
BROKEN = "(begins like XML and is not well-formed: not shown, because secrets cannot be told apart)"

_SECRET_WORDS = re.compile(
    r"pass|pwd|secret|credential|token|community|psk"
    r"|(?<![a-z])(?:pin|key)(?![a-z])"
    r"|(?:private|shared|encrypt\w*|aes|wpa|wep|api|auth\w*|access|session)[._\-\s]?key",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"Pin(?![a-z])|PIN(?![A-Z])")
_AUTH = re.compile(r"auth", re.IGNORECASE)
# Keys with "auth" that name the account or the method.
_AUTH_HARMLESS = re.compile(
    r"auth[a-z]*[._\-\s]?(?:user|name|id|realm|mode|type|method|scheme|enable)", re.IGNORECASE
)
_OPAQUE = re.compile(r"(?:.*\.)?P[0-9]+|[0-9]+", re.ASCII)
_SWITCH = re.compile(r"[0-9]{0,3}|yes|no|true|false|on|off|(?:en|dis)abled?", re.IGNORECASE)
_HARMLESS_VALUE = re.compile(r"[0-9]{0,3}", re.ASCII)

_USERINFO = re.compile(r"(://)[^/\s@\"'<>]+@")
_IN_QUERY = re.compile(
    r"([?&;](?:amp;)?[\w.\-]*(?:pass|pwd|secret|token|key|auth)[\w.\-]*=)[^&\s\"'<>;]+",
    re.IGNORECASE,
)
_LINE = re.compile(r"(?P<head>\s*(?:[#;]\s*)?(?P<key>[^=:]*?)\s*[=:]\s*)(?P<value>.*)", re.DOTALL)
_WORDS = re.compile(
    r"(?P<head>\s*(?:[#;]\s*)?(?:SET\s+)?(?P<key>[^\s=:]+)(?:\s*[=:]\s*|\s+))(?P<value>.*)",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"<!--(?P<comment>.*?)-->|<!\[CDATA\[(?P<cdata>.*?)\]\]>|(?P<other><[?!].*?>)"
    r"|(?P<close></[^>]*>)|(?P<open><(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>)|(?P<text>[^<]+)",
    re.DOTALL,
)
_NAME = re.compile(r"<([^\s/>]+)")
_ATTRIBUTE = re.compile(r"(\s+)([^\s=<>/]+)(\s*=\s*)(\"[^\"]*\"|'[^']*')")
_NAMING = ("name", "id", "key", "param", "parameter")


def is_secret_key(key: str) -> bool:
    """Say whether a key's name promises a secret."""
    return _is_plain_secret(key) or _is_perhaps_secret(key)


def _is_plain_secret(key: str) -> bool:
    return bool(_SECRET_WORDS.search(key) or _CAMEL.search(key))


def _is_perhaps_secret(key: str) -> bool:
    """Keys with "auth" hold credentials, or switch a kind of authentication on and off."""
    return bool(_AUTH.search(key)) and not _AUTH_HARMLESS.search(key)


def masked(text: str, harmless: Collection[str] = (), *, is_opaque_shown: bool = False) -> str:
    """Give a file's text with every secret value as `***`; `harmless` values may be shown.

    `is_opaque_shown` is for a text whose secrets were masked before: keys that tell nothing are
    shown then. Works on `key = value`, `key: value`, `SET key value`, XML elements, attributes
    and name-value items. A value masked once is masked wherever else it stands.
    """
    is_xml = text.lstrip("\ufeff \t\r\n").startswith("<")
    if is_xml and not _is_well_formed(text):
        return BROKEN
    scan = _Scan(frozenset(harmless), is_opaque_shown=is_opaque_shown)
    shown = scan.xml(text) if is_xml else scan.lines(text)
    shown = _IN_QUERY.sub(rf"\g<1>{MASK}", _USERINFO.sub(rf"\g<1>{MASK}@", shown))
    return scan.elsewhere(shown)


def _is_well_formed(text: str) -> bool:
    """Say whether an XML parser takes it; a document type could hide text in entities."""

    def refuse(*_: object) -> None:
        raise ValueError

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.lstrip("\ufeff \t\r\n"), True)
    except (expat.ExpatError, ValueError):
        return False
    return True


class _Scan:
    """One run over a text: what it masked, and the XML elements it stands in."""

    def __init__(self, harmless: frozenset[str], *, is_opaque_shown: bool) -> None:
        self._harmless = harmless
        self._is_opaque_shown = is_opaque_shown
        self._found: set[str] = set()
        self._open: list[str] = []

    def lines(self, text: str) -> str:
        return "\n".join(self._line(line) for line in text.split("\n"))

    def xml(self, text: str) -> str:
        return _TOKEN.sub(self._token, text)

    def elsewhere(self, text: str) -> str:
        """Mask what was found in places whose key told nothing; short ones would hit by chance."""
        for value in sorted(self._found, key=len, reverse=True):
            if len(value) >= 6 and value not in self._harmless:
                text = text.replace(value, MASK)
        return text

    def _line(self, line: str) -> str:
        body = line.rstrip("\r")
        found = _WORDS.match(body)
        if found is None or not is_secret_key(found["key"]):
            found = _LINE.match(body) or found
        if found is None:
            return line
        return found["head"] + self._value([found["key"]], found["value"]) + line[len(body) :]

    def _value(self, keys: list[str], value: str) -> str:
        """Give a value as it may be shown; `keys` enclose it, the innermost last."""
        bare = value.strip().strip("\"'")
        if bare in ("", "0", "1"):  # not set, or a switch beside a secret
            return value
        is_switch = bool(_SWITCH.fullmatch(bare))
        if any(
            _is_plain_secret(key) or (_is_perhaps_secret(key) and not is_switch) for key in keys
        ):
            self._found.add(bare)
            return MASK
        if self._is_opaque_shown:
            return value
        is_known = bool(_HARMLESS_VALUE.fullmatch(bare)) or bare in self._harmless
        is_opaque = bool(keys) and bool(_OPAQUE.fullmatch(keys[-1].strip()))
        return MASK if is_opaque and not is_known else value

    def _token(self, found: re.Match[str]) -> str:
        match found.lastgroup:
            case "comment":
                return f"<!--{MASK}-->" if is_secret_key(found["comment"]) else found[0]
            case "cdata" | "text":
                return self._text(found[0], found[found.lastgroup])
            case "open":
                return self._start(found[0])
            case "close":
                del self._open[-1:]
        return found[0]

    def _text(self, whole: str, value: str) -> str:
        shown = self._value(self._open, value)
        return whole if shown == value else shown

    def _start(self, tag: str) -> str:
        found = _NAME.match(tag)
        name = found[1] if found else ""
        attributes = {item[2].lower(): item[4][1:-1] for item in _ATTRIBUTE.finditer(tag)}
        named = [attributes[key] for key in _NAMING if key in attributes]
        element = ".".join([name, *named])
        if not tag.endswith("/>"):
            self._open.append(element)
        return _ATTRIBUTE.sub(lambda item: self._attribute(item, element), tag)

    def _attribute(self, item: re.Match[str], element: str) -> str:
        name, quoted = item[2], item[4]
        if name.lower() in _NAMING:
            return item[0]
        keys = [*self._open, element] if name.lower() == "value" else [name]
        shown = self._value(keys, quoted[1:-1])
        return f"{item[1]}{name}{item[3]}{quoted[0]}{shown}{quoted[0]}"

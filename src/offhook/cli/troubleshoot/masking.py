"""Show a phone's file to a person without its secrets, whatever maker's syntax it has.

The maker is not known here, so names of keys decide, and doubt masks: a key that tells nothing
(`P34`) is shown only when its value is known to be harmless.
"""

from __future__ import annotations

import re
from collections.abc import Collection

MASK = "***"

_SECRET_WORDS = re.compile(
    r"pass|pwd|secret|credential|token|community|psk"
    r"|(?:^|[._\-\s])(?:pin|key|passphrase)(?:$|[._\-\s0-9])"
    r"|(?:private|shared|encrypt\w*|aes|wpa|wep|api|auth\w*|access|session)[._\-\s]?key"
    r"|auth",
    re.IGNORECASE,
)
# Keys with "auth" that name the account, not its secret. Taken off before looking for the words.
_HARMLESS = re.compile(
    r"auth[a-z]*[._\-\s]?(?:user|name|id|realm|mode|type|method|scheme|enable|resync)\w*"
    r"|authori[sz]e\w*|pass(?:through|ive)",
    re.IGNORECASE,
)
_OPAQUE = re.compile(r"P?[0-9]+", re.ASCII)
_HARMLESS_VALUE = re.compile(r"[0-9]{0,3}", re.ASCII)

_USERINFO = re.compile(r"(://)[^/\s@\"'<>]+@")
_IN_QUERY = re.compile(
    r"(?i)([?&;](?:amp;)?[\w.\-]*(?:pass|pwd|secret|token|key|auth)[\w.\-]*=)[^&\s\"'<>;]+"
)
_LINE = re.compile(r"(?P<head>\s*(?:[#;]\s*)?(?P<key>[^=:]*?)\s*[=:]\s*)(?P<value>.*)", re.DOTALL)
_SET = re.compile(r"(?P<head>\s*SET\s+(?P<key>\S+)\s+)(?P<value>.*)", re.DOTALL)
_COMMENT = re.compile(r"(<!--)(.*?)(-->)", re.DOTALL)
_TAG = re.compile(
    r"<(?P<name>[A-Za-z_][\w.:\-]*)(?P<attributes>(?:\s+[^\s=<>/]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*)"
    r"(?P<end>\s*/?>)(?P<text>(?:<!\[CDATA\[.*?\]\]>|[^<])*)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"(\s+)([^\s=<>/]+)(\s*=\s*)(\"[^\"]*\"|'[^']*')")
_NAMING = ("name", "id", "key", "param", "parameter")


def is_secret_key(key: str) -> bool:
    """Say whether a key's name promises a secret."""
    return bool(_SECRET_WORDS.search(_HARMLESS.sub("", key)))


def masked(text: str, harmless: Collection[str] = ()) -> str:
    """Give a file's text with every secret value as `***`; `harmless` values may be shown.

    Works on `key = value`, `key: value`, `SET key value`, XML elements, attributes and name-value
    items. A value masked once is masked wherever else it stands.
    """
    scan = _Scan(frozenset(harmless))
    is_xml = text.lstrip("\ufeff \t\r\n").startswith("<")
    shown = scan.xml(text) if is_xml else scan.lines(text)
    return scan.elsewhere(shown)


class _Scan:
    """One run over a text, which remembers what it masked."""

    def __init__(self, harmless: frozenset[str]) -> None:
        self._harmless = harmless
        self._found: set[str] = set()

    def lines(self, text: str) -> str:
        return "".join(self._line(line) for line in text.splitlines(keepends=True))

    def xml(self, text: str) -> str:
        text = _COMMENT.sub(self._comment, text)
        return self._addresses(_TAG.sub(self._tag, text))

    def elsewhere(self, text: str) -> str:
        """Mask what was found in places whose key told nothing; short ones would hit by chance."""
        for value in sorted(self._found, key=len, reverse=True):
            if len(value) >= 6 and value not in self._harmless:
                text = text.replace(value, MASK)
        return text

    def _line(self, line: str) -> str:
        body = line.rstrip("\r\n")
        found = _SET.match(body) or _LINE.match(body)
        if found is None:
            return self._addresses(line)
        shown = self._value(found["key"], found["value"])
        return self._addresses(found["head"] + shown) + line[len(body) :]

    def _value(self, key: str, value: str) -> str:
        bare = value.strip().strip("\"'")
        if not bare:
            return value
        is_opaque = bool(_OPAQUE.fullmatch(key.strip()))
        is_known = bool(_HARMLESS_VALUE.fullmatch(bare)) or bare in self._harmless
        if is_secret_key(key) or (is_opaque and not is_known):
            self._found.add(bare)
            return MASK
        return value

    def _comment(self, found: re.Match[str]) -> str:
        return found[1] + (MASK if is_secret_key(found[2]) else found[2]) + found[3]

    def _tag(self, found: re.Match[str]) -> str:
        attributes = {
            item[2].lower(): item[4][1:-1] for item in _ATTRIBUTE.finditer(found["attributes"])
        }
        named = [attributes[name] for name in _NAMING if name in attributes]
        key = ".".join([found["name"], *named]) if named else found["name"]
        shown = _ATTRIBUTE.sub(lambda item: self._attribute(item, key), found["attributes"])
        text = found["text"]
        inner = text if not text.strip() else self._value(key, text)
        return f"<{found['name']}{shown}{found['end']}{inner}"

    def _attribute(self, item: re.Match[str], element: str) -> str:
        name, quoted = item[2], item[4]
        value = quoted[1:-1]
        if name.lower() in _NAMING:
            return item[0]
        key = element if name.lower() == "value" else name
        return f"{item[1]}{name}{item[3]}{quoted[0]}{self._value(key, value)}{quoted[0]}"

    def _addresses(self, text: str) -> str:
        return _IN_QUERY.sub(rf"\g<1>{MASK}", _USERINFO.sub(rf"\g<1>{MASK}@", text))

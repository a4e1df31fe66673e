"""SIP URIs and name-addr: text to value, and the comparison of RFC 3261 §19.1.4."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from offhook.sip.message import TCHARS
from offhook.sip.remembered import remembered
from offhook.values import light

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_ILLEGAL = re.compile(r'[\x00-\x20\x7f-\U0010ffff<>"]')
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(?::([0-9]{1,5}))?\Z")
_URI_PARAM = re.compile(r";([^;=?]+)(?:=([^;?]*))?")
_PARAM = re.compile(
    rf'[ \t]*;[ \t]*({TCHARS})(?:[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^;,"\s<>]*))?[ \t]*', re.DOTALL
)
_ODD = re.compile(r'[,"\s<>]')  # in parameters: what a value has in quotes only
_USUAL_NAMES = {
    name: name.lower()
    for name in (
        *("tag", "branch", "rport", "received", "alias", "transport", "expires", "q", "reg-id"),
        *("+sip.instance", "lr", "keep", "ob"),
    )
}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
# Every alternative takes its text in one go: no input costs more than its length.
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|<[^<>]*>?|,|[^,"<]+', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

# A parameter that only one of two URIs has makes them differ. RFC 3261 §19.1.4; transport counts
# too, because with it the URI no longer resolves to every transport (the examples there).
_DECISIVE = frozenset({"user", "ttl", "method", "maddr", "transport"})


# Of each phone its address of record and its contact; about 10 MB when all are as long as may be.
_REMEMBERED = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class SipUri:
    """A sip: or sips: URI. `user` is unescaped; `text` is as written."""

    text: str
    scheme: str
    user: str
    password: str
    host: str
    port: int | None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherUri:
    """A well-formed URI of another scheme (tel:, isbn:)."""

    text: str
    scheme: str


@remembered(_REMEMBERED)
def parse_uri(text: str) -> SipUri | OtherUri | None:
    """Read a URI; None when it is none. Host names may have underscores, as real ones do."""
    found = _SCHEME.match(text)
    if found is None or _ILLEGAL.search(text):
        return None
    scheme, rest = found.group(1).lower(), text[found.end() :]
    if scheme not in ("sip", "sips"):
        return OtherUri(text=text, scheme=scheme) if rest else None
    userinfo, at, tail = rest.rpartition("@")
    user, _, password = userinfo.partition(":")
    if at and not user:
        return None
    tail, _, uri_headers = tail.partition("?")
    address, semicolon, param_text = tail.partition(";")
    place = _HOST_PORT.match(address)
    params = _read_uri_params(semicolon + param_text)
    if place is None or params is None:
        return None
    port = int(place.group(2)) if place.group(2) else None
    if port is not None and port > 65_535:
        return None
    return SipUri(
        text=text,
        scheme=scheme,
        user=unescape(user),
        password=unescape(password),
        host=place.group(1).lower(),
        port=port,
        params=params,
        headers=uri_headers,
    )


def _read_uri_params(text: str) -> dict[str, str] | None:
    params: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _URI_PARAM.match(text, at)
        if found is None:
            return None
        params.setdefault(found.group(1).lower(), found.group(2) or "")
        at = found.end()
    return params


def unescape(text: str) -> str:
    """Undo %-escapes; octets that are no UTF-8 are kept as surrogates."""
    if "%" not in text:
        return text
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode(
        "utf-8", "surrogateescape"
    )


def is_same_uri(a: SipUri, b: SipUri) -> bool:
    """Compare as RFC 3261 §19.1.4 says: a port that is absent differs from 5060."""
    if a.text == b.text:
        return True
    return (
        a.scheme == b.scheme
        and a.user == b.user
        and a.password == b.password
        and a.host == b.host
        and a.port == b.port
        and _folded_headers(a) == _folded_headers(b)
        and _has_same_params(a.params, b.params)
    )


def _has_same_params(a: Mapping[str, str], b: Mapping[str, str]) -> bool:
    for name in a.keys() | b.keys():
        if name in a and name in b:
            if unescape(a[name]).lower() != unescape(b[name]).lower():
                return False
        elif name in _DECISIVE:
            return False
    return True


def _folded_headers(uri: SipUri) -> list[str]:
    return sorted(unescape(piece).lower() for piece in uri.headers.split("&"))


@light(frozen=True, slots=True, kw_only=True)
class NameAddr:
    """An address of From, To, Contact, Path or Route. `params` are the header's, unquoted.

    `uri` is the text between the angle brackets; `is_bare` when there were none.
    """

    display: str
    uri: str
    params: Mapping[str, str] = field(default_factory=dict)
    is_bare: bool = False


def parse_name_addr(value: str) -> NameAddr | None:
    """Read one name-addr or addr-spec with its parameters; None when it is none."""
    # A phone's addresses are the same each time but for the tag, and several steps read them.
    address, closing, rest = value.rpartition(">")
    if not rest or not closing:
        return _read_address(value)
    found = _read_address(address + closing)
    params = read_params(rest) if found is not None and not found.params else None
    if found is None or params is None:
        return read_name_addr(value)
    return NameAddr(display=found.display, uri=found.uri, params=params)


def read_name_addr(value: str) -> NameAddr | None:
    """Do as `parse_name_addr`, without remembering what was read before.

    Without angle brackets everything from the first `;` belongs to the header (RFC 3261 §20.10).
    A display name may hold more than tokens, and blanks inside the brackets are forgiven.
    """
    text = value.strip(" \t")
    quoted = _QUOTED.match(text)
    display_end = quoted.end() if quoted else 0
    opening = text.find("<", display_end)
    if opening < 0:
        return None if quoted else _parse_bare(text)
    display = text[display_end:opening].strip(" \t")
    inner, closing, rest = text[opening + 1 :].partition(">")
    params = read_params(rest)
    uri = inner.strip(" \t")
    if not closing or params is None or not uri or _ILLEGAL.search(uri):
        return None
    if quoted:
        return (
            None if display else NameAddr(display=unquote(quoted.group()), uri=uri, params=params)
        )
    return None if '"' in display else NameAddr(display=display, uri=uri, params=params)


_read_address = remembered(_REMEMBERED)(read_name_addr)


def _parse_bare(text: str) -> NameAddr | None:
    uri, semicolon, rest = text.partition(";")
    params = read_params(semicolon + rest)
    uri = uri.rstrip(" \t")
    if params is None or not uri or _ILLEGAL.search(uri):
        return None
    return NameAddr(display="", uri=uri, params=params, is_bare=True)


def read_params(text: str) -> dict[str, str] | None:
    """Read `;name=value` parameters of a header: names lower case, values unquoted, first wins.

    None when the text is anything else.
    """
    if _ODD.search(text):
        return read_any_params(text)
    start, *pieces = text.split(";")
    params: dict[str, str] = {}
    for piece in pieces:  # what nearly every header has, at a third of the price
        name, _, plain = piece.partition("=")
        key = _USUAL_NAMES.get(name)
        if key is None or key in params:
            return read_any_params(text)
        params[key] = plain
    return read_any_params(text) if start else params


def read_any_params(text: str) -> dict[str, str] | None:
    """Do as `read_params`, whatever the text looks like."""
    params: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _PARAM.match(text, at)
        if found is None:
            return None if text[at:].strip(" \t") else params
        name, value = found.groups()
        params.setdefault(name.lower(), unquote(value or ""))
        at = found.end()
    return params


def unquote(text: str) -> str:
    """Take the quotes and backslashes off a quoted-string; other text stays as it is."""
    if len(text) >= 2 and text[0] == '"' and text[-1] == '"':
        inner = text[1:-1]
        return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner
    return text


def quote(text: str) -> str:
    """Make a quoted-string. RFC 3261 §25.1."""
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def split_list(value: str) -> list[str]:
    """Split a header value at its commas, but not inside quotes and angle brackets."""
    if "," not in value:
        return [value.strip(" \t")]
    parts: list[str] = []
    start = 0
    for piece in _PIECE.finditer(value):
        if piece.group() == ",":
            parts.append(value[start : piece.start()].strip(" \t"))
            start = piece.end()
    return [*parts, value[start:].strip(" \t")]


def join_host_port(host: str, port: int) -> str:
    """Write host and port, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"

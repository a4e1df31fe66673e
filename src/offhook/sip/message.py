"""SIP messages as values: what was read is kept as written, what we make is checked.

RFC 3261 §7.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from offhook.values import light

MAX_MESSAGE_BYTES = 65_535
MAX_HEADERS = 256

# RFC 3261 §7.3.3, and the later ones of the IANA registry.
_COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
}
TCHARS = r"[A-Za-z0-9\-.!%*_+`'~]+"
_TOKEN = re.compile(TCHARS)
_TAG = re.compile(r";[ \t]*tag[ \t]*=", re.IGNORECASE)


@light(frozen=True, slots=True)
class Headers:
    """Header lines in order, exactly as written, with an index of their values.

    A line has its name, colon and value and keeps its folds; `names` are their long lower-case
    names; the index maps these to the unfolded, stripped values.
    """

    lines: tuple[str, ...]
    names: tuple[str, ...] = field(compare=False, repr=False)
    index: Mapping[str, tuple[str, ...]] = field(compare=False, repr=False)

    def first(self, name: str) -> str | None:
        """Give the first value of a header by its lower-case long name."""
        values = self.index.get(name)
        return values[0] if values else None

    def all(self, name: str) -> tuple[str, ...]:
        """Give the values of every line of a header, in order."""
        return self.index.get(name, ())

    def lines_of(self, name: str) -> tuple[str, ...]:
        """Give the lines of a header exactly as they were written."""
        if len(self.index) == len(self.lines):  # each name once: in the order of the lines
            return (self.lines[self.names.index(name)],) if name in self.index else ()
        return tuple(
            line for line, known in zip(self.lines, self.names, strict=True) if known == name
        )


def canonical(name: str) -> str:
    """Fold a header's name as written to the long lower-case name."""
    lowered = name.rstrip(" \t").lower()
    return _COMPACT.get(lowered, lowered)


def read_usual_headers(lines: Sequence[str]) -> Headers | None:
    """Index what nearly every phone sends, at half the price; None for anything else.

    That is each header once, in its usual spelling, and `: ` before its value. Of lines that have
    no fold, and no blank or tab at the ends of values.
    """
    index: dict[str, tuple[str, ...]] = {}
    try:
        for line in lines:
            name, value = line.split(": ", 1)
            index[_KNOWN[name]] = (value,)
    except (KeyError, ValueError):
        return None
    return Headers(tuple(lines), tuple(index), index) if len(index) == len(lines) else None


def read_headers(lines: Iterable[str]) -> Headers | str:
    """Index header lines from the wire; gives what is wrong instead when one is no header."""
    kept = tuple(lines)
    names: list[str] = []
    index: dict[str, tuple[str, ...]] = {}
    for line in kept:
        name, colon, value = line.partition(":")
        key = _KNOWN.get(name) if colon else None
        if key is None:
            if not colon or not _TOKEN.fullmatch(name.rstrip(" \t")):
                return "header line without a name"
            key = canonical(name)
        if "\r" in value:
            value = " ".join(piece.strip(" \t") for piece in value.split("\r\n"))
        value = value.strip(" \t")
        names.append(key)
        index[key] = (*index[key], value) if key in index else (value,)
    return Headers(kept, tuple(names), index)


# The spellings nearly every phone uses, so that the common case is one lookup.
_KNOWN = {
    name: name.lower()
    for name in (
        "Via",
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "Contact",
        "Max-Forwards",
        "User-Agent",
        "Expires",
        "Content-Length",
        "Authorization",
        "Allow",
        "Event",
        "Server",
        "WWW-Authenticate",
        "Date",
        "Path",
        "Min-Expires",
        "Allow-Events",
        "Accept",
        "Accept-Language",
        "Supported",
        "Require",
        "Mac",
        "Content-Type",
        "Record-Route",
        "Route",
        "Subject",
        "Session-Expires",
        "Min-SE",
        "P-Preferred-Identity",
        "Proxy-Authorization",
        "Proxy-Authenticate",
        "Subscription-State",
    )
}


def write_header(name: str, value: str) -> str:
    """Make a header line. Raises ValueError for anything that could end the line or the name."""
    if name not in _KNOWN and not _TOKEN.fullmatch(name):
        raise ValueError(f"no header name: {name!r}")
    if not value.isprintable() and ("\r" in value or "\n" in value or "\0" in value):
        raise ValueError(f"line break or NUL in header {name}")
    return f"{name}: {value}"


def write_headers(pairs: Iterable[tuple[str, str]]) -> Headers:
    """Make headers from names and values that code chose. Raises ValueError as `write_header`."""
    headers = read_headers([write_header(name, value) for name, value in pairs])
    if isinstance(headers, str):  # pragma: no cover - write_header refused it before
        raise TypeError(headers)
    return headers


@light(frozen=True, slots=True, kw_only=True)
class Request:
    """A SIP request; `uri` and `version` are as written."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""
    version: str = "SIP/2.0"

    def emit(self) -> bytes:
        """Give the bytes for the wire."""
        return _emit(f"{self.method} {self.uri} {self.version}", self.headers.lines, self.body)


@light(frozen=True, slots=True, kw_only=True)
class Response:
    """A SIP response; `reason` may be empty and holds whatever the sender wrote."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""

    def emit(self) -> bytes:
        """Give the bytes for the wire."""
        return _emit(f"SIP/2.0 {self.status} {self.reason}", self.headers.lines, self.body)


Message = Request | Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that cannot be used but can be answered: status and reason of the answer."""

    status: int
    reason: str
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Junk:
    """Bytes that are to be dropped without an answer, and why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAlive:
    """Line breaks between messages; `is_ping` asks for one line break back. RFC 5626 §3.5.1."""

    is_ping: bool


Verdict = Refusal | Junk


def _emit(start: str, lines: Iterable[str], body: bytes) -> bytes:
    text = "\r\n".join((start, *lines, "", ""))
    return text.encode("utf-8", "surrogateescape") + body


def make_request(
    method: str, uri: str, pairs: Iterable[tuple[str, str]], body: bytes = b""
) -> Request:
    """Make a request with its Content-Length. Raises ValueError for control characters."""
    if not _TOKEN.fullmatch(method) or not uri or re.search(r"[\s\x00]", uri):
        raise ValueError(f"no request line: {method!r} {uri!r}")
    headers = write_headers([*pairs, ("Content-Length", str(len(body)))])
    return Request(method=method, uri=uri, headers=headers, body=body)


# Copied from the request into its answer, in this order. RFC 3261 §8.2.6.2.
_ECHOED = ("via", "from", "to", "call-id", "cseq")
_ECHOED_SET = frozenset(_ECHOED)
_usually_echoed = itemgetter(*_ECHOED)


def render_response(
    request: Request,
    status: int,
    reason: str,
    pairs: Iterable[tuple[str, str]] = (),
    *,
    top_via: str = "",
    to_tag: str = "",
    body: bytes = b"",
) -> bytes:
    """Answer a request: its Via, From, To, Call-ID and CSeq lines as written, then ours.

    `top_via` replaces the value of the first Via when the transport had to add `received`;
    `to_tag` is added to a To without tag. RFC 3261 §8.2.6.2, §18.2.1. Raises ValueError when one
    of our headers would break a line.
    """
    lines = [f"SIP/2.0 {status} {reason}", *_echoed_lines(request.headers, top_via, to_tag)]
    lines += [write_header(name, value) for name, value in pairs]
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def _echoed_lines(headers: Headers, top_via: str, to_tag: str) -> Iterable[str]:
    line_of = dict(zip(headers.names, headers.lines, strict=True))
    if not top_via or len(line_of) < len(headers.lines) or not line_of.keys() >= _ECHOED_SET:
        return _echo_any(headers, top_via, to_tag)
    _, sender, to, call_id, cseq = _usually_echoed(line_of)
    if to_tag and not _TAG.search(to.rpartition(">")[2]):
        to = f"{to.rstrip()};tag={to_tag}"
    return f"Via: {top_via}", sender, to, call_id, cseq


def _echo_any(headers: Headers, top_via: str, to_tag: str) -> Iterable[str]:
    echoed: dict[str, list[str]] = {name: [] for name in _ECHOED}
    for line, name in zip(headers.lines, headers.names, strict=True):
        if name in echoed:
            echoed[name].append(line)
    if top_via and echoed["via"]:
        echoed["via"][0] = f"Via: {top_via}"  # wire text again: not for write_header to judge
    if to_tag and echoed["to"] and not _TAG.search(echoed["to"][0].rpartition(">")[2]):
        echoed["to"][0] = f"{echoed['to'][0].rstrip()};tag={to_tag}"
    return [line for name in _ECHOED for line in echoed[name]]

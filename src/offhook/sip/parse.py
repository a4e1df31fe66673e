"""Bytes to messages: any bytes give a message, a verdict or a keep-alive, never an exception."""

from __future__ import annotations

import re
from dataclasses import replace

from offhook.sip.message import (
    MAX_HEADERS,
    MAX_MESSAGE_BYTES,
    TCHARS,
    Headers,
    Junk,
    KeepAlive,
    Message,
    Refusal,
    Request,
    Response,
    Verdict,
    read_headers,
    read_usual_headers,
)
from offhook.sip.remembered import remembered
from offhook.sip.uri import OtherUri, SipUri, parse_name_addr, parse_uri
from offhook.sip.via import answerable_via, parse_cseq, top_via

_REQUEST = re.compile(rf"({TCHARS}) ([^ \t]+) ([Ss][Ii][Pp]/[0-9]+\.[0-9]+)\Z")
_RESPONSE = re.compile(r"[Ss][Ii][Pp]/2\.0 ([1-6][0-9]{2})(?: (.*))?\Z", re.DOTALL)
_CALL_ID = re.compile(r"[\x21-\x7e]{1,256}\Z")

_NEEDED = ("via", "from", "to", "call-id", "cseq")
_NEEDED_SET = frozenset(_NEEDED)
# At most one of each; two would let two readers of one message disagree. RFC 4475 §3.3.8.
_SINGLE = (
    "from",
    "to",
    "call-id",
    "cseq",
    "max-forwards",
    "content-length",
    "content-type",
    "expires",
)


def parse_datagram(data: bytes) -> Message | Verdict | KeepAlive:
    """Read one datagram: a shorter body than announced is refused, a longer cut. RFC 3261 §18.3."""
    if len(data) > MAX_MESSAGE_BYTES:
        return Junk(reason="message larger than 64 kB")
    data = data.lstrip(b"\r\n")  # RFC 3261 §7.5
    if not data:
        return KeepAlive(is_ping=False)
    head, end, body = data.partition(b"\r\n\r\n")
    message = parse_head(head if end else head.rstrip(b"\r\n"))
    if not isinstance(message, Request | Response):
        return message
    if not end:
        return refuse(message, 400, "Headers Not Ended")
    length = body_length(message.headers)
    if length is not None and length > len(body):
        return refuse(message, 400, "Body Shorter Than Content-Length")
    return replace(message, body=body[:length]) if body else message


def parse_head(head: bytes) -> Message | Verdict:
    """Read start line and headers (without the empty line) and check them; the body is empty."""
    text = head.decode("utf-8", "surrogateescape")
    start, *lines = text.split("\r\n")
    if text.count("\r") > len(lines) or text.count("\n") > len(lines):
        return Junk(reason="line break other than CR LF")
    if len(lines) > MAX_HEADERS:
        return Junk(reason="more than 256 header lines")
    headers = _read_headers(text, lines)
    if isinstance(headers, str):
        return Junk(reason=headers)
    found = _read_request_line(start)
    if found is None:
        return _read_other_start(start, headers)
    method, uri, version = found
    request = Request(method=method, uri=uri, headers=headers, version=version)
    return _check_request(request) or request


@remembered(1024)  # a phone begins with the same each time
def _read_request_line(start: str) -> tuple[str, str, str] | None:
    found = _REQUEST.match(start)
    if found is None:
        return None
    method, uri, version = found.groups()
    return method, uri, version


def _read_headers(text: str, lines: list[str]) -> Headers | str:
    if "\t" not in text and "  " not in text and " \r" not in text and not text.endswith(" "):
        headers = read_usual_headers(lines)
        if headers is not None:
            return headers
    if "\r\n " in text or "\r\n\t" in text:
        lines = _join_folds(lines)
    return read_headers(lines)


def _join_folds(lines: list[str]) -> list[str]:
    joined: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and joined:
            joined[-1] = f"{joined[-1]}\r\n{line}"
        else:
            joined.append(line)
    return joined


def _read_other_start(start: str, headers: Headers) -> Message | Verdict:
    found = _RESPONSE.match(start)
    if found is not None:
        response = Response(
            status=int(found.group(1)), reason=found.group(2) or "", headers=headers
        )
        problem = _find_problem(headers, "")
        return Junk(reason=f"response: {problem}") if problem else response
    # A wrong request line that still shows that a request was meant can be answered.
    words = start.split()
    if len(words) < 3 or not words[-1].upper().startswith("SIP/"):
        return Junk(reason="neither request nor response")
    request = Request(method=words[0], uri=words[1], headers=headers, version=words[-1])
    return refuse(request, 400, "Malformed Request Line")


def refuse(message: Message, status: int, reason: str) -> Verdict:
    """Judge a message unusable: a request whose Via tells where is answered, others dropped."""
    if isinstance(message, Response) or message.method == "ACK":
        return Junk(reason=reason)
    if answerable_via(message.headers) is None:
        return Junk(reason=f"{reason}, no Via to answer to")
    return Refusal(status=status, reason=reason, request=message)


def _check_request(request: Request) -> Verdict | None:
    if request.version.upper() != "SIP/2.0":
        return refuse(request, 505, "Version Not Supported")
    problem = _find_problem(request.headers, request.method)
    if problem:
        return refuse(request, 400, problem)
    if parse_uri(request.uri) is None:
        return refuse(request, 400, "Malformed Request-URI")
    return None


def _find_problem(headers: Headers, method: str) -> str:
    """Say what is wrong with the headers every message has; `method` is empty for a response."""
    index = headers.index
    if not index.keys() >= _NEEDED_SET:
        return next(f"Missing {_title(name)}" for name in _NEEDED if name not in index)
    twice = _find_twice(headers)
    if twice:
        return f"More Than One {_title(twice)}"
    cseq = parse_cseq(index["cseq"][0])
    if cseq is None or (method and cseq[1] != method):
        return "Malformed CSeq"
    if not _CALL_ID.match(index["call-id"][0]):
        return "Malformed Call-ID"
    if top_via(headers) is None:
        return "Malformed Via"
    return _find_bad_scalar(headers) or _find_bad_address(headers)


def _find_twice(headers: Headers) -> str:
    if len(headers.index) == len(headers.lines):  # no name comes twice, as with nearly all
        return ""
    return next((name for name in _SINGLE if len(headers.index.get(name, ())) > 1), "")


def _find_bad_scalar(headers: Headers) -> str:
    length = headers.first("content-length")
    if length is not None and length != "0" and digits(length) is None:
        return "Malformed Content-Length"
    hops = headers.first("max-forwards")
    if hops is not None and hops != "70":  # what nearly all write is not looked at
        number = digits(hops)
        if number is None or number > 255:
            return "Malformed Max-Forwards"
    return ""


def _find_bad_address(headers: Headers) -> str:
    for name in ("from", "to"):
        if parse_name_addr(headers.index[name][0]) is None:
            return f"Malformed {_title(name)}"
    return ""


def _title(name: str) -> str:
    return {"call-id": "Call-ID", "cseq": "CSeq"}.get(name, name.title())


def body_length(headers: Headers) -> int | None:
    """Give the announced length of the body in bytes, None when it is not announced."""
    return digits(headers.first("content-length"))


def address_of(headers: Headers, name: str) -> SipUri | OtherUri | None:
    """Read the URI of From or To."""
    values = headers.index.get(name)
    address = parse_name_addr(values[0]) if values and values[0] else None
    return parse_uri(address.uri) if address else None


def digits(value: str | None) -> int | None:
    """Read an unsigned decimal number of a header, at most 2^32 - 1; None when it is none."""
    if value is None or not value.isascii() or not value.isdigit():
        return None
    shortened = value.lstrip("0") or "0"
    return int(shortened) if len(shortened) < 10 else min(int(shortened[:11]), 2**32 - 1)

"""What is fuzzed: a target takes any bytes and raises only when something is broken."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from offhook.sip.digest import (
    answer_challenge,
    parse_credentials,
    parse_digest_fields,
    read_any_fields,
    write_credentials,
)
from offhook.sip.forward import passed_back
from offhook.sip.message import (
    MAX_HEADERS,
    MAX_MESSAGE_BYTES,
    TCHARS,
    Junk,
    KeepAlive,
    Message,
    Refusal,
    Request,
    Response,
    read_headers,
)
from offhook.sip.notifier import is_our_answer
from offhook.sip.parse import parse_datagram
from offhook.sip.stream import Framer
from offhook.sip.uri import (
    SipUri,
    is_same_uri,
    parse_name_addr,
    parse_uri,
    quote,
    read_any_params,
    read_name_addr,
    read_params,
    split_list,
    unquote,
)
from offhook.sip.via import parse_cseq, parse_via
from tests.fuzz.registering import Registering
from tests.fuzz.room import must
from tests.fuzz.script import Story

_TOKEN = re.compile(TCHARS)


def fuzz_datagram(data: bytes) -> None:
    """Any datagram gives a message or a verdict, and a message keeps its headers."""
    parsed = parse_datagram(data)
    must(isinstance(parsed, Request | Response | Refusal | Junk | KeepAlive), "no verdict")
    if isinstance(parsed, Request | Response):
        _check_kept(parsed, data)
        again = parse_datagram(parsed.emit())
        must(again == parsed, "emitted and read again it differs", parsed, again)
    if isinstance(parsed, Response):
        passed_back(parsed)
        is_our_answer(parsed, "z9hG4bKx", "NOTIFY")


def _check_kept(message: Message, data: bytes) -> None:
    head = data.lstrip(b"\r\n").partition(b"\r\n\r\n")[0]
    lines = "\r\n".join(message.headers.lines).encode("utf-8", "surrogateescape")
    must(head.endswith(lines), "headers are not kept octet for octet", lines)
    must(len(message.headers.lines) <= MAX_HEADERS, "too many headers")
    general = read_headers(message.headers.lines)
    must(
        not isinstance(general, str)
        and (general.names, general.index) == (message.headers.names, message.headers.index),
        "the quick way reads other headers",
        lines,
    )
    must(len(message.body) <= MAX_MESSAGE_BYTES, "too long a body")


def fuzz_stream(data: bytes) -> None:
    """A stream gives the same messages however it is cut; the first bytes say where."""
    cuts, stream = data[:6], data[6:]
    whole, split = Framer(), Framer()
    expected = whole.feed(stream)
    given = []
    at = 0
    for cut in cuts:
        given += split.feed(stream[at : at + cut])
        at += cut
        must(len(split._buffer) <= 2 * MAX_MESSAGE_BYTES, "the buffer grows")
    given += split.feed(stream[at:])
    must(_told(expected) == _told(given), "another cut, other messages", expected, given)
    must(whole.is_broken == split.is_broken, "another cut, other end")


def _told(items: list[Message | Refusal | Junk | KeepAlive]) -> list[object]:
    # Where a stream of line breaks is cut decides which of them are pings: RFC 5626 §3.5.1
    # counts pairs of them, and one that comes alone is only ignored.
    return [item for item in items if not isinstance(item, KeepAlive)]


def fuzz_headers(data: bytes) -> None:
    """Each reader of a header's value takes any text."""
    text = data.decode("utf-8", "surrogateescape")
    uri = parse_uri(text)
    if isinstance(uri, SipUri):
        must(is_same_uri(uri, uri), "a URI differs from itself", text)
    address = parse_name_addr(text)
    must(address is None or address.uri, "an address without URI", text)
    must(unquote(quote(text)) == text, "quoting changes the text", text)
    must(address == read_name_addr(text), "the quick way reads another address", text)
    must(read_params(text) == read_any_params(text), "the quick way reads otherwise", text)
    via = parse_via(text)
    must(via is None or via.port is None or via.port <= 65_535, "port", text)
    number = parse_cseq(text)
    must(number is None or number[0] < 2**31, "CSeq", text)
    pieces = split_list(text)
    must(sum(map(len, pieces)) + len(pieces) - 1 <= len(text), "the list grew", text)


def _start(text: str) -> int:
    return len("Digest ") + len(text) - len(text.lstrip(" \t"))


def fuzz_digest(data: bytes) -> None:
    """Credentials read and written again are the same; any challenge is answered or not."""
    text = data.decode("utf-8", "surrogateescape")
    must(
        parse_digest_fields(f"Digest {text}") == read_any_fields(f"Digest {text}", _start(text)),
        "the quick way reads otherwise",
        text,
    )
    credentials = parse_credentials(text)
    if credentials is not None:
        if not credentials.qop:  # then they say nothing, and are not written
            credentials = replace(credentials, nc="", cnonce="")
        again = parse_credentials(write_credentials(credentials, credentials.response))
        tokens = credentials.algorithm + credentials.nc + credentials.qop
        is_odd = not credentials.algorithm or not _TOKEN.fullmatch(tokens)
        must(is_odd or again == credentials, "differs", again)
    value = answer_challenge(
        text.split("\n"), username="u", secret="s", method="NOTIFY", uri="sip:u@h", cnonce="c"
    )
    must(value is None or not set(value) & set("\r\n\0"), "a line break in credentials", value)


def fuzz_registrar(data: bytes) -> None:
    """A story of REGISTERs, right and wrong, against registrar, digest, limits and table."""
    Registering(data).play()


def fuzz_server(data: bytes) -> None:
    """A story of requests, answers and timers against server and proxy."""
    Story(data).play()


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "datagram": fuzz_datagram,
    "stream": fuzz_stream,
    "headers": fuzz_headers,
    "digest": fuzz_digest,
    "registrar": fuzz_registrar,
    "server": fuzz_server,
}

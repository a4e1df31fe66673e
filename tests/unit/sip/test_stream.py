"""Messages out of a byte stream, however it is cut."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip.message import Junk, KeepAlive, Refusal, Request
from offhook.sip.stream import Framer
from tests.unit.sip.build import register
from tests.unit.sip.rfc4475 import VALID

STREAM = b"\r\n\r\n" + register(branch="a") + register(branch="b") + VALID["mpart01"] + b"\r\n"


def test_one_segment_gives_everything() -> None:
    items = Framer().feed(STREAM)
    assert items[0] == KeepAlive(is_ping=True)
    assert [item.method for item in items if isinstance(item, Request)] == [
        "REGISTER",
        "REGISTER",
        "MESSAGE",
    ]
    assert items[-1].body == VALID["mpart01"].partition(b"\r\n\r\n")[2]  # type: ignore[union-attr] # a Request


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=12))
@settings(max_examples=150, deadline=None)
def test_any_cut_gives_the_same(cuts: list[int]) -> None:
    framer = Framer()
    edges = [0, *sorted(cuts), len(STREAM)]
    items = [
        item for start, end in itertools.pairwise(edges) for item in framer.feed(STREAM[start:end])
    ]
    assert items == Framer().feed(STREAM)


@given(st.lists(st.binary(max_size=80), max_size=6))
@settings(max_examples=150, deadline=None)
def test_any_bytes_never_raise(pieces: list[bytes]) -> None:
    framer = Framer()
    for piece in pieces:
        framer.feed(piece)


def test_a_single_line_break_is_a_pong_and_no_message() -> None:
    framer = Framer()
    assert framer.feed(b"\r\n") == []
    assert not framer.has_partial
    assert framer.feed(register())[0] == KeepAlive(is_ping=False)


def test_a_begun_message_is_partial() -> None:
    framer = Framer()
    framer.feed(register()[:40])
    assert framer.has_partial
    framer.feed(register()[40:])
    assert not framer.has_partial
    framer.feed(VALID["mpart01"][:-3])
    assert framer.has_partial


def test_a_missing_length_is_answered_and_ends_the_stream() -> None:
    framer = Framer()
    items = framer.feed(register().replace(b"Content-Length: 0\r\n", b""))
    assert [item.status for item in items if isinstance(item, Refusal)] == [400]
    assert framer.is_broken
    assert framer.feed(register()) == []


def test_a_refused_message_with_a_length_leaves_the_stream_whole() -> None:
    bad = register().replace(b"1 REGISTER", b"1 OPTIONS").replace(b"Length: 0", b"Length: 3")
    items = Framer().feed(bad + b"abc" + register())
    assert isinstance(items[0], Refusal)
    assert isinstance(items[1], Request)


def test_what_is_no_sip_ends_the_stream() -> None:
    framer = Framer()
    items = framer.feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert isinstance(items[0], Junk)
    assert framer.is_broken


def test_endless_headers_end_the_stream() -> None:
    framer = Framer()
    items = [item for _ in range(70) for item in framer.feed(b"X: " + b"a" * 1021)]
    assert [item.reason for item in items if isinstance(item, Junk)] == [
        "headers larger than 64 kB"
    ]
    assert framer.is_broken


def test_a_huge_body_is_refused_before_it_is_read() -> None:
    framer = Framer()
    items = framer.feed(register().replace(b"Content-Length: 0", b"Content-Length: 70000"))
    assert [item.status for item in items if isinstance(item, Refusal)] == [513]
    assert framer.is_broken

"""Messages: what was read stays as written, what is made is checked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip.message import (
    Headers,
    Request,
    Response,
    make_request,
    read_headers,
    render_response,
    write_header,
    write_headers,
)
from offhook.sip.parse import parse_datagram
from tests.unit.sip.build import register, request_of, response_of
from tests.unit.sip.rfc4475 import VALID

NAMES = st.from_regex(r"X-[A-Za-z0-9!%*_+`'~.\-]{1,12}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=("Cs",)))


def test_compact_names_are_found_by_the_long_one() -> None:
    headers = read_headers(["v: A", "Via: B", "i : c"])
    assert isinstance(headers, Headers)
    assert headers.all("via") == ("A", "B")
    assert headers.first("call-id") == "c"
    assert headers.first("contact") is None


def test_lines_of_gives_them_as_written() -> None:
    headers = read_headers(["v:A", "To: x", "VIA  :  B"])
    assert isinstance(headers, Headers)
    assert headers.lines_of("via") == ("v:A", "VIA  :  B")


@pytest.mark.parametrize("line", ["no colon", ": no name", "two words: x", "na\0me: x"])
def test_refuses_a_line_that_is_no_header(line: str) -> None:
    assert isinstance(read_headers([line]), str)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\0b"])
def test_code_cannot_set_a_value_that_ends_its_line(value: str) -> None:
    with pytest.raises(ValueError, match="line break or NUL"):
        write_header("Subject", value)


@pytest.mark.parametrize("name", ["", "A B", "A:", "A\r\n"])
def test_code_cannot_set_a_name_that_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="no header name"):
        write_header(name, "x")


@pytest.mark.parametrize(("method", "uri"), [("A B", "sip:x"), ("A", ""), ("A", "sip:x y")])
def test_code_cannot_break_the_request_line(method: str, uri: str) -> None:
    with pytest.raises(ValueError, match="no request line"):
        make_request(method, uri, [])


@given(pairs=st.lists(st.tuples(NAMES, VALUES), max_size=8), body=st.binary(max_size=40))
@settings(max_examples=150, deadline=None)
def test_what_is_emitted_is_parsed_back(pairs: list[tuple[str, str]], body: bytes) -> None:
    needed = [
        ("Via", "SIP/2.0/UDP h;branch=z9hG4bKx"),
        ("From", "<sip:a@h>;tag=1"),
        ("To", "<sip:b@h>"),
        ("Call-ID", "c"),
        ("CSeq", "1 OPTIONS"),
    ]
    request = make_request("OPTIONS", "sip:b@h", [*needed, *pairs], body)
    assert parse_datagram(request.emit()) == request


@pytest.mark.parametrize("name", sorted(set(VALID) - {"dblreq"}))
def test_emits_the_octets_it_read(name: str) -> None:
    message = parse_datagram(VALID[name])
    assert isinstance(message, Request | Response)
    assert message.emit() == VALID[name]


def test_header_octets_that_are_no_utf8_survive() -> None:
    data = register("X-Odd: @").replace(b"@\r", b"\xff\x00\xfe\r")
    assert request_of(data).emit() == data


def test_response_echoes_the_lines_and_adds_a_tag() -> None:
    request = request_of(VALID["wsinv"])
    data = render_response(request, 200, "OK", [("Server", "x")], to_tag="abc", body=b"hi")
    response = response_of(data)
    assert response.headers.lines_of("via") == request.headers.lines_of("via")
    assert response.headers.lines_of("cseq") == request.headers.lines_of("cseq")
    assert response.headers.lines_of("to") == request.headers.lines_of("to")  # had one
    assert response.headers.first("content-length") == "2"
    assert response.body == b"hi"


def test_response_tags_a_to_without_tag() -> None:
    data = render_response(request_of(register()), 200, "OK", to_tag="abc")
    assert response_of(data).headers.first("to") == "<sip:1001@pbx.example>;tag=abc"


def test_response_replaces_the_first_via_only() -> None:
    data = render_response(request_of(VALID["transports"]), 200, "OK", top_via="SIP/2.0/UDP x")
    vias = response_of(data).headers.all("via")
    assert vias[0] == "SIP/2.0/UDP x"
    assert vias[1].startswith("SIP/2.0/SCTP t2")


def test_headers_written_by_code_have_an_index() -> None:
    assert write_headers([("Event", "check-sync")]).first("event") == "check-sync"

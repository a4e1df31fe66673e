"""Bytes to messages: lenient in, verdicts instead of exceptions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip.message import Junk, KeepAlive, Refusal, Request, Response
from offhook.sip.parse import address_of, digits, parse_datagram, parse_head, refuse
from tests.unit.sip.build import register, request_of
from tests.unit.sip.rfc4475 import MESSAGES, lines

GOOD = (Request, Response, Refusal, Junk, KeepAlive)
SEEDS = [*MESSAGES.values(), register()]


def reason_of(data: bytes) -> str:
    verdict = parse_datagram(data)
    assert isinstance(verdict, Refusal | Junk)
    return verdict.reason


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_a_message_or_a_verdict(data: bytes) -> None:
    assert isinstance(parse_datagram(data), GOOD)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_messages_give_a_message_or_a_verdict(data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(SEEDS))
    at = data.draw(st.integers(0, len(seed)))
    cut = data.draw(st.integers(0, 20))
    noise = data.draw(st.binary(max_size=20))
    assert isinstance(parse_datagram(seed[:at] + noise + seed[at + cut :]), GOOD)


def test_line_breaks_alone_are_a_keep_alive() -> None:
    assert parse_datagram(b"\r\n\r\n") == KeepAlive(is_ping=False)
    assert parse_datagram(b"") == KeepAlive(is_ping=False)


def test_line_breaks_before_the_start_line_are_ignored() -> None:
    assert request_of(b"\r\n\r\n" + register()).method == "REGISTER"


def test_a_longer_body_is_cut_and_an_unannounced_kept() -> None:
    assert request_of(register() + b"surplus").body == b""
    unannounced = register().replace(b"Content-Length: 0\r\n", b"") + b"all of it"
    assert request_of(unannounced).body == b"all of it"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x" * 70_000, "larger than 64 kB"),
        (b"\x00\x01\x00\x00stun", "neither request nor response"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "neither request nor response"),
        (register().replace(b"To: ", b"To: a\nb"), "line break other than"),
        (register(*[f"X: {n}" for n in range(300)]), "more than 256"),
        (register("no colon here"), "header line without a name"),
        (register().replace(b"Via: ", b"Vai: "), "Missing Via"),
        (register().replace(b"To: ", b"Ot: "), "Missing To"),
        (register().replace(b"Call-ID: ", b"Call-IDs: "), "Missing Call-ID"),
        (register().replace(b"Call-ID: boot", b"Call-ID: bo ot"), "Malformed Call-ID"),
        (register().replace(b"UDP 192", b"UDP ;192"), "Malformed Via"),
        (register().replace(b"1 REGISTER", b"one REGISTER"), "Malformed CSeq"),
        (register("Max-Forwards: 70"), "More Than One Max-Forwards"),
        (register().replace(b"Max-Forwards: 70", b"Max-Forwards: x"), "Malformed Max-Forwards"),
        (register()[:-2], "Headers Not Ended"),
        (register().replace(b" sip:pbx.example ", b" pbx.example "), "Malformed Request-URI"),
        (register().replace(b"\r\n", b"\n"), "line break other than"),
    ],
)
def test_says_what_is_wrong(data: bytes, reason: str) -> None:
    assert reason in reason_of(data)


def test_a_bad_ack_is_never_answered() -> None:
    data = register().replace(b"REGISTER", b"ACK").replace(b"70", b"700")
    assert isinstance(parse_datagram(data), Junk)


def test_a_bad_response_is_never_answered() -> None:
    data = lines("SIP/2.0 200 OK", "Via: SIP/2.0/UDP h;branch=z9hG4bKx", "CSeq: 1 NOTIFY")
    assert reason_of(data) == "response: Missing From"


def test_a_first_line_that_is_a_fold_is_no_header() -> None:
    assert isinstance(parse_head(b"OPTIONS sip:a@h SIP/2.0\r\n folded: x"), Junk)


def test_a_request_without_a_via_has_nowhere_to_be_answered() -> None:
    message = request_of(register())
    headers = type(message.headers)((), (), {})
    verdict = refuse(Request(method="OPTIONS", uri="sip:h", headers=headers), 400, "Bad")
    assert isinstance(verdict, Junk)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("4294967295", 4294967295),
        ("99999999999999", 4294967295),
        ("", None),
        ("-1", None),
        ("\u0661", None),
        (None, None),
    ],
)
def test_numbers_are_clamped_or_none(text: str | None, number: int | None) -> None:
    assert digits(text) == number


def test_address_of_a_missing_header_is_none() -> None:
    assert address_of(request_of(register()).headers, "refer-to") is None


@pytest.mark.parametrize(
    "filler",
    [
        b" " * 60_000,
        b'"' * 60_000,
        b'"\\' * 30_000,
        b"<" * 60_000,
        b";" * 60_000,
        b";rport" + b" " * 59_000 + b"x",
        b';a=";rport' + b" " * 50_000 + b'x"',
        b"," * 60_000,
        b"a" * 60_000,
        b"%" * 60_000,
    ],
)
@pytest.mark.parametrize("place", [b"To: ", b"Via: SIP/2.0/UDP h", b"REGISTER ", b"User-Agent: "])
def test_no_text_costs_more_than_its_length(filler: bytes, place: bytes) -> None:
    """Anything quadratic would need minutes for these 60 kB, and hang the suite."""
    data = register().replace(place, place + filler, 1)
    assert isinstance(parse_datagram(data), GOOD)

"""Via and CSeq: where answers go."""

from __future__ import annotations

import pytest

from offhook.sip.via import (
    Via,
    parse_cseq,
    parse_via,
    reply_address,
    stamp_via,
    top_via,
    write_via,
)
from tests.unit.sip.build import register, request_of


def via(text: str) -> Via:
    found = parse_via(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 /UDP",
        "SIP/2.0/UDP h x",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP h;;a",
        "UDP h",
    ],
)
def test_refuses_what_is_no_via(text: str) -> None:
    assert parse_via(text) is None


def test_rport_answers_go_to_the_source_port() -> None:
    assert reply_address(via("SIP/2.0/UDP 10.0.0.1:5070;rport"), "192.0.2.9", 4000) == (
        "192.0.2.9",
        4000,
    )


def test_without_rport_answers_go_to_the_port_of_sent_by() -> None:
    assert reply_address(via("SIP/2.0/UDP 10.0.0.1:5070"), "192.0.2.9", 4000) == ("192.0.2.9", 5070)
    assert reply_address(via("SIP/2.0/UDP 10.0.0.1"), "192.0.2.9", 4000) == ("192.0.2.9", 5060)


def stamped(text: str, host: str = "192.0.2.9", port: int = 4000) -> str:
    data = register().replace(
        b"SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bKone-boot-1-1;rport", text.encode()
    )
    headers = request_of(data).headers
    top = top_via(headers)
    assert top is not None
    return stamp_via(headers, top, host, port)


def test_received_and_rport_are_filled_in() -> None:
    assert (
        stamped("SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bKa")
        == "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;rport=4000;received=192.0.2.9"
    )


def test_a_lie_in_rport_is_replaced() -> None:
    assert stamped("SIP/2.0/UDP 10.0.0.1;rport=1;branch=x").count("rport") == 1


def test_without_rport_received_is_added_for_another_host_only() -> None:
    assert stamped("SIP/2.0/UDP 10.0.0.1").endswith(";received=192.0.2.9")
    assert stamped("SIP/2.0/UDP 192.0.2.9:5070") == ""
    assert stamped("SIP/2.0/UDP [2001:db8::1]", host="2001:db8::1") == ""


def test_a_second_via_in_the_line_stays() -> None:
    text = "SIP/2.0/UDP 10.0.0.1;branch=x, SIP/2.0/TCP next;branch=y"
    assert stamped(text).endswith(";received=192.0.2.9, SIP/2.0/TCP next;branch=y")


def test_bare_cookie_is_no_branch() -> None:
    assert not via("SIP/2.0/UDP h;branch=z9hG4bK").has_unique_branch
    assert not via("SIP/2.0/UDP h").has_unique_branch
    assert via("SIP/2.0/UDP h;branch=z9hG4bKx").has_unique_branch


def test_our_own_via_reads_back() -> None:
    ours = via(write_via("TCP", "::1", 5060, "z9hG4bKq"))
    assert (ours.transport, ours.host, ours.port, ours.branch) == ("TCP", "[::1]", 5060, "z9hG4bKq")


@pytest.mark.parametrize("text", ["", "INVITE 1", "1", "2147483648 INVITE", "-1 X", "1 A B"])
def test_refuses_what_is_no_cseq(text: str) -> None:
    assert parse_cseq(text) is None

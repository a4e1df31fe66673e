"""RFC 4475 messages and their verdicts."""

from __future__ import annotations

import pytest

from offhook.sip.message import Junk, Refusal, Request, Response
from offhook.sip.parse import parse_datagram
from offhook.sip.stream import Framer
from offhook.sip.uri import SipUri, parse_name_addr, parse_uri, split_list
from offhook.sip.via import parse_cseq, top_via
from tests.unit.sip.build import Pbx, register, request_of
from tests.unit.sip.rfc4475 import ANSWERED, BAD, DROPPED, LENIENT, VALID, lines, request


@pytest.mark.parametrize("name", sorted(VALID | LENIENT))
def test_accepts(name: str) -> None:
    assert isinstance(parse_datagram((VALID | LENIENT)[name]), Request | Response)


@pytest.mark.parametrize("name", sorted(BAD))
def test_refuses_with_400(name: str) -> None:
    verdict = parse_datagram(BAD[name])
    if name == "badinv01":  # its Via is what is broken, so there is nowhere to answer to
        assert isinstance(verdict, Junk)
    else:
        assert isinstance(verdict, Refusal)
        assert verdict.status == 400


@pytest.mark.parametrize("name", sorted(DROPPED))
def test_drops(name: str) -> None:
    assert isinstance(parse_datagram(DROPPED[name]), Junk)


@pytest.mark.parametrize("name", sorted(ANSWERED))
def test_answers(name: str) -> None:
    status, data = ANSWERED[name]
    assert Pbx().ask(data).status == status


def test_wsinv_is_read_through_folds_and_blanks() -> None:
    message = request_of(VALID["wsinv"])
    via = top_via(message.headers)
    contact = parse_name_addr(message.headers.first("contact") or "")
    assert via is not None
    assert (via.transport, via.host, via.branch) == ("UDP", "192.0.2.2", "390skdjuw")
    assert parse_cseq(message.headers.first("cseq") or "") == (9, "INVITE")
    assert contact is not None
    assert contact.display == 'Quoted string ""'
    assert contact.params == {"newparam": "newvalue", "secondparam": "", "q": "0.33"}
    assert len(message.headers.all("via")) == 2


def test_intmeth_keeps_every_octet() -> None:
    data = VALID["intmeth"]
    assert request_of(data).emit() == data


def test_esc01_and_escnull_unescape_the_user() -> None:
    uri = parse_uri(request_of(VALID["esc01"]).uri)
    assert isinstance(uri, SipUri)
    assert uri.user == "sips:user@example.com"
    uri = parse_uri("sip:null-%00-null@example.com")
    assert isinstance(uri, SipUri)
    assert uri.user == "null-\0-null"


def test_esc02_is_an_unknown_method_and_not_register() -> None:
    assert Pbx().ask(VALID["esc02"]).status == 501


def test_semiuri_puts_the_parameters_into_the_user() -> None:
    uri = parse_uri(request_of(VALID["semiuri"]).uri)
    assert isinstance(uri, SipUri)
    assert (uri.user, dict(uri.params)) == ("user;par=u@example.net", {})


def test_dblreq_ignores_the_second_request() -> None:
    message = request_of(VALID["dblreq"])
    assert (message.method, message.body) == ("REGISTER", b"")


def test_dblreq_on_a_stream_is_two_requests() -> None:
    items = Framer().feed(VALID["dblreq"])
    assert [item.method for item in items if isinstance(item, Request)] == ["REGISTER", "INVITE"]


def test_mpart01_keeps_a_binary_body() -> None:
    assert request_of(VALID["mpart01"]).body == b"\x30\x82\x00\xff\xfe\x80\r\n\r\n\x00\x01"


def test_badbranch_falls_back_to_the_old_rules() -> None:
    via = top_via(request_of(LENIENT["badbranch"]).headers)
    assert via is not None
    assert not via.has_unique_branch


def test_mcl01_breaks_a_stream() -> None:
    framer = Framer()
    items = framer.feed(BAD["mcl01"])
    assert [item.status for item in items if isinstance(item, Refusal)] == [400]
    assert framer.is_broken


def test_bext01_names_the_extensions() -> None:
    answer = Pbx().ask(ANSWERED["bext01"][1])
    assert split_list(answer.headers.first("unsupported") or "") == [
        "nothingSupportsThis",
        "nothingSupportsThisEither",
    ]


def test_bcast_response_is_handed_back_and_never_answered() -> None:
    data = lines(
        "SIP/2.0 200 OK",
        "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923",
        "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23",
        "Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf",
        "CSeq: 35 INVITE",
        "From: sip:user@example.com;tag=11141343",
        "To: sip:user@example.edu;tag=2229",
        "Content-Length: 0",
    )
    reaction = Pbx().receive(data)
    assert reaction.answer is None
    assert reaction.response is not None


def test_regbadct_needs_angle_brackets() -> None:
    pbx = Pbx()
    contact = "sip:user@example.com?Route=%3Csip:sip.example.com%3E"
    assert pbx.register(contact=contact).status == 400


def test_cparam01_parameter_belongs_to_the_contact() -> None:
    pbx = Pbx()
    data = request(
        "REGISTER",
        "Contact: sip:+19725552222@gw1.example.net;unknownparam",
        uri="sip:example.com",
        to="To: sip:watson@example.com",
    )
    assert pbx.receive(pbx.sign(data, user="watson")).status == 200
    assert [b.contact for b in pbx.table.of("watson")] == ["sip:+19725552222@gw1.example.net"]


def test_cparam02_parameter_belongs_to_the_uri() -> None:
    pbx = Pbx()
    contact = "<sip:+19725552222@gw1.example.net;unknownparam>"
    pbx.register(contact=contact)
    assert [b.contact for b in pbx.table.of("1001")] == [contact[1:-1]]


def test_regescrt_keeps_the_escaped_header() -> None:
    pbx = Pbx()
    contact = "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"
    assert pbx.register(contact=contact).status == 200
    assert [b.contact for b in pbx.table.of("1001")] == [contact[1:-1]]


@pytest.mark.parametrize(
    ("uri", "is_good"),
    [
        ("sip:[2001:db8::10]", True),  # RFC 5118 §4.1
        ("sip:2001:db8::10", False),  # §4.2
        ("sip:[2001:db8::10:5070]", True),  # §4.3
        ("sip:[2001:db8::10]:5070", True),  # §4.4
        ("sip:user@[2001:db8:::192.0.2.1]", True),  # §4.10, leniently
    ],
)
def test_ipv6_references(uri: str, is_good: bool) -> None:
    assert isinstance(parse_uri(uri), SipUri) is is_good


def test_ipv6_port_stays_part_of_the_address() -> None:
    uri = parse_uri("sip:[2001:db8::10:5070]")
    assert isinstance(uri, SipUri)
    assert (uri.host, uri.port) == ("[2001:db8::10:5070]", None)


@pytest.mark.parametrize("received", ["[2001:db8::9:255]", "2001:db8::9:255"])
def test_received_is_taken_with_and_without_brackets(received: str) -> None:
    data = register().replace(b";rport", f";received={received}".encode())
    via = top_via(request_of(data).headers)
    assert via is not None
    assert via.params["received"] == received

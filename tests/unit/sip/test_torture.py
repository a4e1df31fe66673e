"""Every message of RFC 4475 and RFC 5118 §4 with the verdict the RFC asks."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from offhook.sip.bindings import Source
from offhook.sip.message import Junk, Refusal, Request, Response
from offhook.sip.parse import parse_datagram
from offhook.sip.stream import Framer
from offhook.sip.uri import SipUri, parse_name_addr, parse_uri, split_list
from offhook.sip.via import parse_cseq, top_via
from tests.unit.sip.build import Pbx, request_of, response_of
from tests.unit.sip.calling import CALLEE, CALLER, Exchange
from tests.unit.sip.rfc4475 import MESSAGES, RFC4475, RFC5118

TCP = Source(transport="tcp", host="192.0.2.10", port=40_000)


@dataclass(frozen=True)
class Row:
    """A message and what becomes of it.

    `parsed`: request, response, refused (an answer is made without looking further) or junk.
    `status` is the answer of the server, 0 for none; `signed` names the user whose credentials
    are added when the answer to the bare message is 401. `why` tells where the RFC leaves a choice.
    """

    name: str
    parsed: str
    status: int = 0
    signed: str = ""
    why: str = ""


CALL = "a proxy asks who calls (RFC 3261 §22.3) before it looks at anything else"
THEIRS = "the body is the business of the callee, a proxy passes it: RFC 3261 §16.3"

TABLE = (
    # RFC 4475 §3.1.1: valid
    Row("wsinv", "request", 407, why=CALL),
    Row("intmeth", "request", 501, why="an unknown method, well-formed"),
    Row("esc01", "request", 407, why=CALL),
    Row("escnull", "request", 401, why="no such extension looks like any other"),
    Row("esc02", "request", 501, why="RE%47IST%45R is not REGISTER"),
    Row("lwsdisp", "request", 407, why=CALL),
    Row("longreq", "request", 407, why=CALL),
    Row("dblreq", "request", 401, why="the second request is cut off, RFC 3261 §18.3"),
    Row("semiuri", "request", 407, why=CALL),
    Row("transports", "request", 407, why=CALL),
    Row("mpart01", "request", 407, why=THEIRS),
    Row("unreason", "response"),
    Row("noreason", "response"),
    # RFC 4475 §3.1.2: invalid
    Row("badinv01", "refused", 400),
    Row("clerr", "refused", 400),
    Row("ncl", "refused", 400),
    Row("scalar02", "refused", 400),
    Row("scalarlg", "junk", why="a response is dropped"),
    Row("quotbal", "refused", 400),
    Row("ltgtruri", "refused", 400),
    Row("lwsruri", "refused", 400),
    Row("lwsstart", "refused", 400),
    Row("trws", "refused", 400),
    Row("escruri", "request", 407, why="§3.1.2.11 lets the header be ignored, and it is"),
    Row("baddate", "request", 407, why="§3.1.2.12 lets a Date that is of no use be ignored"),
    Row("regbadct", "request", 400, signed="user"),
    Row("badaspec", "request", 407, why="§3.1.2.14 lets the blanks be ignored"),
    Row("baddn", "request", 407, why="§3.1.2.15 lets the display name be guessed"),
    Row("badvers", "refused", 505),
    Row("mismatch01", "refused", 400),
    Row("mismatch02", "refused", 400, why="§3.1.2.18: 400 or 501"),
    Row("bigcode", "junk", why="a response is dropped"),
    # RFC 4475 §3.2: transactions
    Row("badbranch", "request", 407, why="§3.2.1: the rules of RFC 2543 apply"),
    # RFC 4475 §3.3: application
    Row("insuf", "refused", 400),
    Row("unkscm", "request", 416),
    Row("novelsc", "request", 416),
    Row("unksm2", "request", 404, why="§3.3.4: well-formed; no such address is served here"),
    Row("bext01", "request", 420),
    Row("invut", "request", 407, why=THEIRS),
    Row("regaut01", "request", 401, why="our challenge, whatever scheme was offered"),
    Row("multi01", "refused", 400),
    Row("mcl01", "refused", 400),
    Row("bcast", "response", why="answers nothing of ours, so it goes nowhere"),
    Row("zeromf", "request", 200, why="§3.3.11: OPTIONS may be answered by who it ends at"),
    Row("cparam01", "request", 200, signed="watson"),
    Row("cparam02", "request", 200, signed="watson"),
    Row("regescrt", "request", 200, signed="user"),
    Row("sdp01", "request", 407, why=THEIRS),
    # RFC 4475 §3.4: old implementations
    Row("inv2543", "request", 407, why=CALL),
    # RFC 5118 §4
    Row("ipv6-good", "request", 401),
    Row("ipv6-bad", "refused", 400),
    Row("port-ambiguous", "request", 401, why="§4.3: well-formed, and not what was meant"),
    Row("port-unambiguous", "request", 401),
    Row("via-received-param-with-delim", "request", 407, why="§4.5: to be understood"),
    Row("via-received-param-no-delim", "request", 200),
    Row("ipv6-in-sdp", "refused", 400, why="its Content-Length is wrong, RFC 3261 §18.3"),
    Row("mult-ip-in-header", "request", 407),
    Row("mult-ip-in-sdp", "request", 407, why=CALL),
    Row("ipv4-mapped-ipv6", "request", 407, why=CALL),
    Row("ipv6-bug-abnf-3-colons", "request", 407, why="§4.10: lenient reading asked for"),
    Row("ipv6-correct-abnf-2-colons", "request", 407),
)
KINDS = {"request": Request, "response": Response, "refused": Refusal, "junk": Junk}
SECTIONS = RFC4475 | RFC5118


def title(row: Row) -> str:
    rfc = 4475 if row.name in RFC4475 else 5118
    return f"{rfc}-{SECTIONS[row.name][0]}-{row.name}"


def test_the_table_is_whole() -> None:
    assert [row.name for row in TABLE] == list(SECTIONS)
    assert (len(RFC4475), len(RFC5118)) == (49, 12)


@pytest.mark.parametrize("row", TABLE, ids=title)
def test_the_parser_gives_the_verdict(row: Row) -> None:
    parsed = parse_datagram(MESSAGES[row.name])
    assert isinstance(parsed, KINDS[row.parsed])
    if isinstance(parsed, Refusal):
        assert parsed.status == row.status


@pytest.mark.parametrize("row", TABLE, ids=title)
def test_the_server_gives_the_verdict(row: Row) -> None:
    pbx, data = Pbx(), MESSAGES[row.name]
    if row.signed:
        data = pbx.sign(data, user=row.signed)
    reaction = pbx.receive(data)
    assert reaction.sends == ()
    assert (reaction.response is not None) == (row.parsed == "response")
    if not row.status:
        assert reaction.answer is None
        return
    assert reaction.answer is not None
    assert reaction.status == row.status
    assert reaction.answer.host == "192.0.2.10"  # whatever its Via says, nobody else is hit
    head = reaction.answer.data.partition(b"\r\n")[0]
    assert head.startswith(b"SIP/2.0 %d " % row.status)


# On a datagram's Content-Length: the bodies are the RFC's to the octet. What has it wrong here has
# it wrong there: on purpose in clerr, ncl and mcl01, as an erratum in multi01 and RFC 5118.
WRONG_LENGTH = {"clerr", "ncl", "mcl01", "multi01", "dblreq", "inv2543"}
WRONG_LENGTH |= {"ipv6-in-sdp", "mult-ip-in-sdp", "ipv4-mapped-ipv6"}


@pytest.mark.parametrize("name", sorted(set(SECTIONS) - WRONG_LENGTH))
def test_the_octets_are_as_many_as_the_rfc_says(name: str) -> None:
    head, _, body = MESSAGES[name].partition(b"\r\n\r\n")
    length = re.search(rb"^(?:content-length|l)[ \t]*:[ \t]*([0-9]+)", head, re.I | re.M)
    assert length is not None
    assert len(body) == int(length.group(1))


# --- what the verdict alone does not show ------------------------------------------------------


def test_wsinv_is_read_through_folds_and_blanks() -> None:
    message = request_of(MESSAGES["wsinv"])
    via = top_via(message.headers)
    contact = parse_name_addr(message.headers.first("contact") or "")
    sender = parse_name_addr(message.headers.first("from") or "")
    assert via is not None
    assert (via.transport, via.host, via.branch) == ("UDP", "192.0.2.2", "390skdjuw")
    assert parse_cseq(message.headers.first("cseq") or "") == (9, "INVITE")
    assert contact is not None
    assert contact.display == 'Quoted string ""'
    assert contact.params == {"newparam": "newvalue", "secondparam": "", "q": "0.33"}
    assert sender is not None
    assert (sender.display, sender.params) == ('J Rosenberg \\"', {"tag": "98asjd8"})
    assert len(message.headers.all("via")) == 2


@pytest.mark.parametrize("name", ["intmeth", "longreq", "mpart01", "unreason"])
def test_every_octet_is_kept(name: str) -> None:
    parsed = parse_datagram(MESSAGES[name])
    assert isinstance(parsed, Request | Response)
    assert parsed.emit() == MESSAGES[name]


def test_esc01_and_escnull_unescape_the_user() -> None:
    uri = parse_uri(request_of(MESSAGES["esc01"]).uri)
    assert isinstance(uri, SipUri)
    assert uri.user == "sips:user@example.com"
    address = parse_name_addr(request_of(MESSAGES["escnull"]).headers.first("to") or "")
    assert address is not None
    uri = parse_uri(address.uri)
    assert isinstance(uri, SipUri)
    assert uri.user == "null-\0-null"


def test_esc02_has_two_contacts() -> None:
    assert len(request_of(MESSAGES["esc02"]).headers.all("contact")) == 2


def test_semiuri_puts_the_parameters_into_the_user() -> None:
    uri = parse_uri(request_of(MESSAGES["semiuri"]).uri)
    assert isinstance(uri, SipUri)
    assert (uri.user, dict(uri.params)) == ("user;par=u@example.net", {})


def test_longreq_has_34_vias() -> None:
    assert len(request_of(MESSAGES["longreq"]).headers.all("via")) == 34


def test_dblreq_on_a_stream_is_two_requests() -> None:
    message = request_of(MESSAGES["dblreq"])
    assert (message.method, message.body) == ("REGISTER", b"")
    items = Framer().feed(MESSAGES["dblreq"])
    assert [item.method for item in items if isinstance(item, Request)] == ["REGISTER", "INVITE"]


@pytest.mark.parametrize("name", ["mpart01", "invut", "sdp01"])
def test_bodies_we_do_not_know_reach_the_callee(name: str) -> None:
    room = Exchange()
    data = re.sub(rb"(?m)^From: [^;]*", b"From: <sip:1001@pbx.example>", MESSAGES[name])
    data = re.sub(rb"^([A-Z]+) \S+", rb"\1 sip:1002@pbx.example", data)
    room.call(data)
    asked = room.asked(CALLEE)
    assert asked.body == MESSAGES[name].partition(b"\r\n\r\n")[2]
    assert asked.headers.first("content-type") == request_of(data).headers.first("content-type")
    assert asked.headers.all("route") == ()


def test_badbranch_falls_back_to_the_old_rules() -> None:
    via = top_via(request_of(MESSAGES["badbranch"]).headers)
    assert via is not None
    assert not via.has_unique_branch


@pytest.mark.parametrize("name", ["mcl01", "ncl"])
def test_a_length_nobody_can_tell_breaks_a_stream(name: str) -> None:
    framer = Framer()
    items = framer.feed(MESSAGES[name])
    assert [item.status for item in items if isinstance(item, Refusal)] == [400]
    assert framer.is_broken


def test_clerr_on_a_stream_waits_for_the_rest() -> None:
    framer = Framer()
    assert framer.feed(MESSAGES["clerr"]) == []
    assert not framer.is_broken


def test_bext01_names_the_extensions_no_proxy_knows() -> None:
    answer = Pbx().ask(MESSAGES["bext01"])
    assert split_list(answer.headers.first("unsupported") or "") == [
        "noProxiesSupportThis",
        "norDoAnyProxiesSupportThis",
    ]


def test_bext01_without_the_proxy_part_is_for_the_callee() -> None:
    data = re.sub(rb"Proxy-Require: [^\r]*\r\n", b"", MESSAGES["bext01"])
    assert Pbx().ask(data).status == 407


def test_regaut01_gets_our_digest_challenge() -> None:
    answer = Pbx().ask(MESSAGES["regaut01"], TCP)
    assert (answer.headers.first("www-authenticate") or "").startswith("Digest realm=")


@pytest.mark.parametrize("name", ["bcast", "unreason", "noreason"])
def test_a_response_from_nowhere_goes_nowhere(name: str) -> None:
    room = Exchange()
    room.call()
    assert room.pbx.proxy.on_response(response_of(MESSAGES[name]), room.pbx.now) is None


def registered(name: str, user: str) -> list[str]:
    pbx = Pbx()
    assert pbx.receive(pbx.sign(MESSAGES[name], user=user)).status == 200
    return [binding.contact for binding in pbx.table.of(user)]


def test_cparam_parameters_belong_to_the_contact_or_to_the_uri() -> None:
    bare = "sip:+19725552222@gw1.example.net"
    assert registered("cparam01", "watson") == [bare]
    assert registered("cparam02", "watson") == [f"{bare};unknownparam"]


def test_regescrt_keeps_the_escaped_header_and_never_acts_on_it() -> None:
    contact = "sip:user@example.com?Route=%3Csip:sip.example.com%3E"
    assert registered("regescrt", "user") == [contact]
    room = Exchange(phones=())
    room.pbx.register(user="1002", source=CALLEE, contact=f"<{contact}>")
    room.call()
    assert [str(sent.flow) for sent in room.started] == [str(CALLER), str(CALLEE)]
    assert room.asked(CALLEE).headers.all("route") == ()


def test_inv2543_and_its_retransmission_are_one_transaction() -> None:
    room = Exchange()
    data = re.sub(rb"(?m)^From: <[^>]*>", b"From: <sip:1001@pbx.example>", MESSAGES["inv2543"])
    data = data.replace(b"INVITE sip:UserB@example.com", b"INVITE sip:1002@pbx.example")
    room.call(data)
    assert len(room.started) == 2
    again = room.pbx.receive(room.sent, CALLER).sends
    assert [str(sent.flow) for sent in again] == ["udp:192.0.2.10:5060"]
    assert response_of(again[0].data).status == 100


def test_ipv6_port_stays_part_of_the_address() -> None:
    uri = parse_uri(request_of(MESSAGES["port-ambiguous"]).uri)
    assert isinstance(uri, SipUri)
    assert (uri.host, uri.port) == ("[2001:db8::10:5070]", None)
    uri = parse_uri(request_of(MESSAGES["port-unambiguous"]).uri)
    assert isinstance(uri, SipUri)
    assert (uri.host, uri.port) == ("[2001:db8::10]", 5070)


@pytest.mark.parametrize(
    ("name", "received"),
    [
        ("via-received-param-with-delim", "[2001:db8::9:255]"),
        ("via-received-param-no-delim", "2001:db8::9:255"),
    ],
)
def test_received_is_taken_with_and_without_brackets(name: str, received: str) -> None:
    via = top_via(request_of(MESSAGES[name]).headers)
    assert via is not None
    assert (via.host, via.params["received"]) == ("[2001:db8::9:1]", received)


def test_mixed_vias_are_all_read() -> None:
    message = request_of(MESSAGES["mult-ip-in-header"])
    via = top_via(message.headers)
    assert via is not None
    assert (via.host, via.port, len(message.headers.all("via"))) == ("[2001:db8::9:1]", 6050, 3)
    via = top_via(request_of(MESSAGES["ipv4-mapped-ipv6"]).headers)
    assert via is not None
    assert (via.host, via.port) == ("[::ffff:192.0.2.10]", 19823)


def test_ipv6_in_sdp_is_fine_with_the_right_length() -> None:
    data = MESSAGES["ipv6-in-sdp"].replace(b"Content-Length: 268", b"Content-Length: 251")
    assert b"2001:db8::20" in request_of(data).body
    assert Pbx().ask(data).status == 407

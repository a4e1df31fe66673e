"""The way inside a call: Record-Route over every pair of transports, Contacts that change."""

from __future__ import annotations

import pytest

from offhook.sip.bindings import Source
from offhook.sip.calls import Calls, Side
from offhook.sip.flow import Flow
from offhook.sip.message import Request, render_response
from tests.unit.sip.build import PLACE
from tests.unit.sip.calling import (
    CALLEE,
    CALLER,
    SECOND,
    Exchange,
    at,
    contact,
    invite,
    message,
    shown,
    sip,
)

PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}


def ours(transport: str) -> str:
    return f"<sip:{PLACE[0]}:{PORTS[transport]};transport={transport};lr>"


@pytest.mark.parametrize("come_by", sorted(PORTS))
@pytest.mark.parametrize("to", sorted(PORTS))
def test_both_sides_reach_us_by_their_own_transport(come_by: str, to: str) -> None:
    caller = Source(transport=come_by, host="192.0.2.40", port=41_000)
    callee = Source(transport=to, host="192.0.2.50", port=42_000)
    room = Exchange(phones=(callee,))
    room.pbx.register(source=caller, call_id="boot-caller", contact=f"<{contact('1001', caller)}>")
    room.call(invite(source=caller), source=caller)
    [asked] = [m for m in at(room.started, callee) if isinstance(m, Request)]
    routes = asked.headers.all("record-route")
    # Topmost what the callee uses, last what the caller uses: RFC 5658 §3.2.
    assert routes[0] == ours(to)
    assert routes[-1] == ours(come_by)
    assert len(routes) == (1 if to == come_by else 2)
    assert (asked.headers.first("via") or "").startswith(
        f"SIP/2.0/{to.upper()} {PLACE[0]}:{PORTS[to]};"
    )
    back = [("Record-Route", ", ".join(routes))]
    [answer] = at(room.say(200, *back, source=callee), caller)
    assert answer.headers.first("record-route") == ", ".join(routes)
    ack = sip(
        "ACK",
        contact("1002", callee),
        *[f"Route: {value}" for value in reversed(routes)],
        source=caller,
        to_tag="callee",
        branch="ack",
    )
    [passed] = room.pbx.receive(ack, caller).sends
    assert (str(passed.flow), message(passed).headers.all("route")) == (str(callee), ())
    bye = sip(
        "BYE",
        contact("1001", caller),
        f"Route: {', '.join(routes)}",
        user="1002",
        source=callee,
        from_tag="callee",
        to_tag="caller",
        branch="bye",
    )
    [asked_back] = at(room.pbx.receive(bye, callee).sends, caller)
    assert asked_back.headers.all("route") == ()


def test_max_forwards_that_is_absent_becomes_70() -> None:
    room = Exchange()
    room.call(invite().replace(b"Max-Forwards: 70\r\n", b""))
    assert room.asked().headers.all("max-forwards") == ("70",)


def inside(method: str, contact_uri: str, *, cseq: int = 2) -> bytes:
    data = sip(method, contact("1002", CALLEE), to_tag="callee", cseq=cseq, branch=f"in{cseq}")
    old = f"Contact: <{contact('1001', CALLER)}>".encode()
    return data.replace(old, f"Contact: <{contact_uri}>".encode())


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_contact_changed_inside_a_call_is_learned(method: str) -> None:
    room = Exchange()
    room.talk()
    moved = "sip:line2@10.9.8.7:5088"
    room.started = room.pbx.receive(inside(method, moved), CALLER).sends
    room.say(200)
    bye = sip(
        "BYE",
        moved,
        user="1002",
        source=CALLEE,
        from_tag="callee",
        to_tag="caller",
        branch="bye",
    )
    assert shown(room.pbx.receive(bye, CALLEE).sends) == [(str(CALLER), "BYE")]


def test_a_contact_changed_in_the_answer_is_learned() -> None:
    room = Exchange()
    room.talk()
    room.started = room.pbx.receive(inside("INVITE", contact("1001", CALLER)), CALLER).sends
    moved = "sip:other@10.9.8.7:5099"
    data = render_response(room.asked(), 200, "OK", [("Contact", f"<{moved}>")], to_tag="callee")
    room.hear(data)
    ack = sip("ACK", moved, to_tag="callee", cseq=2, branch="ack2")
    assert shown(room.pbx.receive(ack, CALLER).sends) == [(str(CALLEE), "ACK")]


def test_a_contact_of_a_refused_change_is_not_learned() -> None:
    room = Exchange()
    room.talk()
    moved = "sip:line2@10.9.8.7:5088"
    room.started = room.pbx.receive(inside("INVITE", moved), CALLER).sends
    room.say(488)
    bye = sip(
        "BYE", moved, user="1002", source=CALLEE, from_tag="callee", to_tag="caller", branch="bye"
    )
    assert room.pbx.receive(bye, CALLEE).status == 404


def test_prack_passes_in_a_call_that_rings_with_what_it_requires() -> None:
    room = Exchange()
    room.call(invite("Supported: 100rel"))
    [ringing] = at(room.say(183, ("Require", "100rel"), ("RSeq", "1")), CALLER)
    assert ringing.headers.first("require") == "100rel"
    prack = sip(
        "PRACK",
        contact("1002", CALLEE),
        "RAck: 1 1 INVITE",
        "Require: 100rel",
        to_tag="callee",
        cseq=2,
        branch="prack",
    )
    [asked] = at(room.pbx.receive(prack, CALLER).sends, CALLEE)
    assert asked.headers.first("rack") == "1 1 INVITE"
    assert asked.headers.first("require") == "100rel"


def test_a_tcp_phone_is_not_asked_over_udp() -> None:
    room = Exchange(phones=(SECOND,))
    room.call()
    assert [str(sent.flow) for sent in room.started] == [str(CALLER), str(SECOND)]


def test_new_contacts_of_an_unknown_call_are_nothing() -> None:
    calls = Calls()
    side = Side(uri="sip:x", flow=Flow(transport="udp", host="h", port=1))
    calls.renew("call", "a", "b", side, side)
    assert len(calls) == 0

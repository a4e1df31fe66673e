"""Who may send what through the proxy, and that it relays for nobody else."""

from __future__ import annotations

import pytest

from offhook.sip.message import Request
from tests.unit.sip.build import PLACE, response_of
from tests.unit.sip.calling import (
    CALLEE,
    CALLER,
    SECOND,
    STRANGER,
    Exchange,
    at,
    contact,
    invite,
    message,
    shown,
    sip,
)


def test_a_phone_calls_only_as_itself() -> None:
    room = Exchange()
    assert room.call(invite(user="1002")).status == 403


def test_an_unknown_number_is_404_and_one_without_phone_480() -> None:
    room = Exchange(phones=())
    assert room.call(invite(to="9999")).status == 404
    assert room.call(invite(to="1002", branch="b2")).status == 480


def test_a_foreign_destination_is_not_resolved() -> None:
    room = Exchange()
    data = sip("INVITE", "sip:+4930123456@carrier.example")
    assert room.call(data).status == 404
    route = invite("Route: <sip:carrier.example;lr>", branch="b2")
    room.call(route)
    assert [place for place, what in shown(room.started) if what == "INVITE"] == [str(CALLEE)]
    assert room.asked().headers.all("route") == ()


def test_no_hops_left_is_483() -> None:
    assert Exchange().pbx.ask(invite(hops=0)).status == 483


def test_an_option_no_proxy_knows_is_420_and_one_for_the_callee_passes() -> None:
    room = Exchange()
    assert room.pbx.ask(invite("Proxy-Require: x")).status == 420
    room.call(invite("Require: 100rel", branch="b2"))
    assert room.asked().headers.first("require") == "100rel"


def test_a_request_that_comes_back_unchanged_is_482_and_changed_is_a_spiral() -> None:
    room = Exchange()
    room.call()
    asked = room.asked()
    spiral = room.pbx.ask(asked.emit(), CALLEE)
    assert spiral.status == 407
    back = asked.emit().replace(f"INVITE {asked.uri} ".encode(), b"INVITE sip:1002@pbx.example ")
    assert room.pbx.ask(back, CALLEE).status == 482


def test_requests_inside_a_call_pass_both_ways_by_the_route_we_gave() -> None:
    room = Exchange()
    room.talk()
    route = f"Route: <sip:{PLACE[0]}:{PLACE[1]};transport=udp;lr>"
    for number, method in enumerate(("INVITE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY")):
        data = sip(
            method,
            contact("1002", CALLEE),
            route,
            to_tag="callee",
            cseq=number + 2,
            branch=f"in{number}",
        )
        sends = room.pbx.receive(data, CALLER).sends
        [asked] = at(sends, CALLEE)
        assert isinstance(asked, Request)
        assert (asked.method, asked.headers.all("route")) == (method, ())
    back = sip(
        "BYE",
        contact("1001", CALLER),
        route,
        user="1002",
        source=CALLEE,
        from_tag="callee",
        to_tag="caller",
        branch="bye",
    )
    assert shown(room.pbx.receive(back, CALLEE).sends) == [(str(CALLER), "BYE")]


def test_the_ack_of_a_2xx_goes_to_the_callee() -> None:
    room = Exchange()
    room.talk()
    ack = sip("ACK", contact("1002", CALLEE), to_tag="callee", branch="ack")
    sends = room.pbx.receive(ack, CALLER).sends
    assert shown(sends) == [(str(CALLEE), "ACK")]
    assert message(sends[0]).headers.first("max-forwards") == "69"
    assert room.pbx.receive(ack, STRANGER).sends == ()


def test_a_strict_router_is_undone() -> None:
    room = Exchange()
    room.talk()
    data = sip(
        "BYE",
        "sip:192.0.2.1:5060;transport=udp;lr",
        f"Route: <{contact('1002', CALLEE)}>",
        to_tag="callee",
        branch="bye",
    )
    [bye] = at(room.pbx.receive(data, CALLER).sends, CALLEE)
    assert isinstance(bye, Request)
    assert (bye.uri, bye.headers.all("route")) == (contact("1002", CALLEE), ())


@pytest.mark.parametrize("method", ["BYE", "NOTIFY", "INVITE", "REFER"])
def test_a_stranger_with_a_made_up_tag_reaches_no_phone(method: str) -> None:
    room = Exchange()
    room.talk()
    data = sip(method, contact("1002", CALLEE), to_tag="guess", source=STRANGER, branch="s")
    reaction = room.pbx.receive(data, STRANGER)
    assert (reaction.status, reaction.sends) == (407, ())


@pytest.mark.parametrize(
    "uri", ["sip:192.0.2.99", "sip:1002@carrier.example", "sip:1009@192.0.2.20:5064"]
)
def test_inside_a_call_only_registered_contacts_are_reached(uri: str) -> None:
    room = Exchange()
    room.talk()
    data = sip("BYE", uri, to_tag="callee", branch="x")
    reaction = room.pbx.receive(data, CALLER)
    assert (reaction.status, reaction.sends) == (404, ())


def test_a_registered_phone_reaches_a_contact_after_our_restart() -> None:
    room = Exchange()
    data = sip("BYE", contact("1002", CALLEE), to_tag="callee", call_id="before", branch="x")
    assert shown(room.pbx.receive(data, CALLER).sends) == [(str(CALLEE), "BYE")]


def test_a_phone_behind_nat_is_reached_where_it_registered_from() -> None:
    room = Exchange(phones=())
    private = "sip:1002@10.0.0.7:5060"
    room.pbx.register(user="1002", source=CALLEE, contact=f"<{private}>")
    room.call()
    assert room.asked().uri == private
    assert room.say(200)
    bye = sip("BYE", private, to_tag="callee", branch="bye")
    assert shown(room.pbx.receive(bye, CALLER).sends) == [(str(CALLEE), "BYE")]


def test_a_tcp_caller_is_answered_on_its_connection() -> None:
    room = Exchange()
    room.call(invite(source=SECOND), source=SECOND)
    assert shown(room.started)[0] == (str(SECOND), "100")


def test_a_cancel_from_elsewhere_cancels_nothing() -> None:
    room = Exchange()
    room.call()
    room.say(180)
    data = room.sent.partition(b"\r\nProxy-Auth")[0].replace(b"INVITE", b"CANCEL")
    data = data.replace(b"Content-Length: 5", b"Content-Length: 0") + b"\r\n\r\n"
    answer = room.pbx.receive(data, STRANGER).answer
    assert answer is not None
    assert response_of(answer.data).status == 481

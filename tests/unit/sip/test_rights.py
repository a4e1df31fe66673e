"""Digest begins, the flow continues: who may send what inside a call and outside of any."""

from __future__ import annotations

import pytest

from offhook.sip.bindings import Source
from offhook.sip.message import Request
from tests.unit.sip.calling import (
    CALLEE,
    CALLER,
    STRANGER,
    Exchange,
    at,
    contact,
    shown,
    sip,
)

OUTSIDER = Source(transport="udp", host="192.0.2.77", port=5060)


def with_outsider() -> Exchange:
    """A call of 1001 with 1002, and the registered phone of a third extension."""
    room = Exchange()
    room.talk()
    room.pbx.register(
        user="watson",
        source=OUTSIDER,
        call_id="boot-w",
        contact=f"<{contact('watson', OUTSIDER)}>",
    )
    return room


@pytest.mark.parametrize("method", ["BYE", "INVITE", "UPDATE", "REFER", "NOTIFY", "INFO"])
def test_another_extensions_phone_is_no_party_of_a_call(method: str) -> None:
    room = with_outsider()
    data = sip(method, contact("1002", CALLEE), to_tag="callee", branch="x", source=OUTSIDER)
    reaction = room.pbx.receive(data, OUTSIDER)
    assert (reaction.status, reaction.sends) == (407, ())


def test_another_extension_is_no_party_with_its_digest_either() -> None:
    room = with_outsider()
    data = sip(
        "BYE", contact("1002", CALLEE), user="watson", to_tag="callee", branch="x", source=OUTSIDER
    )
    reaction = room.pbx.receive(room.pbx.sign(data, user="watson", source=OUTSIDER), OUTSIDER)
    assert (reaction.status, reaction.sends) == (403, ())


def test_a_party_whose_address_has_changed_goes_on_with_its_digest() -> None:
    room = with_outsider()
    data = sip("BYE", contact("1002", CALLEE), to_tag="callee", branch="x", source=STRANGER)
    sends = room.pbx.receive(room.pbx.sign(data, source=STRANGER), STRANGER).sends
    assert shown(sends) == [(str(CALLEE), "BYE")]


def test_another_phone_of_a_party_may_with_its_flow() -> None:
    room = Exchange(phones=(CALLEE, OUTSIDER))
    room.talk()
    data = sip(
        "BYE",
        contact("1001", CALLER),
        user="1002",
        source=OUTSIDER,
        from_tag="callee",
        to_tag="caller",
        branch="x",
    )
    assert shown(room.pbx.receive(data, OUTSIDER).sends) == [(str(CALLER), "BYE")]


@pytest.mark.parametrize("method", ["BYE", "PRACK", "UPDATE", "INFO", "ACK"])
def test_after_our_restart_a_phone_ends_its_call_as_itself(method: str) -> None:
    room = Exchange()
    mine = sip(method, contact("1002", CALLEE), to_tag="t", call_id="before", branch="a")
    assert shown(room.pbx.receive(mine, CALLER).sends) == [(str(CALLEE), method)]
    other = sip(method, contact("1002", CALLEE), user="1002", to_tag="t", call_id="b", branch="b")
    assert room.pbx.receive(other, CALLER).sends == ()


@pytest.mark.parametrize(
    ("method", "event"),
    [("NOTIFY", "check-sync"), ("INVITE", ""), ("REFER", ""), ("MESSAGE", ""), ("OPTIONS", "")],
)
def test_a_datagram_with_a_phones_address_and_a_made_up_tag_orders_nothing(
    method: str, event: str
) -> None:
    room = Exchange()
    more = [f"Event: {event}"] if event else []
    data = sip(method, contact("1002", CALLEE), *more, to_tag="guess", call_id="x", branch="x")
    reaction = room.pbx.receive(data, CALLER)
    assert (reaction.status, reaction.sends) == (407, ())


def test_with_digest_a_phone_may_go_on_with_a_call_we_do_not_know() -> None:
    room = Exchange()
    data = sip("INVITE", contact("1002", CALLEE), to_tag="t", call_id="before", branch="x")
    sends = room.pbx.receive(room.pbx.sign(data), CALLER).sends
    assert shown(sends) == [(str(CALLER), "100"), (str(CALLEE), "INVITE")]


def test_the_reports_of_a_transfer_come_after_the_call() -> None:
    room = Exchange()
    data = sip(
        "NOTIFY",
        contact("1001", CALLER),
        "Event: refer;id=2",
        "Subscription-State: active;expires=60",
        user="1002",
        source=CALLEE,
        from_tag="callee",
        to_tag="caller",
        branch="n",
        to="1001",
    )
    assert shown(room.pbx.receive(data, CALLEE).sends) == [(str(CALLER), "NOTIFY")]


@pytest.mark.parametrize("method", ["REFER", "OPTIONS", "MESSAGE"])
@pytest.mark.parametrize("number", ["1002", "9999"])
def test_outside_a_call_everybody_is_asked_first(method: str, number: str) -> None:
    room = Exchange()
    answer = room.pbx.ask(sip(method, f"sip:{number}@pbx.example"), STRANGER)
    assert answer.status == 407


@pytest.mark.parametrize("method", ["REFER", "OPTIONS", "MESSAGE"])
def test_outside_a_call_a_phone_reaches_an_extension(method: str) -> None:
    room = Exchange()
    room.call(sip(method, "sip:1002@pbx.example", "Require: norefersub"))
    [asked] = at(room.started, CALLEE)
    assert isinstance(asked, Request)
    assert (asked.method, asked.uri) == (method, contact("1002", CALLEE))
    assert asked.headers.first("require") == "norefersub"
    assert shown(room.say(202)) == [(str(CALLER), "202")]


def test_a_refer_comes_back_through_us() -> None:
    room = Exchange()
    room.call(sip("REFER", "sip:1002@pbx.example"))
    assert room.asked().headers.all("record-route") == ("<sip:192.0.2.1:5060;transport=udp;lr>",)


def test_options_without_extension_or_hops_are_ours() -> None:
    room = Exchange()
    assert room.pbx.ask(sip("OPTIONS", "sip:pbx.example")).status == 200
    assert room.pbx.ask(sip("OPTIONS", "sip:1002@pbx.example", hops=0)).status == 200
    assert room.pbx.ask(sip("MESSAGE", "sip:1002@pbx.example", hops=0)).status == 483

"""Calls through the proxy: forking, cancelling, the answer chosen, the timers."""

from __future__ import annotations

from offhook.sip.calls import CallState
from offhook.sip.message import Request, Response, render_response
from tests.unit.sip.build import Pbx
from tests.unit.sip.calling import (
    CALLEE,
    CALLER,
    SECOND,
    Exchange,
    at,
    contact,
    invite,
    shown,
    sip,
)


def test_an_invite_gets_100_at_once_and_reaches_the_contact() -> None:
    room = Exchange()
    assert room.call().answer is None
    assert shown(room.started) == [(str(CALLER), "100"), (str(CALLEE), "INVITE")]
    asked = room.asked()
    assert asked.uri == contact("1002", CALLEE)
    assert asked.headers.first("max-forwards") == "69"
    assert asked.headers.first("record-route") == "<sip:192.0.2.1:5060;transport=udp;lr>"
    assert len(asked.headers.all("via")) == 2
    assert "received=192.0.2.10;" in asked.headers.all("via")[1] + ";"
    assert asked.headers.first("proxy-authorization") is None
    assert asked.body == b"v=0\r\n"


def test_all_contacts_ring_and_the_others_are_cancelled_by_the_first_answer() -> None:
    room = Exchange(phones=(CALLEE, SECOND))
    room.call()
    assert [place for place, what in shown(room.started) if what == "INVITE"] == [
        str(CALLEE),
        str(SECOND),
    ]
    assert room.asked(SECOND).headers.all("record-route") == (
        "<sip:192.0.2.1:5060;transport=tcp;lr>",
        "<sip:192.0.2.1:5060;transport=udp;lr>",
    )
    assert shown(room.say(180)) == [(str(CALLER), "180")]
    assert shown(room.say(180, source=SECOND, tag="second")) == [(str(CALLER), "180")]
    sends = room.say(200)
    assert shown(sends) == [(str(CALLER), "200"), (str(SECOND), "CANCEL")]
    [cancel] = at(sends, SECOND)
    assert cancel.headers.all("via") == room.asked(SECOND).headers.all("via")[:1]
    # RFC 3326 §3.1: so the other phone lists no missed call.
    assert cancel.headers.all("reason") == ('SIP;cause=200;text="Call completed elsewhere"',)
    assert shown(room.say(487, source=SECOND, tag="second")) == [(str(SECOND), "ACK")]


def test_a_2xx_repeated_by_the_callee_passes_again() -> None:
    room = Exchange()
    room.talk()
    assert shown(room.say(200)) == [(str(CALLER), "200")]


def test_a_retransmitted_invite_is_answered_and_not_forked_again() -> None:
    room = Exchange()
    room.call()
    assert shown(room.pbx.receive(room.sent, CALLER).sends) == [(str(CALLER), "100")]
    room.say(180)
    assert shown(room.pbx.receive(room.sent, CALLER).sends) == [(str(CALLER), "180")]


def test_cancel_is_answered_and_passed_to_a_phone_that_rings() -> None:
    room = Exchange()
    room.call()
    room.say(180)
    reaction = room.cancel()
    assert reaction.status == 200
    assert shown(reaction.sends) == [(str(CALLEE), "CANCEL")]
    assert shown(room.say(487)) == [(str(CALLEE), "ACK"), (str(CALLER), "487")]
    assert room.pbx.proxy.calls.all(room.pbx.now) == ()


def test_cancel_waits_until_a_phone_has_said_something() -> None:
    room = Exchange()
    room.call()
    assert room.cancel().sends == ()
    assert shown(room.say(180)) == [(str(CALLEE), "CANCEL")]


def test_cancel_of_nothing_is_481() -> None:
    room = Exchange()
    room.sent = invite()
    assert room.cancel().status == 481


def test_a_refusal_is_repeated_until_its_ack_which_stays_here() -> None:
    room = Exchange()
    room.call()
    room.say(486)
    assert room.wait(3.6) == [(str(CALLER), "486")] * 3  # G: 0.5, 1, 2 s
    assert room.ack().sends == ()
    assert room.wait(40) == []
    assert len(room.pbx.proxy) == 0


def test_a_refusal_that_is_repeated_is_acknowledged_again() -> None:
    room = Exchange()
    room.call()
    room.say(486)
    assert shown(room.say(486)) == [(str(CALLEE), "ACK")]


def test_an_invite_that_nobody_hears_is_repeated_and_then_408() -> None:
    room = Exchange()
    room.call()
    left = room.wait(32)
    assert left[:6] == [(str(CALLEE), "INVITE")] * 6  # A: 0.5, 1, 2, 4, 8, 16 s
    assert left[6:] == [(str(CALLER), "408")]


def test_over_tcp_nothing_is_repeated() -> None:
    room = Exchange(phones=(SECOND,))
    room.call()
    assert room.wait(32) == [(str(CALLER), "408")]


def test_a_phone_that_rings_for_three_minutes_is_cancelled() -> None:
    room = Exchange()
    room.call()
    room.say(180)
    assert room.wait(180) == []
    room.say(180)
    assert room.wait(180) == []
    assert (str(CALLEE), "CANCEL") in room.wait(2)


def test_old_phones_without_a_unique_branch_cancel_and_acknowledge() -> None:
    room = Exchange()
    data = room.pbx.sign(invite(branch="old")).replace(b"branch=z9hG4bK", b"branch=")
    room.sent = data
    room.started = room.pbx.receive(data, CALLER).sends
    room.say(180)
    assert shown(room.cancel().sends) == [(str(CALLEE), "CANCEL")]
    assert shown(room.say(487))[-1] == (str(CALLER), "487")
    lines = [line for line in data.decode().split("\r\n") if not line.startswith("Proxy-Auth")]
    text = "\r\n".join(lines).partition("\r\n\r\n")[0].replace("INVITE", "ACK")
    text = text.replace("To: <sip:1002@pbx.example>", "To: <sip:1002@pbx.example>;tag=callee")
    text = text.replace("Content-Length: 5", "Content-Length: 0") + "\r\n\r\n"
    assert room.pbx.receive(text.encode(), CALLER).sends == ()
    assert room.wait(40) == []
    assert len(room.pbx.proxy) == 0


def test_a_response_with_no_via_left_or_to_another_method_goes_nowhere() -> None:
    room = Exchange()
    room.call()
    asked = room.asked()
    answer = render_response(asked, 200, "OK", to_tag="callee").decode()
    _, theirs = asked.headers.lines_of("via")
    assert room.hear(answer.replace(f"{theirs}\r\n", "").encode()) == ()
    assert room.hear(answer.replace("CSeq: 1 INVITE", "CSeq: 1 BYE").encode()) == ()
    assert room.hear(answer.replace("CSeq: 1 INVITE", "CSeq: 1 CANCEL").encode()) == ()
    assert shown(room.hear(answer.encode())) == [(str(CALLER), "200")]


def test_a_phone_that_cannot_be_reached_counts_as_480() -> None:
    room = Exchange()
    room.call()
    name = room.started[1].branch
    assert shown(room.pbx.proxy.on_unsendable(name, room.pbx.now)) == [(str(CALLER), "480")]


def test_all_is_forgotten_in_the_end() -> None:
    room = Exchange(phones=(CALLEE, SECOND))
    room.talk()
    room.wait(200)
    assert len(room.pbx.proxy) == 0
    assert room.pbx.proxy.wake_at is None


def test_calls_are_listed_from_ringing_to_the_bye() -> None:
    room = Exchange()
    room.call()
    [call] = room.pbx.proxy.calls.all(room.pbx.now)
    assert (call.caller, call.callee, call.state) == ("1001", "1002", CallState.RINGING)
    room.wait(5)
    room.say(200)
    [call] = room.pbx.proxy.calls.all(room.pbx.now)
    assert (call.state, call.since) == (CallState.TALKING, room.pbx.now)
    bye = sip("BYE", contact("1002", CALLEE), to_tag="callee", cseq=2, branch="bye")
    room.started = room.pbx.receive(bye, CALLER).sends
    assert shown(room.started) == [(str(CALLEE), "BYE")]
    assert len(room.pbx.proxy.calls.all(room.pbx.now)) == 1
    room.say(200)
    assert room.pbx.proxy.calls.all(room.pbx.now) == ()


def test_a_message_goes_to_the_other_extension_and_its_answer_back() -> None:
    room = Exchange()
    room.call(sip("MESSAGE", "sip:1002@pbx.example", body=b"hello"))
    assert shown(room.started) == [(str(CALLEE), "MESSAGE")]
    assert shown(room.say(200)) == [(str(CALLER), "200")]
    assert shown(room.pbx.receive(room.sent, CALLER).sends) == [(str(CALLER), "200")]
    assert room.wait(60) == []
    assert len(room.pbx.proxy) == 0


def test_a_message_that_nobody_answers_gets_no_408() -> None:
    room = Exchange()
    room.call(sip("MESSAGE", "sip:1002@pbx.example", body=b"hello"))
    left = room.wait(40)
    assert set(left) == {(str(CALLEE), "MESSAGE")}
    assert len(left) == 10  # E: 0.5, 1, 2, then every 4 s until F
    assert len(room.pbx.proxy) == 0


def test_a_response_to_nothing_is_not_taken() -> None:
    room = Exchange()
    room.call()
    stray = at(room.pbx.receive(room.sent, CALLER).sends, CALLER)[0]
    assert isinstance(stray, Response)
    assert room.pbx.proxy.on_response(stray, room.pbx.now) is None


def test_too_many_transactions_are_503() -> None:
    room = Exchange(pbx=Pbx())
    room.pbx.proxy._capacity = 0  # the limit of the constructor is in the thousands
    assert room.call().status == 503


def test_contact_and_route_of_an_edge_are_followed() -> None:
    room = Exchange(phones=())
    room.pbx.register(
        "Path: <sip:edge.example;lr>",
        user="1002",
        source=CALLEE,
        contact="<sip:1002@10.0.0.5:5060>",
    )
    room.call()
    asked = room.asked()
    assert isinstance(asked, Request)
    assert (asked.uri, asked.headers.first("route")) == (
        "sip:1002@10.0.0.5:5060",
        "<sip:edge.example;lr>",
    )


def test_a_lost_connection_fails_only_what_waits_on_it() -> None:
    room = Exchange(phones=())
    room.pbx.register(user="1002", source=SECOND, contact="<sip:1002@10.0.0.7:5060>")
    room.call()
    proxy = room.pbx.proxy
    assert proxy.branches_over(str(CALLEE)) == ()
    [name] = proxy.branches_over(str(SECOND))
    assert shown(proxy.on_unsendable(name, room.pbx.now)) == [(str(CALLER), "480")]
    assert proxy.branches_over(str(SECOND)) == ()


def test_a_chatty_phone_does_not_fill_the_memory() -> None:
    room = Exchange()
    room.call()
    for _ in range(1000):
        room.pbx.now += 0.01
        room.say(180)
    assert len(room.pbx.proxy._due) < 10  # nothing outside shows the plan of wake-ups


def test_an_ack_to_nowhere_goes_nowhere() -> None:
    room = Exchange()
    room.talk()
    ack = sip("ACK", "sip:1002@198.51.100.9", to_tag="callee", branch="ack")
    assert room.pbx.receive(ack, CALLER).sends == ()


def test_a_full_server_refuses_inside_a_call_too() -> None:
    room = Exchange()
    room.talk()
    room.pbx.proxy._capacity = 0  # the limit of the constructor is in the thousands
    bye = sip("BYE", contact("1002", CALLEE), to_tag="callee", branch="bye")
    assert room.pbx.receive(bye, CALLER).status == 503
    assert len(room.pbx.proxy.calls.all(room.pbx.now)) == 1

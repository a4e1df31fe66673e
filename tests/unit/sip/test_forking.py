"""The answer that is chosen for the caller, and what becomes of the phones that lose."""

from __future__ import annotations

import pytest

from offhook.sip.message import render_response
from tests.unit.sip.calling import CALLEE, CALLER, SECOND, Exchange, at, shown, sip


@pytest.mark.parametrize(
    ("first", "second", "chosen"),
    [(486, 603, "603"), (404, 500, "404"), (480, 486, "486"), (503, 500, "500"), (302, 486, "302")],
)
def test_the_best_refusal_is_chosen(first: int, second: int, chosen: str) -> None:
    room = Exchange(phones=(CALLEE, SECOND))
    room.call()
    assert shown(room.say(first)) == [(str(CALLEE), "ACK")]
    sends = room.say(second, source=SECOND, tag="second")
    assert shown(sends) == [(str(SECOND), "ACK"), (str(CALLER), chosen)]


def test_a_503_becomes_a_500() -> None:
    room = Exchange()
    room.call()
    assert shown(room.say(503))[-1] == (str(CALLER), "500")


def test_a_6xx_cancels_the_others_at_once() -> None:
    room = Exchange(phones=(CALLEE, SECOND))
    room.call()
    room.say(180, source=SECOND)
    sends = room.say(603)
    assert shown(sends) == [(str(CALLEE), "ACK"), (str(SECOND), "CANCEL")]
    [cancel] = at(sends, SECOND)
    assert cancel.headers.all("reason") == ('SIP;cause=600;text="Busy Everywhere"',)
    assert shown(room.say(487, source=SECOND))[-1] == (str(CALLER), "603")


def test_the_challenges_of_all_phones_are_joined() -> None:
    room = Exchange(phones=(CALLEE, SECOND))
    room.call()
    room.say(407, ("Proxy-Authenticate", 'Digest realm="a"'))
    sends = room.say(401, ("WWW-Authenticate", 'Digest realm="b"'), source=SECOND)
    [answer] = at(sends, CALLER)
    assert answer.headers.first("proxy-authenticate") == 'Digest realm="a"'
    assert answer.headers.first("www-authenticate") == 'Digest realm="b"'


def test_a_redirection_is_the_callers_to_follow() -> None:
    room = Exchange(phones=(CALLEE, SECOND))
    room.call()
    room.say(486, source=SECOND, tag="second")
    moved = render_response(
        room.asked(), 302, "Moved", [("Contact", "<sip:5@carrier.example>")], to_tag="callee"
    )
    sends = room.hear(moved)
    assert shown(sends) == [(str(CALLEE), "ACK"), (str(CALLER), "302")]
    assert at(sends, CALLER)[0].headers.first("contact") == "<sip:5@carrier.example>"


def test_a_caller_hears_408_when_nobody_took_the_call() -> None:
    room = Exchange()
    room.call()
    room.say(180)
    assert room.wait(181.5)[0] == (str(CALLEE), "CANCEL")
    assert shown(room.say(487)) == [(str(CALLEE), "ACK"), (str(CALLER), "408")]


def test_a_phone_that_rang_out_and_says_nothing_more_is_408_too() -> None:
    room = Exchange()
    room.call()
    room.say(180)
    left = room.wait(181 + 33)
    assert left[-1] == (str(CALLER), "408")


def test_a_busy_phone_outweighs_one_that_rang_out() -> None:
    room = Exchange(phones=(CALLEE, SECOND))
    room.call()
    room.say(180)
    room.say(486, source=SECOND, tag="second")
    room.wait(181.5)
    assert shown(room.say(487))[-1] == (str(CALLER), "486")


def test_a_caller_who_gives_up_hears_487_though_a_phone_was_lost() -> None:
    room = Exchange(phones=(SECOND,))
    room.call()
    room.say(180, source=SECOND)
    [cancel] = room.cancel().sends
    assert shown(room.pbx.proxy.on_unsendable(cancel.branch, room.pbx.now)) == [
        (str(CALLER), "487")
    ]
    room.ack(to_tag="")
    room.wait(6)
    assert len(room.pbx.proxy) == 0


@pytest.mark.parametrize("status", [0, 180])
def test_a_phone_lost_while_it_was_asked_leaves_nothing_behind(status: int) -> None:
    room = Exchange(phones=(SECOND,))
    room.call()
    if status:
        room.say(status, source=SECOND)
    [name] = room.pbx.proxy.branches_over(str(SECOND))
    assert shown(room.pbx.proxy.on_unsendable(name, room.pbx.now)) == [(str(CALLER), "480")]
    room.ack(to_tag="")
    assert room.wait(6) == []
    assert len(room.pbx.proxy) == 0


def test_a_phone_lost_after_it_answered_leaves_nothing_behind() -> None:
    room = Exchange(phones=(SECOND,))
    room.call()
    room.say(200, source=SECOND)
    assert room.pbx.proxy.branches_over(str(SECOND)) == ()
    room.wait(33)
    assert len(room.pbx.proxy) == 0


def test_an_ack_that_cannot_be_sent_changes_nothing() -> None:
    room = Exchange()
    room.call()
    [ack, _] = room.say(486)
    proxy = room.pbx.proxy
    assert proxy.on_unsendable(ack.branch, room.pbx.now) == ()
    assert proxy.on_unsendable("unknown", room.pbx.now) == ()
    assert proxy.take_failures() == []


def test_of_two_answers_to_a_message_the_first_counts() -> None:
    room = Exchange(phones=(CALLEE, SECOND))
    room.call(sip("MESSAGE", "sip:1002@pbx.example"))
    assert shown(room.say(200)) == [(str(CALLER), "200")]
    assert room.say(200, source=SECOND, tag="second") == ()


def test_a_plan_that_was_overtaken_is_left_out() -> None:
    room = Exchange(phones=(SECOND,))
    room.call()
    room.say(486, source=SECOND)
    room.ack()
    assert (str(CALLER), "486") not in room.wait(60)
    assert room.pbx.proxy.wake_at is None

"""What the proxy's transactions tell of calls."""

from __future__ import annotations

import pytest

from offhook.sip.calls import CallState
from tests.unit.sip.calling import CALLEE, CALLER, Exchange, contact, sip


def hang_up(room: Exchange, number: int = 2) -> None:
    bye = sip("BYE", contact("1002", CALLEE), to_tag="callee", cseq=number, branch=f"bye{number}")
    room.started = room.pbx.receive(bye, CALLER).sends


def listed(room: Exchange) -> int:
    return len(room.pbx.proxy.calls.all(room.pbx.now))


@pytest.mark.parametrize(
    ("status", "left"), [(200, 0), (481, 0), (408, 0), (480, 0), (401, 1), (407, 1), (403, 1)]
)
def test_a_bye_ends_the_call_by_its_answer(status: int, left: int) -> None:
    room = Exchange()
    room.talk()
    hang_up(room)
    assert listed(room) == 1
    room.say(status)
    assert listed(room) == left


def test_a_bye_that_nobody_answers_ends_the_call() -> None:
    room = Exchange()
    room.talk()
    hang_up(room)
    room.wait(31)
    assert listed(room) == 1
    room.wait(2)
    assert listed(room) == 0


def test_ringing_is_noted_and_100_is_not() -> None:
    room = Exchange()
    room.call()
    room.say(100)
    assert not room.pbx.proxy.calls.all(room.pbx.now)[0].has_rung
    room.say(180)
    assert room.pbx.proxy.calls.all(room.pbx.now)[0].has_rung


def test_a_second_invite_of_the_same_call_that_fails_does_not_end_it() -> None:
    room = Exchange()
    room.talk()
    again = sip("INVITE", "sip:1002@pbx.example", cseq=5, branch="again", body=b"v=0\r\n")
    room.call(again)
    room.say(486)
    [call] = room.pbx.proxy.calls.all(room.pbx.now)
    assert call.state is CallState.TALKING


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_the_session_of_a_call_is_refreshed(method: str) -> None:
    room = Exchange()
    room.call()
    room.say(200, ("Session-Expires", "90;refresher=uac"))
    room.pbx.now += 80
    inside = sip(method, contact("1002", CALLEE), to_tag="callee", cseq=7, branch="r")
    room.started = room.pbx.receive(inside, CALLER).sends
    room.say(200, ("Session-Expires", "90;refresher=uac"))
    calls = room.pbx.proxy.calls
    calls.sweep(room.pbx.now + 100, lambda *side: True)
    assert listed(room) == 1
    calls.sweep(room.pbx.now + 123, lambda *side: True)
    assert listed(room) == 0


def test_a_refresh_that_is_refused_is_none() -> None:
    room = Exchange()
    room.call()
    room.say(200, ("Session-Expires", "90"))
    room.pbx.now += 80
    inside = sip("UPDATE", contact("1002", CALLEE), to_tag="callee", cseq=7, branch="r")
    room.started = room.pbx.receive(inside, CALLER).sends
    room.say(491)
    room.pbx.proxy.calls.sweep(room.pbx.now + 43, lambda *side: True)
    assert listed(room) == 0

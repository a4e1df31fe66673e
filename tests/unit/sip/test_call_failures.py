"""Calls that a phone made fail: what is kept of them for the diagnosis, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from offhook.core.events import CallFailed
from offhook.engines.call_failures import call_failed
from tests.unit.sip.calling import CALLEE, SECOND, Exchange, contact, sip

AT = datetime(2026, 1, 5, tzinfo=UTC)


def failures(room: Exchange) -> list[CallFailed]:
    return [call_failed(failure, AT) for failure in room.pbx.proxy.take_failures()]


@pytest.mark.parametrize("status", [415, 488, 606])
def test_what_does_not_suit_the_phone_is_told_once(status: int) -> None:
    room = Exchange()
    room.call()
    room.say(status, ("Server", "Odd\x1bphone"))
    [failure] = failures(room)
    assert (failure.caller, failure.callee, failure.status) == ("1001", "1002", status)
    assert (failure.contact, failure.source) == (contact("1002", CALLEE), str(CALLEE))
    assert failure.callee_agent.isprintable()
    room.say(status)
    assert failures(room) == []


@pytest.mark.parametrize("status", [404, 480, 486, 600, 603])
def test_other_refusals_are_the_persons_own(status: int) -> None:
    room = Exchange()
    room.call()
    room.say(status)
    assert failures(room) == []


def test_a_phone_that_says_nothing_at_all_is_told() -> None:
    room = Exchange()
    room.call()
    room.wait(40)
    [failure] = failures(room)
    assert (failure.status, failure.reason) == (0, "no answer at all")
    assert failure.callee_agent == ""


def test_a_phone_that_only_rings_is_not() -> None:
    room = Exchange()
    room.call()
    room.say(180)
    room.wait(300)
    assert failures(room) == []


def test_the_silent_one_of_two_phones_is_told_though_the_other_answers() -> None:
    room = Exchange(phones=(CALLEE, SECOND))
    room.call()
    room.say(200, source=SECOND)
    room.wait(40)
    [failure] = failures(room)
    assert failure.source == str(CALLEE)


def test_a_phone_that_refuses_is_not_told_when_the_other_takes_the_call() -> None:
    room = Exchange(phones=(CALLEE, SECOND))
    room.call()
    room.say(488)
    room.say(200, source=SECOND)
    assert failures(room) == []


def test_a_phone_whose_connection_is_gone_is_told() -> None:
    room = Exchange(phones=(SECOND,))
    room.call()
    [branch] = room.pbx.proxy.branches_over(str(SECOND))
    room.pbx.proxy.on_unsendable(branch, room.pbx.now)
    [failure] = failures(room)
    assert failure.reason == "the connection is refused or closed"


def test_a_message_is_no_call() -> None:
    room = Exchange()
    room.call(sip("MESSAGE", "sip:1002@pbx.example", body=b"hello"))
    room.say(488)
    assert failures(room) == []

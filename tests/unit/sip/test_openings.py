"""One phone that floods is stopped; the others call."""

from __future__ import annotations

from offhook.sip.openings import MAX_OPEN_OF_ONE, Openings
from tests.unit.sip.calling import CALLEE, CALLER, Exchange, invite, shown, sip


def test_there_is_room_until_the_limit_and_again_after_an_answer() -> None:
    openings = Openings(limit=2)
    openings.add("1001", "a")
    openings.add("1001", "b")
    assert not openings.has_room("1001")
    assert openings.has_room("1002")
    openings.close("a")
    openings.close("a")
    openings.close("unknown")
    assert openings.has_room("1001")
    openings.close("b")
    assert len(openings) == 0


def flood(room: Exchange, count: int) -> list[int]:
    statuses = []
    for n in range(count):
        data = invite(call_id=f"flood-{n}", branch=f"f{n}", from_tag=f"t{n}")
        statuses.append(room.call(data).status)
    return statuses


def test_a_phone_that_floods_is_told_to_wait_and_others_still_call() -> None:
    room = Exchange()
    assert flood(room, MAX_OPEN_OF_ONE) == [0] * MAX_OPEN_OF_ONE
    refused = room.call(invite(call_id="more", branch="more"))
    assert refused.status == 486
    assert refused.answer is not None
    assert b"\r\nRetry-After: 5\r\n" in refused.answer.data
    theirs = sip(
        "INVITE", "sip:1001@pbx.example", user="1002", to="1001", source=CALLEE, branch="theirs"
    )
    assert room.call(theirs, source=CALLEE, user="1002").status == 0
    assert (str(CALLER), "INVITE") in shown(room.started)


def test_what_has_an_answer_does_not_count() -> None:
    room = Exchange()
    flood(room, MAX_OPEN_OF_ONE)
    room.say(486)
    assert room.call(invite(call_id="more", branch="more")).status == 0
    assert room.call(invite(call_id="again", branch="again")).status == 486


def test_inside_a_call_nothing_is_refused_for_it() -> None:
    room = Exchange()
    room.talk()
    flood(room, MAX_OPEN_OF_ONE)
    bye = sip("BYE", "sip:1002@192.0.2.20:5064", to_tag="callee", cseq=9, branch="bye")
    assert shown(room.pbx.receive(bye, CALLER).sends) == [(str(CALLEE), "BYE")]


def test_nothing_is_counted_in_the_end() -> None:
    room = Exchange()
    flood(room, 5)
    room.call(sip("MESSAGE", "sip:1002@pbx.example", branch="m", call_id="m"))
    room.wait(100)
    assert len(room.pbx.proxy) == 0
    assert len(room.pbx.proxy._openings) == 0  # the count is not shown outside


def test_a_full_server_counts_nothing() -> None:
    room = Exchange()
    room.pbx.proxy._capacity = 0  # the limit of the constructor is in the thousands
    assert room.call().status == 503
    assert len(room.pbx.proxy._openings) == 0

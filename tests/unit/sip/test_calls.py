"""The list of calls: bounded, and open to both sides' later requests only."""

from __future__ import annotations

import pytest

from offhook.sip.calls import Calls, Side, session_s
from offhook.sip.flow import Flow, flow_of
from offhook.sip.message import write_headers

SIDE = Side(uri="sip:1001@192.0.2.10", flow=Flow(transport="udp", host="192.0.2.10", port=5060))
OTHER = Side(uri="sip:1002@192.0.2.20", flow=Flow(transport="udp", host="192.0.2.20", port=5060))


def test_the_oldest_call_goes_when_there_are_too_many() -> None:
    calls = Calls(capacity=2)
    for number in range(3):
        calls.begin((f"id-{number}", "a"), "1001", "1002", SIDE, float(number))
    assert [call.since for call in calls.all(3.0)] == [1.0, 2.0]


def test_a_call_without_an_end_is_forgotten() -> None:
    calls = Calls(max_age_s=100)
    calls.begin(("id", "a"), "1001", "1002", SIDE, 0.0)
    calls.answer(("id", "a"), "b", OTHER, 50.0)
    assert len(calls.all(149.0)) == 1
    assert calls.all(150.0) == ()


def test_only_the_tags_of_a_call_find_it() -> None:
    calls = Calls()
    calls.begin(("id", "a"), "1001", "1002", SIDE, 0.0)
    calls.answer(("id", "a"), "b", OTHER, 0.0)
    assert calls.find("id", "a", "b") == calls.find("id", "b", "a")
    assert calls.find("id", "a", "c") is None
    assert calls.find("other", "a", "b") is None


def test_the_first_answer_counts_and_is_not_failed_by_others() -> None:
    calls = Calls()
    calls.begin(("id", "a"), "1001", "1002", SIDE, 0.0)
    calls.answer(("id", "a"), "b", OTHER, 1.0)
    calls.answer(("id", "a"), "c", OTHER, 2.0)
    calls.fail(("id", "a"))
    assert [call.since for call in calls.all(3.0)] == [1.0]


def talking(calls: Calls, session_s: int | None = None) -> None:
    calls.begin(("id", "a"), "1001", "1002", SIDE, 0.0)
    calls.answer(("id", "a"), "b", OTHER, 0.0, session_s)


def test_a_second_invite_that_fails_leaves_the_first_ringing() -> None:
    calls = Calls()
    calls.begin(("id", "a"), "1001", "1002", SIDE, 0.0)
    calls.begin(("id", "a"), "1001", "1002", SIDE, 1.0)
    calls.fail(("id", "a"))
    assert len(calls) == 1
    calls.fail(("id", "a"))
    assert len(calls) == 0
    calls.fail(("id", "a"))


def test_a_session_without_refresh_ends() -> None:
    calls = Calls()
    talking(calls, session_s=1800)
    calls.sweep(1000.0, lambda *side: True)
    calls.refresh("id", "b", "a", 1800, 1000.0)
    calls.sweep(2831.0, lambda *side: True)
    assert len(calls) == 1
    calls.sweep(2841.0, lambda *side: True)
    assert len(calls) == 0


def test_a_refresh_without_session_takes_the_limit_away() -> None:
    calls = Calls()
    talking(calls, session_s=90)
    calls.refresh("id", "a", "b", None, 1.0)
    calls.refresh("id", "a", "unknown", 1, 1.0)
    calls.sweep(5000.0, lambda *side: True)
    assert len(calls) == 1


def test_a_phone_that_is_gone_for_minutes_ends_its_call() -> None:
    calls = Calls()
    talking(calls)
    there = {"1001", "1002"}
    calls.sweep(10.0, lambda extension, host, since: extension in there)
    there.discard("1002")
    calls.sweep(300.0, lambda extension, host, since: extension in there)
    assert len(calls) == 1
    calls.sweep(311.0, lambda extension, host, since: extension in there)
    assert len(calls) == 0
    assert calls.take_changed() == ("1001", "1002")


def test_a_phone_that_comes_back_keeps_its_call() -> None:
    calls = Calls()
    talking(calls)
    for at, is_there in (
        (10.0, True),
        (300.0, False),
        (305.0, True),
        (312.0, True),
        (600.0, False),
    ):
        calls.sweep(at, lambda *side, is_there=is_there: is_there)
    assert len(calls) == 1


def test_a_caller_that_was_never_registered_ends_nothing() -> None:
    calls = Calls()
    talking(calls)
    for at in range(0, 4000, 100):
        calls.sweep(float(at), lambda *side: False)
    assert len(calls) == 1


def test_the_sides_are_looked_for_where_they_are() -> None:
    calls = Calls()
    calls.begin(("id", "a"), "1001", "1002", SIDE, 50.0)
    asked: list[tuple[str, str, float]] = []
    calls.sweep(100.0, lambda *side: bool(asked.append(side)))  # type: ignore[func-returns-value] # for the list
    assert asked == [("1001", "192.0.2.10", 50.0)]
    calls.answer(("id", "a"), "b", OTHER, 100.0)
    calls.sweep(101.0, lambda *side: bool(asked.append(side)))  # type: ignore[func-returns-value] # too early
    assert len(asked) == 1
    calls.sweep(110.0, lambda *side: bool(asked.append(side)))  # type: ignore[func-returns-value] # both now
    assert asked[1:] == [("1001", "192.0.2.10", 50.0), ("1002", "192.0.2.20", 50.0)]


def test_changes_are_told_once_and_only_when_something_changed() -> None:
    calls = Calls()
    calls.begin(("id", "a"), "1001", "1002", SIDE, 0.0)
    assert calls.take_changed() == ("1001", "1002")
    calls.ring(("id", "a"))
    assert calls.take_changed() == ("1001", "1002")
    calls.ring(("id", "a"))
    calls.ring(("unknown", "a"))
    calls.answer(("unknown", "a"), "b", OTHER, 0.0)
    assert calls.take_changed() == ()


def test_an_extension_that_calls_itself_is_listed_once() -> None:
    calls = Calls()
    calls.begin(("id", "a"), "1001", "1001", SIDE, 0.0)
    assert len(calls.of("1001")) == 1
    calls.end("id", "a", "b")
    assert calls.of("1001") == {}


@pytest.mark.parametrize(
    ("value", "limit_s"),
    [("1800;refresher=uas", 1800), (" 90 ", 90), ("0", None), ("x", None), ("", None)],
)
def test_session_expires_is_read(value: str, limit_s: int | None) -> None:
    assert session_s(write_headers([("Session-Expires", value)])) == limit_s


def test_a_phone_without_nat_is_reached_at_the_port_it_listens_on() -> None:
    udp = flow_of("udp:192.0.2.10:40000", "sip:1001@192.0.2.10:5062")
    assert (udp.port, udp.dial) == (5062, None)
    tcp = flow_of("tcp:192.0.2.10:40000", "sip:1001@192.0.2.10")
    assert (tcp.port, tcp.dial) == (40_000, ("192.0.2.10", 5060))


def test_a_phone_behind_nat_is_reached_where_it_sends_from() -> None:
    flow = flow_of("udp:203.0.113.5:61000", "sip:1001@10.0.0.7:5060")
    assert (flow.host, flow.port) == ("203.0.113.5", 61_000)
    v6 = flow_of("udp:[2001:db8::1]:5060", "sip:1001@[2001:db8::1]:5070")
    assert (v6.host, v6.port, str(v6)) == ("2001:db8::1", 5070, "udp:[2001:db8::1]:5070")

"""The list of calls: bounded, and open to both sides' later requests only."""

from __future__ import annotations

from offhook.sip.calls import Calls, Side
from offhook.sip.flow import Flow, flow_of

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

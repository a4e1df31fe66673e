"""What other methods get, and that no bytes make the server raise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip.bindings import Source
from offhook.sip.message import KeepAlive
from tests.unit.sip.build import PHONE, Pbx, register
from tests.unit.sip.rfc4475 import MESSAGES, request

SEEDS = [*MESSAGES.values(), register()]


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_it_raise(data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(SEEDS))
    at = data.draw(st.integers(0, len(seed)))
    noise = data.draw(st.binary(max_size=12))
    Pbx().receive(seed[:at] + noise + seed[at + len(noise) :])


def test_options_is_answered_to_anybody() -> None:
    answer = Pbx().ask(request("OPTIONS", uri="sip:pbx.example"))
    assert answer.status == 200
    assert "REGISTER" in (answer.headers.first("allow") or "")


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("CANCEL", 481),
        ("BYE", 481),
        ("NOTIFY", 481),
        ("SUBSCRIBE", 407),
        ("PUBLISH", 405),
        ("MESSAGE", 407),
        ("REFER", 407),
        ("FOO", 501),
    ],
)
def test_methods_that_come_later_get_their_proper_answer(method: str, status: int) -> None:
    assert Pbx().ask(request(method, "Event: message-summary")).status == status


def test_ack_is_never_answered() -> None:
    assert Pbx().receive(request("ACK")).answer is None


def test_require_is_ignored_in_cancel() -> None:
    assert Pbx().ask(request("CANCEL", "Require: x")).status == 481


def call(pbx: Pbx, to: str, user: str = "1001") -> int:
    from_ = f"From: <sip:{user}@pbx.example>;tag=a"
    data = request("INVITE", uri=f"sip:{to}@pbx.example", from_=from_)
    return pbx.ask(pbx.sign(data, user=user)).status


def test_calls_are_authenticated_before_anything_is_said() -> None:
    pbx = Pbx()
    assert pbx.ask(request("INVITE", uri="sip:1002@pbx.example")).status == 407
    assert pbx.ask(request("INVITE", uri="sip:9999@pbx.example")).status == 407
    assert call(pbx, "1002", user="9999") == 407


def test_a_phone_that_is_not_registered_cannot_be_reached() -> None:
    assert call(Pbx(), "1002") == 480
    assert call(Pbx(), "9999") == 404


def test_guessing_by_invite_is_barred_too() -> None:
    pbx = Pbx(failures_a_minute=1)
    statuses = [call(pbx, "1002", user="1002") for _ in range(1)]
    for n in range(4):
        data = request("INVITE", uri=f"sip:{n}@pbx.example")
        statuses.append(pbx.ask(pbx.sign(data, secret="guess")).status)
    assert statuses == [480, 407, 407, 403, 403]


def test_credentials_of_an_invite_are_for_its_callee() -> None:
    pbx = Pbx()
    data = pbx.sign(request("INVITE", uri="sip:1002@pbx.example"))
    data = data.replace(b'uri="sip:1002@', b'uri="sip:1003@')
    assert pbx.ask(data).status == 400


def test_a_ping_gets_its_pong_and_a_pong_nothing() -> None:
    pbx = Pbx()
    source = Source(transport="tcp", host="h", port=1)
    ping = pbx.server.receive(KeepAlive(is_ping=True), source, 0.0)
    assert ping.answer is not None
    assert ping.answer.data == b"\r\n"
    assert pbx.receive(b"\r\n\r\n").answer is None


def test_junk_is_named_and_not_answered() -> None:
    reaction = Pbx().receive(b"\x00\x01")
    assert (reaction.answer, reaction.junk) == (None, "neither request nor response")


def test_a_refused_request_is_answered_and_named() -> None:
    reaction = Pbx().receive(MESSAGES["mismatch01"], PHONE)
    assert reaction.answer is not None
    assert (reaction.status, reaction.junk) == (400, "Malformed CSeq")

"""INVITE transactions against a clock that is only a number."""

from __future__ import annotations

import pytest

from offhook.sip.invite import TIMER_B_S, InviteClient, ServerSide
from offhook.sip.message import Response, render_response
from offhook.sip.transaction import Answered, TimedOut, Transmit
from tests.unit.sip.build import request_of, response_of
from tests.unit.sip.calling import invite

REQUEST = request_of(invite())


def answer(status: int, method: str = "INVITE") -> Response:
    data = render_response(REQUEST, status, "R", to_tag="t")
    return response_of(data.replace(b"CSeq: 1 INVITE", f"CSeq: 1 {method}".encode()))


def client(*, is_reliable: bool = False, timer_c_s: float = 181.0) -> InviteClient:
    found = InviteClient(REQUEST, is_reliable=is_reliable, timer_c_s=timer_c_s)
    assert found.start(0.0) == (Transmit(data=REQUEST.emit()),)
    return found


def kinds(actions: object) -> list[str]:
    assert isinstance(actions, tuple)
    return [
        a.data.split()[0].decode() if isinstance(a, Transmit) else type(a).__name__ for a in actions
    ]


def test_timer_c_cancels_and_the_silence_after_it_times_out() -> None:
    phone = client(timer_c_s=60)
    assert kinds(phone.on_response(answer(180), 1.0)) == ["Answered"]
    assert phone.on_time(60.9) == ()
    assert not phone.has_rung_out
    assert kinds(phone.on_time(61.0)) == ["CANCEL"]
    assert phone.has_rung_out
    assert kinds(phone.on_time(61.5)) == ["CANCEL"]
    assert phone.on_response(answer(200, "CANCEL"), 61.6) == ()
    assert kinds(phone.on_time(61.0 + TIMER_B_S)) == ["TimedOut"]
    assert phone.is_ended
    assert phone.wake_at is None
    assert phone.on_time(1000.0) == ()


def test_a_100_does_not_restart_timer_c_and_a_180_does() -> None:
    phone = client(timer_c_s=60)
    phone.on_response(answer(100), 0.0)
    phone.on_response(answer(100), 30.0)
    assert phone.wake_at == 60.0
    phone.on_response(answer(180), 50.0)
    assert phone.wake_at == 110.0


def test_cancelling_twice_sends_once() -> None:
    phone = client()
    phone.on_response(answer(180), 1.0)
    assert kinds(phone.cancel(2.0)) == ["CANCEL"]
    assert phone.cancel(2.1) == ()
    assert phone.on_response(answer(180), 2.2) == ()


def test_after_a_refusal_provisionals_are_late() -> None:
    phone = client()
    assert kinds(phone.on_response(answer(486), 1.0)) == ["ACK", "Answered"]
    assert phone.on_response(answer(180), 1.1) == ()
    assert phone.on_response(answer(200), 1.2) == ()
    assert kinds(phone.on_response(answer(486), 1.3)) == ["ACK"]
    assert phone.on_time(1.0 + TIMER_B_S) == ()  # timer D
    assert phone.is_ended
    assert phone.on_response(answer(486), 60.0) == ()


def test_over_a_stream_a_refusal_ends_it_at_once() -> None:
    phone = client(is_reliable=True)
    assert kinds(phone.on_response(answer(486), 1.0)) == ["ACK", "Answered"]
    assert phone.is_ended


def test_every_2xx_passes_until_timer_m() -> None:
    phone = client()
    for _ in range(2):
        assert phone.on_response(answer(200), 1.0) == (Answered(response=answer(200)),)
    assert phone.on_response(answer(486), 1.1) == ()
    assert phone.cancel(1.2) == ()
    assert phone.on_time(1.0 + TIMER_B_S) == ()
    assert phone.is_ended


def test_an_answer_to_another_method_is_not_meant() -> None:
    phone = client()
    assert phone.on_response(answer(200, "BYE"), 1.0) == ()
    assert phone.on_response(answer(200, "CANCEL"), 1.0) == ()


def test_giving_up_is_silent() -> None:
    phone = client()
    phone.give_up()
    assert phone.is_ended
    assert phone.on_time(100.0) == ()
    assert phone.on_response(answer(180), 1.0) == ()
    assert phone.cancel(1.0) == ()


def test_silence_is_a_timeout() -> None:
    assert client(is_reliable=True).on_time(TIMER_B_S) == (TimedOut(),)


@pytest.mark.parametrize("is_reliable", [False, True])
def test_a_refusal_is_repeated_only_over_datagrams(is_reliable: bool) -> None:
    server = ServerSide(is_invite=True, is_reliable=is_reliable)
    assert server.answer(180, b"ringing", 0.0)
    assert server.on_repeat() == b"ringing"
    assert server.answer(486, b"busy", 1.0)
    assert not server.answer(180, b"late", 1.1)
    assert server.on_time(1.2) == b""
    assert server.on_time(1.5) == (b"" if is_reliable else b"busy")
    assert server.on_ack(2.0)
    assert server.is_ended is is_reliable
    assert server.on_ack(2.1)
    assert server.on_repeat() == b""
    assert server.on_time(2.0 + 5.0) == b""
    assert server.is_ended
    assert server.wake_at is None


def test_after_a_2xx_only_2xx_go_on_and_the_ack_is_not_ours() -> None:
    server = ServerSide(is_invite=True, is_reliable=False)
    assert server.answer(200, b"ok", 0.0)
    assert server.on_repeat() == b""
    assert server.answer(200, b"other", 0.1)
    assert not server.answer(486, b"busy", 0.1)
    assert not server.on_ack(0.2)


def test_other_requests_end_with_their_answer_on_a_stream_and_wait_on_datagrams() -> None:
    server = ServerSide(is_invite=False, is_reliable=True)
    assert server.answer(200, b"ok", 0.0)
    assert server.is_ended
    server = ServerSide(is_invite=False, is_reliable=False)
    assert server.answer(200, b"ok", 0.0)
    assert not server.answer(200, b"other", 0.1)
    assert server.on_repeat() == b"ok"
    assert server.on_time(TIMER_B_S) == b""  # timer J
    assert server.is_ended

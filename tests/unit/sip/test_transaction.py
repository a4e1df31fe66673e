"""Non-INVITE transactions against a clock that is only a number."""

from __future__ import annotations

import pytest

from offhook.sip.message import Request, Response
from offhook.sip.transaction import (
    AnswerCache,
    Answered,
    ClientTransaction,
    TimedOut,
    Transmit,
    invite_key,
    transaction_key,
)
from offhook.sip.via import top_via
from tests.unit.sip.build import register, request_of, response_of
from tests.unit.sip.rfc4475 import VALID, lines


def response(status: int) -> Response:
    return response_of(VALID["noreason"].replace(b"SIP/2.0 100 ", b"SIP/2.0 %d X" % status))


def run(transaction: ClientTransaction, until: float) -> list[float]:
    """Let time pass; gives the moments of transmission."""
    moments = [0.0] if transaction.start(0.0) == (Transmit(data=b"x"),) else []
    while (at := transaction.wake_at) is not None and at <= until:
        moments += [at for action in transaction.on_time(at) if isinstance(action, Transmit)]
    return moments


def test_udp_repeats_with_timer_e_until_timer_f() -> None:
    transaction = ClientTransaction(b"x", is_reliable=False)
    assert run(transaction, 31.9) == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert transaction.on_time(32.0) == (TimedOut(),)
    assert transaction.is_ended
    assert transaction.wake_at is None


def test_a_shorter_timeout_replaces_timer_f() -> None:
    transaction = ClientTransaction(b"x", is_reliable=False, timeout_s=8)
    assert run(transaction, 7.9) == [0, 0.5, 1.5, 3.5, 7.5]
    assert transaction.on_time(8.0) == (TimedOut(),)


def test_streams_send_once() -> None:
    transaction = ClientTransaction(b"x", is_reliable=True, timeout_s=8)
    assert run(transaction, 7.9) == [0]
    assert transaction.on_time(8.0) == (TimedOut(),)


def test_a_provisional_slows_the_repeats_down() -> None:
    transaction = ClientTransaction(b"x", is_reliable=False)
    transaction.start(0.0)
    assert transaction.on_response(response(100), 0.1) == ()
    assert transaction.on_time(0.5) == (Transmit(data=b"x"),)
    assert transaction.wake_at == 4.5


def test_a_final_answer_ends_the_repeats_and_is_given_once() -> None:
    transaction = ClientTransaction(b"x", is_reliable=False)
    transaction.start(0.0)
    final = response(481)
    assert transaction.on_response(final, 0.2) == (Answered(response=final),)
    assert transaction.on_response(final, 0.3) == ()
    assert transaction.wake_at == 0.2 + 5  # timer K
    assert transaction.on_time(5.2) == ()
    assert transaction.is_ended


def test_timer_k_is_zero_on_streams() -> None:
    transaction = ClientTransaction(b"x", is_reliable=True)
    transaction.start(0.0)
    transaction.on_response(response(200), 0.2)
    assert transaction.is_ended


def test_nothing_is_due_before_the_start_or_too_early() -> None:
    transaction = ClientTransaction(b"x", is_reliable=False)
    assert transaction.on_time(1.0) == ()
    transaction.start(1.0)
    assert transaction.on_time(1.2) == ()


def key(data: bytes, source: str = "udp:h:1") -> str:
    request = request_of(data)
    via = top_via(request.headers)
    assert via is not None
    return transaction_key(request, via, source)


def test_the_key_is_branch_method_and_source() -> None:
    assert key(register()) == key(register("X: other"))
    assert key(register()) != key(register(branch="two"))
    assert key(register()) != key(register(), source="udp:h:2")


def test_without_a_unique_branch_the_old_rules_apply() -> None:
    old = register().replace(b"z9hG4bKone-boot-1-1", b"1")
    assert key(old) == key(old)
    assert key(old) != key(old.replace(b"1 REGISTER", b"2 REGISTER"))


@pytest.mark.parametrize("branch", ["z9hG4bKnew", "z9hG4bK", "1", ""])
@pytest.mark.parametrize("method", ["CANCEL", "ACK"])
def test_cancel_and_ack_find_their_invite_with_and_without_a_unique_branch(
    branch: str, method: str
) -> None:
    via = f";branch={branch}" if branch else ""
    tag = ";tag=ours" if method == "ACK" else ""

    def named(method: str, number: int, tag: str) -> Request:
        return request_of(
            lines(
                "INVITE sip:1002@pbx SIP/2.0".replace("INVITE", method),
                f"Via: SIP/2.0/UDP h{via}, SIP/2.0/UDP before;branch=x",
                "From: <sip:1001@pbx>;tag=a",
                f"To: <sip:1002@pbx>{tag}",
                "Call-ID: c",
                f"CSeq: {number} {method}",
            )
        )

    def name(request: Request) -> str:
        found = top_via(request.headers)
        assert found is not None
        return invite_key(request, found, "udp:h:1")

    invite = named("INVITE", 1, "")
    found = top_via(invite.headers)
    assert found is not None
    assert transaction_key(invite, found, "udp:h:1") == name(named(method, 1, tag))
    if not found.has_unique_branch:
        assert name(named(method, 2, tag)) != name(invite)


def test_a_transaction_that_is_given_up_is_over() -> None:
    transaction = ClientTransaction(b"x", is_reliable=False)
    transaction.start(0.0)
    transaction.give_up()
    assert transaction.is_ended
    assert transaction.on_time(100.0) == ()


def test_answers_are_kept_for_timer_j() -> None:
    cache = AnswerCache()
    cache.keep("a", b"one", 0.0)
    assert cache.find("a", 31.9) == b"one"
    assert cache.find("a", 32.0) is None
    assert len(cache) == 0


def test_the_cache_is_bounded_in_number() -> None:
    cache = AnswerCache(capacity=2)
    for name in ("a", "b", "c"):
        cache.keep(name, b"x", 0.0)
    assert [cache.find(name, 1.0) for name in ("a", "b", "c")] == [None, b"x", b"x"]


def test_the_cache_is_bounded_in_bytes() -> None:
    cache = AnswerCache(capacity_bytes=25)
    cache.keep("a", b"x" * 10, 0.0)
    cache.keep("a", b"y" * 10, 0.0)
    cache.keep("b", b"x" * 10, 0.0)
    assert len(cache) == 2
    cache.keep("c", b"x" * 10, 0.0)
    assert cache.find("a", 1.0) is None
    assert cache.find("c", 1.0) == b"x" * 10

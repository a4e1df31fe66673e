"""Nonces: ours, young, bound to a host, each count once, bounded memory."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip.limits import FailureLimits
from offhook.sip.nonces import Nonces, NonceState


def make(capacity: int = 100) -> Nonces:
    return Nonces(key=b"k" * 32, lifetime_s=300, capacity=capacity)


def test_no_two_are_equal() -> None:
    nonces = make()
    assert len({nonces.issue(1000.0, "h") for _ in range(100)}) == 100


def test_a_nonce_is_fresh_for_its_lifetime() -> None:
    nonces = make()
    nonce = nonces.issue(1000.0, "h")
    assert nonces.judge(nonce, 1300.0, "h") is NonceState.FRESH
    assert nonces.judge(nonce, 1300.1, "h") is NonceState.EXPIRED
    assert nonces.judge(nonce, 900.0, "h") is NonceState.EXPIRED  # a clock that was set back


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_is_foreign(text: str) -> None:
    assert make().judge(text, 1000.0, "h") is NonceState.FOREIGN


def test_another_host_and_another_key_are_foreign() -> None:
    nonces = make()
    nonce = nonces.issue(1000.0, "h")
    assert nonces.judge(nonce, 1000.0, "other") is NonceState.FOREIGN
    assert Nonces(key=b"x", lifetime_s=300).judge(nonce, 1000.0, "h") is NonceState.FOREIGN
    assert nonces.judge(nonce[:-1], 1000.0, "h") is NonceState.FOREIGN


@given(st.lists(st.integers(1, 120), max_size=40))
@settings(max_examples=200, deadline=None)
def test_each_count_is_spent_at_most_once(counts: list[int]) -> None:
    """Against a set: within 64 of the highest every new count passes, older ones never."""
    nonces = make()
    nonce = nonces.issue(1000.0, "h")
    seen: set[int] = set()
    for count in counts:
        wanted = count not in seen and (not seen or count > max(seen) - 64)
        assert nonces.spend(nonce, count) is wanted
        if wanted:
            seen.add(count)


def test_a_forgotten_window_cannot_be_used_again() -> None:
    nonces = make(capacity=2)
    issued = [nonces.issue(1000.0, "h") for _ in range(4)]
    assert [nonces.spend(nonce, 1) for nonce in issued] == [True] * 4
    assert [nonces.spend(nonce, 1) for nonce in issued] == [False] * 4
    assert nonces.spend(issued[0], 2) is False
    assert nonces.spend(issued[3], 2) is True


def test_failures_bar_for_a_minute() -> None:
    limits = FailureLimits()
    for _ in range(3):
        limits.note_failure("k", 3, 0.0)
    assert not limits.is_barred("k", 0.0)
    limits.note_failure("k", 3, 1.0)
    assert limits.is_barred("k", 60.9)
    assert not limits.is_barred("k", 61.0)


def test_failures_of_an_older_minute_do_not_count() -> None:
    limits = FailureLimits()
    limits.note_failure("k", 1, 0.0)
    limits.note_failure("k", 1, 60.0)
    assert not limits.is_barred("k", 60.0)


def test_a_success_forgives() -> None:
    limits = FailureLimits()
    limits.note_failure("k", 1, 0.0)
    limits.forgive("k")
    limits.note_failure("k", 1, 0.0)
    assert not limits.is_barred("k", 0.0)


def test_the_least_recent_key_is_forgotten() -> None:
    limits = FailureLimits(capacity=2)
    for key in ("a", "b", "a", "c"):
        limits.note_failure(key, 0, 0.0)
    assert [limits.is_barred(key, 1.0) for key in ("a", "b", "c")] == [True, False, True]

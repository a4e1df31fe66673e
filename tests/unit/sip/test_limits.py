"""Failure limits: windows, bars that grow, and what counts as one source."""

from __future__ import annotations

import pytest

from offhook.sip.limits import FailureLimits, network_of


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:7:1:2:3:4", "2001:db8:0:7::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("no:address", "no:address"),
    ],
)
def test_an_ipv6_stranger_is_its_network(host: str, network: str) -> None:
    assert network_of(host) == network


def bar(limits: FailureLimits, now: float) -> float:
    """Fail once too often; gives how long the bar lasts."""
    for _ in range(2):
        limits.note_failure("k", 1, now)
    assert limits.is_barred("k", now)
    seconds = 1.0
    while limits.is_barred("k", now + seconds):
        seconds += 1.0
    return seconds


def test_who_begins_again_is_barred_twice_as_long_up_to_sixteen_times() -> None:
    limits, now = FailureLimits(), 0.0
    bars = []
    for _ in range(6):
        bars.append(bar(limits, now))
        now += bars[-1]
    assert bars == [60.0, 120.0, 240.0, 480.0, 960.0, 960.0]


def test_after_a_quiet_hour_a_bar_is_a_minute_again() -> None:
    limits = FailureLimits()
    first = bar(limits, 0.0)
    assert bar(limits, first + 3600.0) == 60.0


def test_a_failure_is_remembered_for_its_minute() -> None:
    limits = FailureLimits()
    assert not limits.has_failed("k", 0.0)
    limits.note_failure("k", 5, 0.0)
    assert limits.has_failed("k", 59.9)
    assert not limits.has_failed("k", 60.0)

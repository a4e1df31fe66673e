"""Failure limits: how many wrong answers a source may give before it is not listened to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

_DOUBLINGS = 4
_MEMORY_S = 3600.0


def network_of(host: str) -> str:
    """Name what one stranger can be expected to have: an IPv4 address, an IPv6 /64.

    The smallest IPv6 assignment is a /64, and whoever has it has all its addresses. RFC 6177 §2.
    """
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    return f"{ipaddress.IPv6Address(int(address) >> 64 << 64)}/64"


@dataclass(slots=True)
class _Count:
    since: float
    failures: int = 0
    barred_until: float = float("-inf")
    bars: int = 0


class FailureLimits:
    """Counts failures per key in windows of a minute; past the limit the key is barred for one.

    A key that begins again within an hour is barred twice as long each time, up to 16 times. At
    most `capacity` keys are remembered, the one least recently failed is forgotten first.
    """

    def __init__(
        self, *, window_s: float = 60.0, bar_s: float = 60.0, capacity: int = 32_768
    ) -> None:
        self._window_s = window_s
        self._bar_s = bar_s
        self._capacity = capacity
        self._counts: dict[str, _Count] = {}

    def is_barred(self, key: str, now: float) -> bool:
        """Say whether a key is barred now."""
        count = self._counts.get(key)
        return count is not None and now < count.barred_until

    def has_failed(self, key: str, now: float) -> bool:
        """Say whether a key has failed in its window of a minute."""
        count = self._counts.get(key)
        return count is not None and now - count.since < self._window_s

    def note_failure(self, key: str, limit: int, now: float) -> None:
        """Count one failure; the one past `limit` within the window bars the key."""
        count = self._counts.pop(key, None) or _Count(since=now)
        if now - count.since >= self._window_s:
            is_remembered = now - count.barred_until < _MEMORY_S
            count = _Count(
                since=now,
                barred_until=count.barred_until,
                bars=count.bars if is_remembered else 0,
            )
        count.failures += 1
        if count.failures > limit:
            until = now + self._bar_s * 2**count.bars
            count = _Count(
                since=now,
                barred_until=max(until, count.barred_until),
                bars=min(count.bars + 1, _DOUBLINGS),
            )
        self._counts[key] = count
        while len(self._counts) > self._capacity:
            del self._counts[next(iter(self._counts))]

    def forgive(self, key: str) -> None:
        """Forget the failures of a key that has proved itself."""
        self._counts.pop(key, None)

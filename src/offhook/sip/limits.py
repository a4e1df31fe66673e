"""Failure limits: how many wrong answers a source may give before it is not listened to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class _Count:
    since: float
    failures: int = 0
    barred_until: float = 0.0


class FailureLimits:
    """Counts failures per key in windows of a minute; past the limit the key is barred for one.

    At most `capacity` keys are remembered, the one least recently failed is forgotten first.
    """

    def __init__(
        self, *, window_s: float = 60.0, bar_s: float = 60.0, capacity: int = 8192
    ) -> None:
        self._window_s = window_s
        self._bar_s = bar_s
        self._capacity = capacity
        self._counts: dict[str, _Count] = {}

    def is_barred(self, key: str, now: float) -> bool:
        """Say whether a key is barred now."""
        count = self._counts.get(key)
        return count is not None and now < count.barred_until

    def note_failure(self, key: str, limit: int, now: float) -> None:
        """Count one failure; the one past `limit` within the window bars the key."""
        count = self._counts.pop(key, None)
        if count is None or now - count.since >= self._window_s:
            count = _Count(since=now)
        count.failures += 1
        if count.failures > limit:
            count = _Count(since=now, barred_until=now + self._bar_s)
        self._counts[key] = count
        while len(self._counts) > self._capacity:
            del self._counts[next(iter(self._counts))]

    def forgive(self, key: str) -> None:
        """Forget the failures of a key that has proved itself."""
        self._counts.pop(key, None)

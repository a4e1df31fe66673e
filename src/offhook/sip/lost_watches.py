"""Subscriptions that ended although their phone had not said so, until it subscribes again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

MAX_LOST = 4096

Key = tuple[str, str, str]
"""Who watches, whom, from which host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A subscription ended: `reason` says by what; times are the epoch."""

    watcher: str
    target: str
    host: str
    reason: str
    refreshed_at: float
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Regained:
    """The same phone watches the same extension again."""

    watcher: str
    target: str
    host: str


class Watched(Protocol):
    """What is needed of a subscription."""

    watcher: str
    target: str
    refreshed_at: float


Tell = Callable[[Lost | Regained], None]


class LostWatches:
    """Tells what was lost, and of that what came back; the oldest is forgotten first."""

    def __init__(self, tell: Tell, capacity: int = MAX_LOST) -> None:
        self._tell = tell
        self._capacity = capacity
        self._keys: OrderedDict[Key, None] = OrderedDict()

    def lose(self, watch: Watched, host: str, reason: str, at: float) -> None:
        """Tell of a loss, and remember it."""
        key = (watch.watcher, watch.target, host)
        self._keys[key] = None
        self._keys.move_to_end(key)
        if len(self._keys) > self._capacity:
            self._keys.popitem(last=False)
        self._tell(
            Lost(
                watcher=watch.watcher,
                target=watch.target,
                host=host,
                reason=reason,
                refreshed_at=watch.refreshed_at,
                at=at,
            )
        )

    def regain(self, watcher: str, target: str, host: str) -> None:
        """Take that a phone subscribed; told only when it had lost that."""
        key = (watcher, target, host)
        if key in self._keys:
            del self._keys[key]
            self._tell(Regained(watcher=watcher, target=target, host=host))

"""Lost subscriptions: told once, what comes back as well, and bounded."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.sip.lost_watches import Lost, LostWatches, Regained


@dataclass
class Seat:
    watcher: str = "1001"
    target: str = "1002"
    refreshed_at: float = 5.0


def test_what_is_lost_and_comes_back_is_told() -> None:
    told: list[Lost | Regained] = []
    lost = LostWatches(told.append)
    lost.regain("1001", "1002", "h")
    assert told == []
    lost.lose(Seat(), "h", "no answer to NOTIFY", 9.0)
    lost.regain("1001", "1003", "h")
    lost.regain("1001", "1002", "h")
    lost.regain("1001", "1002", "h")
    first, second = told
    assert isinstance(first, Lost)
    assert (first.reason, first.refreshed_at, first.at) == ("no answer to NOTIFY", 5.0, 9.0)
    assert second == Regained(watcher="1001", target="1002", host="h")


def test_the_oldest_is_forgotten_when_there_are_too_many() -> None:
    told: list[Lost | Regained] = []
    lost = LostWatches(told.append, capacity=2)
    for number in ("1", "2", "3"):
        lost.lose(Seat(watcher=number), "h", "answer 481 to NOTIFY", 9.0)
    lost.regain("1", "1002", "h")
    lost.regain("2", "1002", "h")
    assert told[3:] == [Regained(watcher="2", target="1002", host="h")]

"""What a run notes while it goes on: measures, counts and failures, cheap enough for each act."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.simulator.report import NAMED, Failure, Spread, spread_of


@dataclass(slots=True)
class _Tally:
    count: int = 0
    phones: list[str] = field(default_factory=list)
    example: str = ""

    def note(self, phone: str, detail: str) -> None:
        self.count += 1
        self.example = self.example or detail
        if len(self.phones) < NAMED and phone not in self.phones:
            self.phones.append(phone)


class Record:
    """Notes of one run. Times are in seconds; `fetch_as` names the measure fetches go to now."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.fetch_as = "fetch"
        self._times: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._seconds: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._failures: dict[str, _Tally] = {}
        self._retried: dict[str, _Tally] = {}

    def time(self, name: str, seconds: float) -> None:
        """Note a measure."""
        self._times[name].append(seconds)

    def happened(self, name: str, moment_s: float) -> None:
        """Count an act in its second, for the rate."""
        self.counts[name] += 1
        self._seconds[name][int(moment_s)] += 1

    def rates(self) -> Mapping[str, float]:
        """Acts a second: the mean from the first to the last, and the best second."""
        found: dict[str, float] = {}
        for name, seconds in sorted(self._seconds.items()):
            lasted = max(seconds) - min(seconds) + 1
            found[name] = seconds.total() / lasted
            found[f"{name}_peak"] = float(max(seconds.values()))
        return found

    def fail(self, kind: str, phone: str, detail: str = "") -> None:
        """Note a failure that stays."""
        self._failures.setdefault(kind, _Tally()).note(phone, detail)

    def retry(self, kind: str, phone: str, detail: str = "") -> None:
        """Note a failure after which the phone tries again."""
        self._retried.setdefault(kind, _Tally()).note(phone, detail)

    def spread(self, name: str) -> Spread:
        """The measures of a name so far."""
        return spread_of(self._times.get(name, ()))

    def spreads(self) -> Mapping[str, Spread]:
        """All measures so far, by name."""
        return {name: spread_of(values) for name, values in sorted(self._times.items())}

    @property
    def failed(self) -> int:
        """How many failures stayed so far."""
        return sum(tally.count for tally in self._failures.values())

    def failures(self) -> tuple[Failure, ...]:
        """The failures that stayed, the commonest first."""
        return _listed(self._failures)

    def retried(self) -> tuple[Failure, ...]:
        """The failures that were tried again, the commonest first."""
        return _listed(self._retried)


def _listed(tallies: Mapping[str, _Tally]) -> tuple[Failure, ...]:
    found = [
        Failure(kind=kind, count=tally.count, phones=tuple(tally.phones), example=tally.example)
        for kind, tally in tallies.items()
    ]
    return tuple(sorted(found, key=lambda item: (-item.count, item.kind)))

"""What a run of many phones found: times, counts, and every failure by kind and by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

NAMED = 10
"""Phones that a kind of failure names; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a measure is spread: the value that so many per cent of all stay at or below."""

    count: int
    p50: float
    p90: float
    p99: float
    max: float


def spread_of(values: Iterable[float]) -> Spread:
    """Sort measures and find the percentiles, by nearest rank; zeros when there is none."""
    ordered = sorted(values)

    def rank(part: float) -> float:
        return ordered[max(math.ceil(part * len(ordered)), 1) - 1] if ordered else 0.0

    return Spread(count=len(ordered), p50=rank(0.5), p90=rank(0.9), p99=rank(0.99), max=rank(1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One kind of failure: how often, the first phones it befell, and what one of them was told."""

    kind: str
    count: int
    phones: tuple[str, ...]
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerRow:
    """A maker's phones: how many there are, how many are right, and how long they took to boot."""

    maker: str
    phones: int
    right: int
    boots: int
    boot_s: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One scenario's run.

    `times_s` are spreads in seconds, `counts` what happened how often, `rates` per second.
    `failures` stayed; `retried` was overcome by trying again. `figures` are the scenario's own.
    `is_whole` is False when a person ended it early.
    """

    scenario: str
    url: str
    phones: int
    seconds: float
    is_whole: bool
    figures: Mapping[str, float]
    counts: Mapping[str, int]
    rates: Mapping[str, float]
    times_s: Mapping[str, Spread]
    makers: Sequence[MakerRow]
    failures: Sequence[Failure]
    retried: Sequence[Failure]

    @property
    def is_clean(self) -> bool:
        """True when nothing failed for good."""
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON's types; times have six decimals, which are microseconds."""
        found: dict[str, Any] = _rounded(asdict(self))
        return {**found, "is_clean": self.is_clean}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value

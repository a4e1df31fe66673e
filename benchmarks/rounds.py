"""Rounds over several servers in turns, so that a busy machine is busy for all of them."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.generator import Loaded
from benchmarks.machine import Guard

BEHIND_S = 0.3
"""What a server does behind its answers (writing its journal) is a part of their cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that is loaded: how, and what its processes have used so far."""

    load: Callable[[], Loaded]
    cpu_s: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A load with its cost: CPU microseconds for an answer."""

    loaded: Loaded
    cpu_us: float

    @property
    def capacity(self) -> float:
        """Answers a second of one core that does nothing else."""
        return 1e6 / self.cpu_us if self.cpu_us else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Medians:
    """The middle of some rounds, each figure by itself; what went wrong in all tries."""

    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    spread: float
    lost: int

    def told(self) -> str:
        """In a cell of the table."""
        return f"{self.per_second:,.0f}/s, p99 {self.p99_ms:.1f} ms, {self.cpu_us:,.1f} us CPU each"


def in_turns(
    targets: Mapping[str, Target], rounds: int, guard: Guard, *, warm: int = 1
) -> dict[str, Medians]:
    """Load each target after the other, again and again; the first `warm` rounds do not count."""
    found: dict[str, list[Round]] = {name: [] for name in targets}
    lost = dict.fromkeys(targets, 0)
    for turn in range(rounds + warm):
        for name, target in targets.items():
            tries = guard.measure(lambda target=target: _once(target), target.cpu_s)  # type: ignore[misc] # bound at once
            lost[name] += sum(one.loaded.lost for one in tries)
            if turn >= warm:
                found[name].append(tries[-1])
    return {name: medians(of, lost[name]) for name, of in found.items()}


def _once(target: Target) -> Round:
    before = target.cpu_s()
    loaded = target.load()
    time.sleep(BEHIND_S)
    used = target.cpu_s() - before
    return Round(loaded=loaded, cpu_us=used / max(1, loaded.answers) * 1e6)


def percentile(values: Sequence[float], part: float) -> float:
    """The value that so large a part is not above; 0 of nothing."""
    found = sorted(values)
    return found[min(len(found) - 1, int(len(found) * part))] if found else 0.0


def medians(rounds: Sequence[Round], lost: int = 0) -> Medians:
    """The middle of each figure; `spread` is that of the cost, largest to smallest."""
    costs = [one.cpu_us for one in rounds]
    loads = [one.loaded for one in rounds]
    return Medians(
        per_second=statistics.median(one.per_second for one in loads),
        cpu_us=statistics.median(costs),
        p50_ms=statistics.median(one.p50_ms for one in loads),
        p99_ms=statistics.median(one.p99_ms for one in loads),
        max_ms=statistics.median(one.max_ms for one in loads),
        spread=max(costs) / min(costs) if min(costs) else 0.0,
        lost=lost or sum(one.lost for one in loads),
    )


def tell(text: str) -> None:
    """Say on standard error what is being done."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)

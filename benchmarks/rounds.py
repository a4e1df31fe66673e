"""Rounds over several servers in turns, so that a busy machine is busy for all of them."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.generator import Loaded
from benchmarks.machine import Guard

BEHIND_S = 0.3
"""What a server does behind its answers (writing its journal) is a part of a round's cost."""

DEFERRED_S = 4.0
"""What it puts off for longer is a part of the whole cost: so long is waited after the last one."""


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
    """The middle of some rounds, each figure by itself; what went wrong in all tries.

    `cpu_us` is the whole cost: all that was used until all was done, by all answers. `round_us` is
    the median of what each round showed.
    """

    per_second: float
    cpu_us: float
    round_us: float
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
    tried: dict[str, list[Round]] = {name: [] for name in targets}
    lost, before = dict.fromkeys(targets, 0), dict.fromkeys(targets, 0.0)
    for turn in range(rounds + warm):
        for name, target in targets.items():
            if turn == warm:
                before[name] = target.cpu_s()
            tries = _tried(target, guard)
            lost[name] += sum(one.loaded.lost for one in tries)
            if turn >= warm:
                found[name].append(tries[-1])
                tried[name] += tries
    time.sleep(DEFERRED_S)
    used = {name: target.cpu_s() - before[name] for name, target in targets.items()}
    return {
        name: replace(
            medians(found[name]),
            cpu_us=used[name] / max(1, sum(one.loaded.answers for one in tried[name])) * 1e6,
            lost=lost[name],
        )
        for name in targets
    }


def _tried(target: Target, guard: Guard) -> list[Round]:
    return guard.measure(lambda: _once(target), target.cpu_s)


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


def medians(rounds: Sequence[Round]) -> Medians:
    """The middle of each figure; `spread` is that of the cost, largest to smallest."""
    costs = [one.cpu_us for one in rounds]
    loads = [one.loaded for one in rounds]
    return Medians(
        per_second=statistics.median(one.per_second for one in loads),
        cpu_us=statistics.median(costs),
        round_us=statistics.median(costs),
        p50_ms=statistics.median(one.p50_ms for one in loads),
        p99_ms=statistics.median(one.p99_ms for one in loads),
        max_ms=statistics.median(one.max_ms for one in loads),
        spread=max(costs) / min(costs) if min(costs) else 0.0,
        lost=sum(one.lost for one in loads),
    )


def tell(text: str) -> None:
    """Say on standard error what is being done."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)

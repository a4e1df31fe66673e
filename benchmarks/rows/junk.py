"""Unknown phones at full speed: what known ones feel, what is kept, what is logged."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generator import Loaded
from benchmarks.house import running
from benchmarks.needs import MissingError
from benchmarks.nginx import Nginx
from benchmarks.phones import STRANGE, write_strangers
from benchmarks.report import Row
from benchmarks.rounds import percentile
from benchmarks.rows.fetch import journal_row, save_files, write_both
from benchmarks.run import Run

PROBES_A_SECOND = 200
WARM = 500
"""Devices asked for: a flood does not need all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flooded:
    """A flood and the known phones beside it."""

    alone: list[Loaded]
    beside: list[Loaded]
    flood: list[Loaded]


def measure(run: Run) -> list[Row]:
    """Flood ours and nginx, each phone from an address of its own, then all from one."""
    devices = min(WARM, run.size.devices)
    with run.place("junk") as folder:
        house = run.house(folder, run.size.devices)
        peer = Nginx(folder)
        strangers = 10 * run.size.devices
        macs = random.Random(2).sample(range(STRANGE, STRANGE + 8 * strangers), strangers)
        flood = write_strangers(folder / "flood", macs, 0)
        try:
            with running(house):
                save_files(house, folder / "provision", devices)
                known = write_both(folder, folder / "provision", devices)["close"]
                theirs, why = _of_peer(run, peer, known, flood)
                before = house.rss_mb(), house.log_mb()
                ours = _flooded(run, house.port, known, flood, house.count)
                house.settle()
                after = house.rss_mb(), house.log_mb()
                one = _flooded(run, house.port, known, flood, house.count, is_one_address=True)
        finally:
            peer.stop()
        grown = (after[0] - before[0], after[1] - before[1])
        return [
            _row(
                "junk",
                "known phones beside unknown MACs at full speed, each from an address of its own",
                ours,
                theirs,
                why,
                grown,
            ),
            _row(
                "junk.one_address", "the same, all unknown MACs from one address", one, theirs, why
            ),
            journal_row("junk.journal", house),
        ]


def _of_peer(run: Run, peer: Nginx, known: Path, flood: Path) -> tuple[Flooded | None, str]:
    try:
        peer.start()
    except MissingError as error:
        return None, str(error)
    return _flooded(run, peer.port, known, flood, lambda loaded: loaded), ""


def _flooded(
    run: Run,
    port: int,
    known: Path,
    flood: Path,
    count: Callable[[Loaded], Loaded],
    *,
    is_one_address: bool = False,
) -> Flooded:
    seconds = max(0.5, 2 * run.size.seconds)

    def probe() -> Loaded:
        rate = PROBES_A_SECOND
        return count(run.generator.run(port, known, seconds=seconds, rate=rate, width=500))

    found = Flooded(alone=[], beside=[], flood=[])
    count(run.generator.run(port, known, is_in_order=True))
    for _ in range(min(3, run.size.rounds)):
        found.alone.append(probe())
        flooding = run.generator.begin(
            port, flood, seconds=seconds + 0.4, is_one_address=is_one_address
        )
        time.sleep(0.2)
        found.beside.append(probe())
        found.flood.append(count(flooding.wait()))
    return found


def p99_ms(loads: list[Loaded]) -> float:
    """The middle of the rounds' 99th percentiles."""
    return percentile([load.p99_ms for load in loads], 0.5)


def _row(
    name: str,
    what: str,
    ours: Flooded,
    theirs: Flooded | None,
    why: str,
    grown: tuple[float, float] | None = None,
) -> Row:
    flood = sum(load.answers for load in ours.flood)
    rate = percentile([load.per_second for load in ours.flood], 0.5)
    lost = sum(load.lost for load in [*ours.alone, *ours.beside])
    broken = sum(load.broken for load in ours.flood)
    status: dict[str, int] = {}
    for load in ours.flood:
        for code, number in load.status.items():
            status[code] = status.get(code, 0) + number
    notes = [f"{flood:,} refused ({', '.join(f'{n:,} x {c}' for c, n in status.items())})"]
    if grown is not None:
        notes.append(f"memory +{grown[0]:.0f} MB, log +{grown[1]:.2f} MB")
    if lost or broken:
        notes.append(f"{lost} known phones not served, {broken} strangers without an answer")
    beside = p99_ms(ours.beside)
    limit = None if theirs is None else p99_ms(theirs.beside)
    return Row(
        name=name,
        what=what,
        ours=f"p99 {beside:.1f} ms beside {rate:,.0f} strangers/s "
        f"({p99_ms(ours.alone):.1f} ms alone)",
        limit=why
        if theirs is None or limit is None
        else f"nginx: p99 {limit:.1f} ms beside "
        f"{percentile([it.per_second for it in theirs.flood], 0.5):,.0f}/s "
        f"({p99_ms(theirs.alone):.1f} ms alone)",
        ratio=None if limit is None else limit / beside,
        by="p99",
        is_right=not lost and not broken and "200" not in status,
        notes="; ".join(notes),
        numbers={
            "p99_ms": beside,
            "alone_p99_ms": p99_ms(ours.alone),
            "per_second": rate,
            "strangers": flood,
            **({} if grown is None else {"memory_mb": grown[0], "log_mb": grown[1]}),
        },
    )

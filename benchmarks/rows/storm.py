"""A power cut is over: all phones fetch all their files and register at once; none may be lost."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.house import House, running
from benchmarks.phones import fill_with
from benchmarks.processes import LOAD_CORE, pinned
from benchmarks.report import Row
from benchmarks.run import Run
from benchmarks.storm_phones import FIRST_NUMBER, PATIENCE_S
from offhook.simulator.site import planned

NEEDED = ("fetch.close.peer_cpu_us", "register.peer_cpu_us")


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What the phones reported, and what the server used."""

    report: Mapping[str, Any]
    cpu_s: float
    memory_mb: float
    rows: int

    @property
    def fetches(self) -> int:
        """Requests of files that were answered."""
        return int(self.report["counts"].get("fetch", 0))

    @property
    def registrations(self) -> int:
        """Registrations made."""
        return int(self.report["counts"].get("register", 0))


def measure(run: Run) -> list[Row]:
    """Boot all phones of all makers at once."""
    count = run.size.devices
    with run.place("storm") as folder:
        asyncio.run(fill_with(folder, planned(count, FIRST_NUMBER)))
        house = House(folder, python=run.python)
        with running(house):
            before = house.cpu_s()
            report = _played(house, count, folder)
            time.sleep(1)
            used, memory_mb = house.cpu_s() - before, house.rss_mb()
        storm = Storm(report=report, cpu_s=used, memory_mb=memory_mb, rows=house.rows())
    return [_row(run, storm, count)]


def _played(house: House, count: int, folder: Path) -> dict[str, Any]:
    with pinned(LOAD_CORE), (folder / "storm.json").open("w+") as output:
        subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.storm_phones"),
                *(f"{house.server.url}/provision/", str(count)),
            ],
            stdout=output,
            check=True,
            timeout=PATIENCE_S + 60,
        )
        output.seek(0)
        found: dict[str, Any] = json.load(output)
    return found


def _row(run: Run, storm: Storm, count: int) -> Row:
    right, seconds = int(storm.report["figures"]["right"]), float(storm.report["seconds"])
    tries = sum(item["count"] for item in storm.report["retried"])
    limit, ratio = _limit(run, storm)
    notes = [f"{right:,} of {count:,} right, {count - right} lost"]
    # What a phone gave up on and asked again was answered, and is on record, all the same.
    is_kept = storm.rows >= storm.fetches if tries else storm.rows == storm.fetches
    if storm.rows != storm.fetches:
        notes.append(f"{storm.rows:,} history rows for {storm.fetches:,} answers")
    notes += [f"{item['count']} x {item['kind']}" for item in storm.report["failures"][:3]]
    notes += [f"{tries:,} tries were made again"] if tries else []
    return Row(
        name="storm",
        what=f"{count:,} phones of all makers boot at once: every file, then registered",
        ours=f"all right after {seconds:.1f} s: {storm.fetches:,} fetches, "
        f"{storm.registrations:,} registrations; {storm.cpu_s:.1f} s CPU "
        f"({storm.cpu_s / seconds:.0%} of its core), {storm.memory_mb:.0f} MB",
        limit=limit,
        ratio=ratio,
        by="cost",
        is_right=right == count and is_kept,
        notes="; ".join(notes),
        numbers={
            "phones": count,
            "seconds": seconds,
            "cpu_s": storm.cpu_s,
            "fetches": storm.fetches,
            "registrations": storm.registrations,
            "memory_mb": storm.memory_mb,
            "lost": count - right,
        },
    )


def _limit(run: Run, storm: Storm) -> tuple[str, float | None]:
    """The same fetches by nginx and registrations by Kamailio, at this run's cost of each."""
    if not all(name in run.numbers for name in NEEDED):
        return "needs the rows fetch and register of the same run", None
    fetch_us, register_us = (run.numbers[name] for name in NEEDED)
    least_s = (storm.fetches * fetch_us + storm.registrations * register_us) / 1e6
    told = f"as many fetches of nginx and registrations of Kamailio: {least_s:.1f} s CPU"
    return told, least_s / storm.cpu_s

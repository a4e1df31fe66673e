"""Starting with 1,000 to 100,000 devices: time to the first file, memory."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.house import House
from benchmarks.phones import FIRST, fetched, see_all
from benchmarks.processes import CORE, children_s, pinned
from benchmarks.report import Row
from benchmarks.run import Run

TABLES = ("extensions", "devices", "lines", "sightings", "deliveries", "registrations")
ROUNDS = 2
"""The first start reads the disk and writes what a first start has to; the least counts."""

_MEMORY = "print([l for l in open('/proc/self/status') if l.startswith('VmRSS')][0].split()[1])"
_BARE = f"import sqlite3\n{_MEMORY}"
_IMPORTED = f"import offhook.cli.running\n{_MEMORY}"
_READ = f"""import sqlite3, sys
base = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True)
kept = [base.execute('select * from ' + name).fetchall() for name in sys.argv[2].split(',')]
{_MEMORY}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Wall time and CPU time until it was done, memory then and when all was quiet.

    `api_s` is the wall time until the API answered, which phones do not wait for.
    """

    seconds: float
    cpu_s: float
    memory_mb: float
    settled_mb: float = 0.0
    api_s: float = 0.0


def measure(run: Run) -> list[Row]:
    """One row for each size."""
    return [_one(run, devices) for devices in run.size.fleets]


def _one(run: Run, devices: int) -> Row:
    with run.place("fleet") as folder:
        house = run.house(folder, devices)
        base = folder / "data" / "offhook.db"
        see_all(base, devices)
        starts, limits = [], []
        for _ in range(ROUNDS):
            starts.append(_started(house))
            limits.append(_least(run.python, base))
        settled_mb = starts[-1].settled_mb
        size_mb = base.stat().st_size / 1e6
    ours, least = (min(of, key=lambda one: one.cpu_s) for of in (starts, limits))
    return Row(
        name=f"fleets.{devices}",
        what=f"start with {devices:,} devices, seen and registered, until the first file is "
        "fetched; memory",
        ours=f"{ours.seconds:.1f} s ({ours.cpu_s:.1f} s CPU); {ours.memory_mb:.0f} MB, "
        f"{settled_mb:.0f} MB when all is quiet",
        limit="the imports, and the rows read by the bare driver: "
        f"{least.seconds:.1f} s ({least.cpu_s:.1f} s CPU), {least.memory_mb:.0f} MB",
        ratio=least.cpu_s / ours.cpu_s,
        by="CPU time",
        notes=f"the API answers after {ours.api_s:.1f} s; "
        f"memory: {least.memory_mb / settled_mb:.2f} of the limit; database {size_mb:.0f} MB",
        numbers={
            "devices": devices,
            "seconds": ours.seconds,
            "cpu_s": ours.cpu_s,
            "api_s": ours.api_s,
            "memory_mb": settled_mb,
            "least_s": least.seconds,
            "least_cpu_s": least.cpu_s,
            "least_mb": least.memory_mb,
        },
    )


def _started(house: House) -> Start:
    """Start and fetch a file, then ask the API."""
    begun = time.monotonic()
    house.launch()
    try:
        fetched(house.port, FIRST)
        house.answered += 1
        seconds = time.monotonic() - begun
        used, memory_mb = house.cpu_s(), house.rss_mb()
        house.await_api()
        api_s = time.monotonic() - begun
        house.settle()
        return Start(
            seconds=seconds,
            cpu_s=used,
            memory_mb=memory_mb,
            settled_mb=house.rss_mb(),
            api_s=api_s,
        )
    finally:
        house.stop()


def _least(python: str, base: Path) -> Start:
    """What cannot be gone below: our imports, and the rows read by the bare driver."""
    imported = _run_python(python, _IMPORTED)
    bare = _run_python(python, _BARE)
    read = _run_python(python, _READ, str(base), ",".join(TABLES))
    return Start(
        seconds=imported.seconds + max(0, read.seconds - bare.seconds),
        cpu_s=imported.cpu_s + max(0, read.cpu_s - bare.cpu_s),
        memory_mb=imported.memory_mb + max(0, read.memory_mb - bare.memory_mb),
    )


def _run_python(python: str, text: str, *arguments: str) -> Start:
    begun, used = time.monotonic(), children_s()
    with pinned(CORE):
        done = subprocess.run(
            [python, "-c", text, *arguments], capture_output=True, text=True, check=True
        )
    seconds = time.monotonic() - begun
    return Start(seconds=seconds, cpu_s=children_s() - used, memory_mb=int(done.stdout) / 1024)

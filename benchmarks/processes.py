"""Where measured processes run and what they used."""

from __future__ import annotations

import os
import re
import resource
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

CORE = min(os.sched_getaffinity(0))
LOAD_CORE = max(os.sched_getaffinity(0))
"""The server's core, and the load's; on a machine of one core they share it."""


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started within runs on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def standing_still(pids: Iterable[int]) -> Iterator[None]:
    """Stop processes with their children for the length of a block.

    What a server put off while it was measured (Kamailio writes its locations every five seconds)
    would else be done while the next one is.
    """
    stopped = [one for pid in pids for one in family(pid)]
    for one in stopped:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in stopped:
            os.kill(one, signal.SIGCONT)


def cpu_s(pid: int) -> float:
    """User and system time of a process and its children."""
    return sum(_cpu_of(one) for one in family(pid))


def rss_mb(pid: int) -> float:
    """Resident memory of a process and its children."""
    total_kb = 0
    for one in family(pid):
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text())
        total_kb += int(found[1]) if found else 0
    return total_kb / 1024


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _cpu_of(pid: int) -> float:
    # The clock of clock_getcpuclockid(3), in nanoseconds, ended threads included; /proc/PID/stat
    # counts in hundredths of a second.
    return time.clock_gettime((~pid << 3) | 2)


def children_s() -> float:
    """CPU time of our children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

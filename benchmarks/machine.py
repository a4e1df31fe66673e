"""The machine a run was made on, and the time that was not ours."""

from __future__ import annotations

import os
import platform
import re
import resource
import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

STEAL_LIMIT = 0.02
OTHERS_LIMIT = 0.15
REPEATS, REPEATS_IN_ALL = 2, 20
_FLAGS = (
    "import sys, sysconfig; "
    "print(sys.version.replace(chr(10), ' ')); "
    "print(sysconfig.get_config_var('CONFIG_ARGS') or '')"
)


def describe(python: str) -> dict[str, Any]:
    """Name the machine and what was measured on it; `python` is the servers' interpreter."""
    version, flags = _first_lines(python, "-c", _FLAGS)
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": version,
        "python_flags": " ".join(shown_flags(flags)),
        "is_optimised": "--enable-optimizations" in flags,
        "uvloop": _first_lines(python, "-c", "import uvloop; print(uvloop.__version__)")[0],
        "nginx": _first_lines("nginx", "-v")[0],
        "kamailio": _first_lines("kamailio", "-v")[0],
        "somaxconn": _kernel_value("net/core/somaxconn"),
        "rmem_max": _kernel_value("net/core/rmem_max"),
        "load_at_start": [round(item, 2) for item in os.getloadavg()],
    }


def shown_flags(flags: str) -> list[str]:
    """Those that change how fast it is; paths of the machine are left out."""
    return [
        word
        for word in shlex.split(flags)
        if word.startswith(("--enable", "--with", "CFLAGS", "OPT")) and "/" not in word
    ]


def _cpu_model() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.processor()


def _kernel_value(name: str) -> int:
    return int(Path("/proc/sys", name).read_text())


def _first_lines(*command: str) -> tuple[str, str]:
    """Give two lines of what a command says, empty when it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "", ""
    lines = [*(done.stdout or done.stderr).splitlines(), "", ""]
    return ("", "") if done.returncode else (lines[0], lines[1])


@dataclass(frozen=True, slots=True)
class Jiffies:
    """The machine's time so far, in ticks: all, worked, stolen by the host."""

    total: int
    busy: int
    stolen: int

    def share_since(self, before: Jiffies) -> tuple[float, float]:
        """Give the shares of the time since then that were worked, and stolen."""
        total = max(1, self.total - before.total)
        return (self.busy - before.busy) / total, (self.stolen - before.stolen) / total


def parse_jiffies(line: str) -> Jiffies:
    """Read the first line of /proc/stat (proc(5): guest time is a part of user time)."""
    user, nice, system, idle, waiting, irq, soft, stolen = map(int, line.split()[1:9])
    busy = user + nice + system + irq + soft
    return Jiffies(busy + idle + waiting + stolen, busy, stolen)


def jiffies() -> Jiffies:
    """Ask now."""
    with Path("/proc/stat").open() as file:
        return parse_jiffies(file.readline())


def _own_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in used)


@dataclass(frozen=True, slots=True)
class Watched(Generic[T]):
    """What a measurement gave, with the shares of the machine that others took meanwhile."""

    found: T
    stolen: float
    others: float

    @property
    def is_disturbed(self) -> bool:
        """True when the figure should not be trusted."""
        return self.stolen > STEAL_LIMIT or self.others > OTHERS_LIMIT


@dataclass(slots=True)
class Guard:
    """Measures again what was disturbed, a few times at most, and keeps count."""

    look: Callable[[], Jiffies] = jiffies
    repeated: int = 0
    kept_disturbed: int = 0
    worst_stolen: float = 0.0
    worst_others: float = 0.0

    def measure(self, measured: Callable[[], T], cpu_s: Callable[[], float]) -> list[T]:
        """Give every try's result, the one to use last. `cpu_s` is what the server has used."""
        tries = [self._watch(measured, cpu_s)]
        while tries[-1].is_disturbed and len(tries) <= REPEATS and self.repeated < REPEATS_IN_ALL:
            self.repeated += 1
            tries.append(self._watch(measured, cpu_s))
        tries.sort(key=lambda one: (one.is_disturbed, one.stolen + one.others), reverse=True)
        used = tries[-1]
        self.kept_disturbed += used.is_disturbed
        self.worst_stolen = max(self.worst_stolen, used.stolen)
        self.worst_others = max(self.worst_others, used.others)
        return [one.found for one in tries]

    def _watch(self, measured: Callable[[], T], cpu_s: Callable[[], float]) -> Watched[T]:
        before, used, began_s = self.look(), cpu_s() + _own_s(), time.monotonic()
        found = measured()
        spent = cpu_s() + _own_s() - used
        busy, stolen = self.look().share_since(before)
        machine_s = (time.monotonic() - began_s) * (os.cpu_count() or 1)
        return Watched(found, stolen, max(0.0, busy - spent / max(machine_s, 0.01)))

    def told(self) -> dict[str, float]:
        """Say what it saw."""
        return {
            "rounds_repeated": self.repeated,
            "rounds_kept_disturbed": self.kept_disturbed,
            "worst_stolen": round(self.worst_stolen, 4),
            "worst_others": round(self.worst_others, 4),
        }

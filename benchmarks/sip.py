"""REGISTER with digest on one core: ours and Kamailio in the same run, in turns.

Run by hand: `make bench-sip`, or `.venv/bin/python -m benchmarks.sip [--users 5000] [--rounds 5]
[--seconds 6] [--only engine,kamailio,serve] [--python /usr/bin/python3] [--json file]`. It needs
two cores, SIPp and Kamailio with SQLite. Every server stands on core 0, SIPp on core 1; all get
the same scenario, users and addresses; the others stand still meanwhile. `--python` is the
interpreter of our servers: a distribution's is optimised, one built by hand often is not. Per round
and server:

- saturated: 100 registrations open at any moment, as fast as answers come;
- clean: the highest rate of a ladder at which nothing failed and nothing was sent twice;
- CPU: user and system time of the server's processes per registration, at the saturated rate.
  On a machine that is shared this is the figure to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.processes import LOAD_CORE, cpu_s, standing_still
from benchmarks.sip_engine import numbers
from benchmarks.sip_servers import SipServer, lend_packages, make_server
from benchmarks.sipp import SCENARIOS, Counts, Sipp, write_phones

OPEN = 100
STEP, STEPS = 0.92, 8


@dataclass(slots=True)
class Figures:
    """What each round gave; rates a second."""

    saturated: list[float] = field(default_factory=list)
    clean: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    lost: int = 0

    def medians(self) -> dict[str, float]:
        """The middle of each."""
        kinds = {"saturated": self.saturated, "clean": self.clean, "cpu_us": self.cpu_us}
        return {name: round(statistics.median(found), 1) for name, found in kinds.items()}


class Bench:
    """One run: servers that are all up, asked in turns."""

    def __init__(self, folder: Path, users: int, seconds: float) -> None:
        self._folder = folder
        self._users = users
        self._seconds = seconds
        self._phones = write_phones(folder / "phones.csv", numbers(users))
        self._runs = 0

    def register(self, server: SipServer, count: int, *load: str) -> Counts:
        """Register so many times, with a load of SIPp's own words."""
        self._runs += 1
        sipp = Sipp(
            self._folder / "sipp",
            f"{self._runs}-{server.name.replace(' ', '-')}",
            LOAD_CORE,
            *(f"127.0.0.1:{server.port}", "-sf", str(SCENARIOS / "register.xml")),
            *("-inf", str(self._phones), "-t", "ui", "-ip_field", "2", "-i", "127.0.1.1"),
            *("-m", str(count), "-key", "expires", "3600", *load),
        )
        return sipp.wait(60 + 10 * self._seconds)

    def round(self, server: SipServer, figures: Figures) -> None:
        """Measure one server once."""
        count = int(max(figures.saturated[-1:] or [1000.0]) * self._seconds)
        before = cpu_s(server.pid)
        full = self.register(server, count, "-users", str(OPEN))
        used = cpu_s(server.pid) - before
        figures.lost += full.failed
        figures.saturated.append(full.good / full.seconds)
        figures.cpu_us.append(used / full.good * 1e6)
        figures.clean.append(self._clean_rate(server, figures.saturated[-1]))
        print(
            f"{server.name:16} saturated {figures.saturated[-1]:6.0f}/s "
            f"clean {figures.clean[-1]:6.0f}/s CPU {figures.cpu_us[-1]:5.0f} us "
            f"({full.failed} failed, {full.retransmitted} sent twice)",
            flush=True,
        )

    def _clean_rate(self, server: SipServer, saturated: float) -> float:
        rate = saturated
        for _ in range(STEPS):
            rate *= STEP
            load = ("-r", str(round(rate)), "-l", "5000")
            found = self.register(server, int(rate * self._seconds), *load)
            if found.is_clean and found.good / found.seconds > 0.95 * rate:
                return found.good / found.seconds
        return 0.0


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Start all, measure in turns, stop all."""
    chosen = arguments.only.split(",")
    figures = {name: Figures() for name in chosen}
    with tempfile.TemporaryDirectory() as name:
        servers: dict[str, SipServer] = {}
        for kind in chosen:
            folder = Path(name) / kind
            folder.mkdir()
            servers[kind] = make_server(kind, folder, arguments.users, arguments.python)
        bench = Bench(Path(name), arguments.users, arguments.seconds)
        try:
            for server in servers.values():
                server.start()
                bench.register(server, arguments.users, "-users", str(OPEN))  # all are known
            for _ in range(arguments.rounds):
                for kind, server in servers.items():
                    with standing_still(it.pid for it in servers.values() if it is not server):
                        bench.round(server, figures[kind])
        finally:
            for server in servers.values():
                if server.pid:
                    server.stop()
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "python": said(arguments.python, "-VV"),
        "kamailio": said("kamailio", "-v"),
        "load_average": os.getloadavg(),
        "users": arguments.users,
        "rounds": {kind: asdict(found) for kind, found in figures.items()},
        "medians": {kind: found.medians() for kind, found in figures.items()},
    }


def said(*command: str) -> str:
    """The first line a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[0]


def tell(result: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print medians, and how many times Kamailio's."""
    theirs = result["medians"].get("kamailio")
    for kind, ours in result["medians"].items():
        print(f"{kind:10} {ours}", end="")
        if theirs and kind != "kamailio":
            ratios = {name: round(ours[name] / (theirs[name] or 1), 2) for name in ours}
            print(f"  of Kamailio's: {ratios}", end="")
        print()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--only", default="engine,kamailio,serve")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    lend_packages()
    found = run(chosen)
    tell(found)  # type: ignore[arg-type] # medians are what it reads
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")

"""An office at work on the embedded engine: phones that refresh, calls, for minutes; then a ramp.

Run by hand: `.venv/bin/python -m benchmarks.sip_soak [--minutes 10] [--phones 1000] [--calls 20]
[--ramp 40,60,...] [--json file]`. A real `offhook serve`; every phone registers anew each 35 to 60
seconds with digest, and so many calls a second are made (INVITE, digest, two seconds of talk, BYE,
all through the proxy). Nothing may be lost, and memory may not grow: it is sampled once the first
two minutes have filled what has a fixed size (answers, notes of each phone, caches), and the median
of the last third is compared with that of the first. Then the rate of calls rises until some fail.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.integration.kamailio import free_ports

from benchmarks.processes import LOAD_CORE, cpu_s, rss_mb
from benchmarks.sip_engine import numbers
from benchmarks.sip_servers import ServeServer
from benchmarks.sipp import SCENARIOS, Counts, Sipp, secret_of, write_phones

PAIRS = 200
MEAN_PAUSE_S = 47.5
SAMPLE_S = 5.0
WARM_S = 120.0
RAMP_S = 15


class Office:
    """The phones of the soak, around one server."""

    def __init__(self, folder: Path, server: ServeServer, phones: int) -> None:
        self._folder, self._server = folder, server
        everybody = numbers(phones + 2 * PAIRS)
        self._phones = write_phones(folder / "phones.csv", everybody[:phones])
        self._count = phones
        self._callers = everybody[phones : phones + PAIRS]
        self._callees = everybody[phones + PAIRS :]
        self._caller_port, self._callee_port = free_ports(2)
        self._pairs = folder / "pairs.csv"
        rows = (
            f"{one};[authentication username={one} password={secret_of(one)}];127.0.0.1;{other}"
            for one, other in zip(self._callers, self._callees, strict=True)
        )
        self._pairs.write_text("\n".join(("SEQUENTIAL", *rows)) + "\n")

    def sipp(self, scenario: str, name: str, *arguments: str) -> Sipp:
        """Start SIPp against the server."""
        place = f"127.0.0.1:{self._server.port}"
        return Sipp(self._folder / "sipp", name, LOAD_CORE, place, "-sf", scenario, *arguments)

    def sign_in(self) -> None:
        """Register the callers and the callees from the ports they call and are called at."""
        sides = ((self._callers, self._caller_port), (self._callees, self._callee_port))
        for side, (who, port) in enumerate(sides):
            file = self._folder / f"side{side}.csv"
            file.write_text(_at_loopback(who))
            found = self.sipp(
                str(SCENARIOS / "register.xml"),
                f"side{side}",
                *("-inf", str(file), "-i", "127.0.0.1", "-p", str(port), "-t", "u1"),
                *("-m", str(PAIRS), "-r", "200", "-key", "expires", "7200"),
            ).wait(60)
            assert found.good == PAIRS, found

    def refresh(self, seconds: float) -> Sipp:
        """Start the phones that stay and refresh."""
        times = max(2, round(seconds / MEAN_PAUSE_S))
        scenario = self._folder / "phone.xml"
        text = (SCENARIOS / "phone.xml").read_text()
        scenario.write_text(text.replace('value="REFRESHES"', f'value="{times}"'))
        return self.sipp(
            str(scenario),
            "phones",
            *("-inf", str(self._phones), "-t", "ui", "-ip_field", "2", "-i", "127.0.1.1"),
            *("-m", str(self._count), "-users", str(self._count)),
        )

    def answer(self) -> Sipp:
        """Start what answers calls."""
        return self.sipp(
            str(SCENARIOS / "callee.xml"),
            "callees",
            *("-i", "127.0.0.1", "-p", str(self._callee_port), "-t", "u1"),
        )

    def call(self, name: str, rate: int, seconds: float) -> Sipp:
        """Start calls at a rate."""
        return self.sipp(
            str(SCENARIOS / "caller.xml"),
            name,
            *("-inf", str(self._pairs), "-i", "127.0.0.1", "-p", str(self._caller_port)),
            *("-t", "u1", "-r", str(rate), "-m", str(int(rate * seconds)), "-l", "20000"),
        )


def _at_loopback(who: list[str]) -> str:
    rows = (
        f"{one};[authentication username={one} password={secret_of(one)}];127.0.0.1" for one in who
    )
    return "\n".join(("SEQUENTIAL", *rows)) + "\n"


def sample(pid: int, sipps: list[Sipp], until: float) -> list[tuple[float, float]]:
    """Watch memory (MB) and CPU (seconds) until a moment, or until all have ended."""
    taken = []
    while time.monotonic() < until and any(one.process.poll() is None for one in sipps):
        taken.append((rss_mb(pid), cpu_s(pid)))
        time.sleep(SAMPLE_S)
    return taken


def soak(office: Office, server: ServeServer, seconds: float, rate: int) -> dict[str, Any]:
    """Let the office work."""
    phones, calls = office.refresh(seconds), office.call("calls", rate, seconds)
    taken = sample(server.pid, [phones, calls], time.monotonic() + seconds + 120)
    memory = [round(mb, 1) for mb, _ in taken]
    warm = int(min(WARM_S, seconds / 3) / SAMPLE_S)
    minutes, memory = memory[:: int(60 / SAMPLE_S)], memory[warm:]
    third = max(1, len(memory) // 3)
    first, last = statistics.median(memory[:third]), statistics.median(memory[-third:])
    return {
        "registering": asdict(phones.wait(30)),
        "calls": asdict(calls.wait(30)),
        "engine_failures": server.counters()["failed"],
        "memory_mb": {"first_third": first, "last_third": last, "minutes": minutes},
        "cpu_percent": round((taken[-1][1] - taken[0][1]) / (len(taken) * SAMPLE_S) * 100, 1),
    }


def ramp(office: Office, server: ServeServer, rates: list[int]) -> list[dict[str, Any]]:
    """Call faster and faster until calls are lost."""
    steps: list[dict[str, Any]] = []
    for rate in rates:
        before = cpu_s(server.pid)
        found: Counts = office.call(f"ramp{rate}", rate, RAMP_S).wait(RAMP_S + 90)
        used = (cpu_s(server.pid) - before) / max(1, found.good)
        steps.append({"rate": rate, "cpu_ms_a_call": round(used * 1000, 2), **asdict(found)})
        print(steps[-1], flush=True)
        if found.failed:
            break
    return steps


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything, on one server."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = ServeServer(folder, arguments.phones + 2 * PAIRS)
        server.start()
        answering = None
        try:
            office = Office(folder, server, arguments.phones)
            office.sign_in()
            answering = office.answer()
            result = soak(office, server, arguments.minutes * 60, arguments.calls)
            print(json.dumps(result, indent=2), flush=True)
            result["ramp"] = ramp(office, server, [int(it) for it in arguments.ramp.split(",")])
        finally:
            if answering is not None:
                answering.stop()
            server.stop()
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--phones", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--ramp", default="40,60,80,100,120,140,160,180,200,220,240")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    told = run(chosen)
    if chosen.json:
        chosen.json.write_text(json.dumps(told, indent=2) + "\n")

"""Registrations with digest, beside Kamailio."""

from __future__ import annotations

import csv
import statistics
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.needs import MissingError, needed
from benchmarks.processes import cpu_s, standing_still
from benchmarks.report import Row
from benchmarks.rounds import DEFERRED_S, percentile
from benchmarks.run import Run
from benchmarks.sip import OPEN, Bench
from benchmarks.sip_engine import numbers
from benchmarks.sip_servers import ServeServer, SipServer, lend_packages, make_server
from benchmarks.sipp import Counts

CALM = 0.7
SECONDS = 2.5
ROUNDS = 3
LEAST_USERS = 1_000
"""Fewer would register twice at the same moment, which phones do not."""


@dataclass(slots=True)
class Found:
    """What the rounds of one server gave; `cpu_us` is all it used by all registrations."""

    per_second: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    calm_p99_ms: list[float] = field(default_factory=list)
    cpu_us: float = 0.0
    good: int = 0
    failed: int = 0
    sent_twice: int = 0

    def told(self) -> str:
        """In a cell."""
        return (
            f"{middle(self.per_second):,.0f}/s, p99 {middle(self.p99_ms):.0f} ms "
            f"({middle(self.calm_p99_ms):.0f} ms at 70 %), {self.cpu_us:,.0f} us CPU each"
        )


def middle(values: Iterable[float]) -> float:
    """Median, 0 of nothing."""
    found = list(values)
    return statistics.median(found) if found else 0.0


def measure(run: Run) -> list[Row]:
    """Register everybody again and again, as fast as answers come, then at 70 % of that."""
    needed("sipp", "sip-tester")
    lend_packages()
    users = max(LEAST_USERS, run.size.devices // 2)
    with run.place("register") as folder, ExitStack() as stack:
        bench = Bench(folder, users, SECONDS)
        servers, why = _started(run, folder, users, stack)
        found = {name: Found() for name in servers}
        for server in servers.values():
            _timed(bench, folder, server, users)  # all are known
        before = {name: cpu_s(server.pid) for name, server in servers.items()}
        for _ in range(min(ROUNDS, run.size.rounds)):
            for name, server in servers.items():
                with standing_still(it.pid for it in servers.values() if it is not server):
                    _round(run, bench, folder, server, found[name])
        time.sleep(DEFERRED_S)
        for name, server in servers.items():
            used = cpu_s(server.pid) - before[name]
            found[name].cpu_us = used / max(1, found[name].good) * 1e6
        held = _held(servers["offhook"])
    return [_row(found["offhook"], found.get("kamailio"), why, held, users)]


def _started(
    run: Run, folder: Path, users: int, stack: ExitStack
) -> tuple[dict[str, SipServer], str]:
    kinds, why = {"offhook": "serve", "kamailio": "kamailio"}, ""
    try:
        needed("kamailio", "kamailio kamailio-sqlite-modules kamailio-json-modules")
    except MissingError as error:
        kinds, why = {"offhook": "serve"}, str(error)
    servers = {}
    for name, kind in kinds.items():
        own = folder / kind
        own.mkdir()
        servers[name] = make_server(kind, own, users, run.python)
        servers[name].start()
        stack.callback(servers[name].stop)
    return servers, why


def _timed(
    bench: Bench, folder: Path, server: SipServer, count: int, *load: str
) -> tuple[Counts, float]:
    """Register and give the counts and the 99th percentile of the time to the 200, in ms."""
    how = load or ("-users", str(OPEN))
    before = set((folder / "sipp").glob("*_rtt.csv"))
    counts = bench.register(server, count, *how, "-trace_rtt", "-rtt_freq", "10")
    taken: list[float] = []
    for file in set((folder / "sipp").glob("*_rtt.csv")) - before:
        taken += read_rtt(file.read_text().splitlines())
        file.unlink()
    return counts, percentile(taken, 0.99)


def read_rtt(lines: Iterable[str]) -> list[float]:
    """The milliseconds of SIPp's `-trace_rtt`: date;milliseconds;name."""
    rows = list(csv.reader(lines, delimiter=";"))
    return [float(row[1]) for row in rows[1:] if len(row) >= 2]


def _round(run: Run, bench: Bench, folder: Path, server: SipServer, found: Found) -> None:
    def once() -> tuple[Counts, float]:
        count = int(max(found.per_second[-1:] or [1500.0]) * run.size.seconds * 2)
        counts, p99_ms = _timed(bench, folder, server, max(count, 2 * OPEN))
        _note(found, counts)
        return counts, p99_ms

    counts, p99_ms = run.guard.measure(once, lambda: cpu_s(server.pid))[-1]
    found.per_second.append(counts.good / counts.seconds)
    found.p99_ms.append(p99_ms)
    rate = CALM * found.per_second[-1]
    load = ("-r", str(round(rate)), "-l", "5000")
    calm, calm_p99_ms = _timed(bench, folder, server, max(100, int(rate * run.size.seconds)), *load)
    _note(found, calm)
    found.calm_p99_ms.append(calm_p99_ms)


def _note(found: Found, counts: Counts) -> None:
    found.good += counts.good
    found.failed += counts.failed
    found.sent_twice += counts.retransmitted


def _held(server: SipServer) -> int:
    """How many extensions are registered now, by its own word."""
    assert isinstance(server, ServeServer)
    return server.registered()


def _row(ours: Found, theirs: Found | None, why: str, held: int, users: int) -> Row:
    is_right = held == len(numbers(users)) and not ours.failed
    notes = [f"{held:,} of {users:,} extensions registered at the end, {ours.failed} failed"]
    if ours.sent_twice:
        notes.append(f"{ours.sent_twice} sent twice")
    return Row(
        name="register",
        what="REGISTER with digest (401, then 200), 100 open at any moment",
        ours=ours.told(),
        limit=why if theirs is None else f"Kamailio: {theirs.told()}",
        ratio=None if theirs is None else theirs.cpu_us / ours.cpu_us,
        by="cost",
        is_right=is_right,
        notes="; ".join(notes),
        numbers={
            "per_second": middle(ours.per_second),
            "p99_ms": middle(ours.p99_ms),
            "calm_p99_ms": middle(ours.calm_p99_ms),
            "cpu_us": ours.cpu_us,
            **({} if theirs is None else _of_peer(theirs)),
        },
    )


def _of_peer(theirs: Found) -> dict[str, float]:
    return {
        "peer_per_second": middle(theirs.per_second),
        "peer_p99_ms": middle(theirs.p99_ms),
        "peer_cpu_us": theirs.cpu_us,
    }

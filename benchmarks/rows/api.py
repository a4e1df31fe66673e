"""Devices registered through the API: one by one, and many in one call."""

from __future__ import annotations

import http.client
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.generator import Loaded
from benchmarks.house import House, running
from benchmarks.phones import fetched, write_fetches
from benchmarks.processes import CORE, pinned
from benchmarks.report import Row
from benchmarks.rows.fetch import journal_row
from benchmarks.run import Run

SINGLES = 300
NEW, NEW_NUMBER = 0x001565C00000, 700_000
EXTENSIONS, DEVICES = "/api/extensions", "/api/provisioning/devices"
PROBES_A_SECOND = 100
TIMEOUT_S = 240


def measure(run: Run) -> list[Row]:
    """Extension and device by two calls each, then many in two calls."""
    singles = min(SINGLES, run.size.bulk)
    with run.place("api") as folder:
        house = run.house(folder, run.size.devices)
        known = write_fetches(folder / "known", min(500, run.size.devices))
        with running(house):
            house.count(run.generator.run(house.port, known, is_in_order=True))
            before = house.server.api("GET", "/api/status")["devices"]
            single_s = _timed(lambda: _add_each(house, range(singles)))
            bulk = range(singles, singles + run.size.bulk)
            devices_s: list[float] = []
            bulk_s, meanwhile = _beside(
                run, house, known, lambda: devices_s.append(_add_all(house, bulk))
            )
            after = house.server.api("GET", "/api/status")["devices"]
            right = _right(house, [0, singles - 1, bulk[0], bulk[-1]])
        is_right = right and after - before == singles + len(bulk) and not meanwhile.lost
        commit_s = _commits_s(folder, 2 * singles, 1)
        rows_s = _commits_s(folder, 2, 3 * len(bulk) // 2)
        kept = journal_row("api.journal", house)
    notes = (
        f"the devices' call {devices_s[0]:.2f} s; "
        f"known phones fetched meanwhile with p99 {meanwhile.p99_ms:.1f} ms, "
        f"worst {meanwhile.max_ms:.0f} ms"
    )
    return [
        _row(
            "api.single",
            f"{singles:,} phones, extension and device by a call each",
            (singles, single_s, commit_s),
            f"an fsync'd commit of one row for each call: {commit_s:.2f} s",
            is_right=is_right,
        ),
        _row(
            "api.bulk",
            f"{len(bulk):,} extensions in one call and {len(bulk):,} devices in another",
            (len(bulk), bulk_s, rows_s),
            f"their rows written by the bare driver in a commit for each call: {rows_s:.2f} s",
            is_right=is_right,
            notes=notes,
        ),
        kept,
    ]


def _add_each(house: House, indices: Sequence[int]) -> None:
    link = http.client.HTTPConnection("127.0.0.1", house.port, timeout=TIMEOUT_S)
    for index in indices:
        _post(link, EXTENSIONS, _extension(index))
        _post(link, DEVICES, _device(index))
    link.close()


def _add_all(house: House, indices: Sequence[int]) -> float:
    """Add them in two calls; gives the seconds of the devices'."""
    link = http.client.HTTPConnection("127.0.0.1", house.port, timeout=TIMEOUT_S)
    _post(link, f"{EXTENSIONS}/bulk", {"extensions": [_extension(index) for index in indices]})
    devices = [_device(index) for index in indices]
    seconds = _timed(lambda: _post(link, f"{DEVICES}/bulk", {"devices": devices}))
    link.close()
    return seconds


def _extension(index: int) -> dict[str, object]:
    return {"number": str(NEW_NUMBER + index), "name": f"New {index}"}


def _device(index: int) -> dict[str, object]:
    return {
        "mac_address": f"{NEW + index:012x}",
        "extension_number": str(NEW_NUMBER + index),
        "vendor": "yealink",
        "model": "t46s",
    }


def _post(link: http.client.HTTPConnection, path: str, body: object) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    link.request("POST", path, body=json.dumps(body), headers=headers)
    answer = link.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"POST {path}: {answer.status} {text[:300]!r}")
    found: dict[str, Any] = json.loads(text)
    return found


def _timed(do: Callable[[], None]) -> float:
    begun = time.monotonic()
    do()
    return time.monotonic() - begun


def _beside(run: Run, house: House, known: Path, do: Callable[[], None]) -> tuple[float, Loaded]:
    """Do something while known phones fetch."""
    probing = run.generator.begin(
        house.port, known, seconds=TIMEOUT_S, rate=PROBES_A_SECOND, width=500
    )
    try:
        seconds = _timed(do)
    finally:
        meanwhile = house.count(probing.stop())
    return seconds, meanwhile


def _right(house: House, indices: Sequence[int]) -> bool:
    house.answered += len(indices)
    return all(
        str(NEW_NUMBER + index).encode() in fetched(house.port, NEW + index) for index in indices
    )


def _commits_s(folder: Path, commits: int, rows: int) -> float:
    """Seconds of so many commits of so many rows each, with the settings of our store."""
    place = folder / "data" / f"bare-{commits}-{rows}.db"
    base = sqlite3.connect(place, isolation_level=None)
    base.execute("pragma journal_mode = wal")
    base.execute("pragma synchronous = full")
    base.execute("create table bare (id integer primary key, one text, two text, three text)")
    values = [("x" * 40, "y" * 60, "z" * 12)] * rows
    with pinned(CORE):
        begun = time.monotonic()
        for _ in range(commits):
            base.execute("begin")
            base.executemany("insert into bare (one, two, three) values (?, ?, ?)", values)
            base.execute("commit")
        seconds = time.monotonic() - begun
    base.close()
    return seconds


def _row(
    name: str,
    what: str,
    found: tuple[int, float, float],
    limit: str,
    *,
    is_right: bool,
    notes: str = "",
) -> Row:
    count, seconds, limit_s = found
    return Row(
        name=name,
        what=what,
        ours=f"{seconds:.2f} s, {count / seconds:,.0f} phones/s",
        limit=limit,
        ratio=limit_s / seconds,
        by="time",
        is_right=is_right,
        notes=notes,
        numbers={"count": count, "seconds": seconds, "limit_s": limit_s},
    )

"""A large site: how long a start takes and how much memory, how fast devices are registered.

Run by hand: `.venv/bin/python -m benchmarks.scale [--devices 100000] [--only start|api]`. The
server is a real `offhook serve` on loopback, in a folder of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import sqlite3
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.e2e.server import Server

from benchmarks.phones import FIRST, fill
from benchmarks.processes import cpu_s
from benchmarks.processes import rss_mb as memory_mb

AGENT = "Yealink SIP-T46S 66.85.0.15"
_READY_S = 120.0


def start_and_memory(devices: int = 100_000) -> dict[str, float]:
    """Start with devices that all were seen, fetched and are registered; gives seconds and MB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(fill(folder, devices))
        see_all(folder / "data/offhook.db", devices)
        server = Server(folder)
        begun = time.perf_counter()
        server.launch()
        port = int(server.wait_port(_READY_S))
        listening_s = time.perf_counter() - begun
        while not is_ready(port):
            if time.perf_counter() - begun > _READY_S:
                raise TimeoutError(server.output())
            time.sleep(0.01)
        ready_s = time.perf_counter() - begun
        assert server.process is not None
        pid = server.process.pid
        found = {
            "devices": float(devices),
            "listening_s": listening_s,
            "ready_s": ready_s,
            "cpu_s": cpu_s(pid),
            "memory_mb": memory_mb(pid),
        }
        time.sleep(10)
        found["memory_10s_mb"] = memory_mb(pid)
        found["cpu_10s"] = cpu_s(pid)
        server.stop()
        return found


def see_all(path: Path, devices: int) -> None:
    """Write what a year of use leaves: every phone was seen, has its files and is registered."""
    now = datetime.now(UTC)
    now_us = int(now.timestamp() * 1e6)
    later_us = now_us + int(timedelta(hours=1).total_seconds() * 1e6)
    digest = "0123456789abcdef" * 4
    with sqlite3.connect(path) as base:
        macs = [f"{FIRST + index:012x}" for index in range(devices)]
        hosts = [f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in range(devices)]
        base.executemany(
            "insert into sightings (mac, address, user_agent, firmware, last_contact_us,"
            " last_provisioned_us) values (?, ?, ?, ?, ?, ?)",
            [
                (mac, host, AGENT, "66.85.0.15", now_us, now_us)
                for mac, host in zip(macs, hosts, strict=True)
            ],
        )
        base.executemany(
            "insert into deliveries (mac, file, digest) values (?, ?, ?)",
            [
                (mac, file, f"{index:08x}" + digest[8:])
                for index, mac in enumerate(macs)
                for file in ("y000000000066.cfg", f"{mac}.cfg")
            ],
        )
        base.executemany(
            "insert into registrations (extension, position, contact, source, call_id, cseq,"
            " user_agent, mac, path, instance, q, registered_us, refreshed_us, expires_us)"
            " values (?, 0, ?, ?, ?, 1, ?, ?, '[]', '', 1.0, ?, ?, ?)",
            [
                (
                    str(100000 + index),
                    f"<sip:{100000 + index}@{hosts[index]}:5060>",
                    f"udp:{hosts[index]}:5060",
                    f"call-{index}@{hosts[index]}",
                    AGENT,
                    mac,
                    now_us,
                    now_us,
                    later_us,
                )
                for index, mac in enumerate(macs)
            ],
        )


def is_ready(port: int) -> bool:
    """Ask `/readyz` once."""
    try:
        return _call(http.client.HTTPConnection("127.0.0.1", port, timeout=5), "GET", "/readyz")[0]
    except OSError:
        return False


def api_speed(count: int = 1000) -> dict[str, float]:
    """Register devices one by one on one connection, then as many in one call; seconds of each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(fill(folder, 0))
        server = Server(folder)
        server.start()
        line = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=60)
        found = {"devices": float(count)}
        try:
            for what, make in (("extensions", _extension), ("devices", _device)):
                path = "/api/extensions" if what == "extensions" else "/api/provisioning/devices"
                found[f"{what}_one_by_one_s"] = _timed(
                    line, [(path, make(index)) for index in range(count)]
                )
                rows = [make(index) for index in range(count, 2 * count)]
                found[f"{what}_bulk_s"] = _timed(line, [(f"{path}/bulk", {what: rows})])
        finally:
            line.close()
            server.stop()
        return found


def _extension(index: int) -> dict[str, object]:
    return {"number": str(100000 + index), "name": f"User {index}"}


def _device(index: int) -> dict[str, object]:
    return {
        "mac_address": f"{FIRST + index:012x}",
        "extension_number": str(100000 + index),
        "vendor": "yealink",
        "model": "t46s",
    }


def _timed(line: http.client.HTTPConnection, calls: list[tuple[str, dict[str, Any]]]) -> float:
    begun = time.perf_counter()
    for path, body in calls:
        is_done, text = _call(line, "POST", path, body)
        if not is_done:
            raise AssertionError(f"POST {path}: {text}")
    return time.perf_counter() - begun


def _call(
    line: http.client.HTTPConnection, method: str, path: str, body: object = None
) -> tuple[bool, str]:
    data = None if body is None else json.dumps(body).encode()
    line.request(method, path, data, {"Content-Type": "application/json"})
    answer = line.getresponse()
    return answer.status < 400, answer.read().decode()


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--only", choices=("start", "api"))
    asked = parser.parse_args()
    if asked.only != "api":
        print(json.dumps(start_and_memory(asked.devices), indent=1))
    if asked.only != "start":
        print(json.dumps(api_speed(), indent=1))


if __name__ == "__main__":
    main()

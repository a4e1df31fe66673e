"""How long a verdict takes: one phone and the fleet, among many devices and a long history.

Run by hand: `.venv/bin/python -m benchmarks.diagnosis [devices] [rows]`, 100,000 and 5,000,000
unless told. The history is written into the database directly; the answers are asked of a real
`offhook serve`. Beside them stands the least an answer costs: `GET /api/status` of that server.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from asyncio import run
from pathlib import Path

from tests.e2e.server import Server

from benchmarks.phones import FIRST, fill
from benchmarks.processes import rss_mb

ROUNDS = 20
PAGES = (
    "/",
    "/phones",
    "/phones?page=2000",
    "/phones?q=User+777",
    "/phones?state=right",
    "/unknown",
    "/people",
    "/people?q=User+777",
    "/add",
    "/templates",
    "/log",
    "/log/requests",
    "/log/changes",
    "/settings",
    "/faults/P401",
)
TABS = ("", "/lines", "/settings", "/files", "/actions", "/timeline")
_COLUMNS = (
    "id, at_us, request_id, transport, method, path, address, user_agent, mac_text, mac, file, "
    "kind, status, fault, error, hint, notices, vendor, model, firmware, extension, "
    "extension_name, size_bytes, digest, content_type, is_device_file, is_test, is_success"
)


def fill_history(folder: Path, devices: int, rows: int) -> None:
    """Write requests of the last day, spread over the devices."""
    base = sqlite3.connect(folder / "data" / "offhook.db")
    base.execute("pragma synchronous=off")
    end = int(time.time() * 1e6)
    step = max(1, 86_400_000_000 // rows)
    base.execute(
        f"insert into attempts ({_COLUMNS}) with recursive "
        "n(i) as (select 1 union all select i + 1 from n where i < :rows), "
        "m(i, mac) as (select i, printf('%012x', :first + i % :devices) from n) "
        "select i, :end - (:rows - i) * :step, 'r', 'http', 'GET', mac || '.cfg', '10.0.0.1', "
        "'Yealink SIP-T46S 66.86.0.15', mac, mac, mac || '.cfg', 'served', 200, '', '', '', '', "
        "'yealink', 't46s', '66.86.0.15', '', '', 900, :digest, 'text/plain', 1, 0, 1 from m",
        {
            "rows": rows,
            "first": FIRST,
            "devices": devices,
            "end": end,
            "step": step,
            "digest": "d" * 64,
        },
    )
    base.commit()
    base.close()


def asked(url: str) -> tuple[float, dict[str, object]]:
    """Ask once; gives milliseconds and the answer."""
    begun = time.perf_counter()
    with urllib.request.urlopen(url) as answer:
        found = json.load(answer)
    return (time.perf_counter() - begun) * 1000, found


def signed_in(url: str) -> urllib.request.OpenerDirector:
    """Make an admin and sign in; gives what opens pages."""
    body = json.dumps({"name": "bench", "password": "correct horse battery"}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}/api/admins", body, method="POST"))
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    form = urllib.parse.urlencode({"name": "bench", "password": "correct horse battery"})
    opener.open(f"{url}/sign-in", form.encode()).read()
    return opener


def tell_pages(url: str, mac: str) -> None:
    """Time each page, the first look apart from the next ones."""
    opener = signed_in(url)
    for path in (*PAGES, *(f"/phones/{mac}{tab}" for tab in TABS)):
        taken = []
        for _ in range(6):
            begun = time.perf_counter()
            with opener.open(url + path) as answer:
                answer.read()
            taken.append((time.perf_counter() - begun) * 1000)
        first, *more = taken
        print(f"{path:44} first {first:8.1f} ms   then median {statistics.median(more):7.1f} ms")


def told(name: str, taken: list[float]) -> None:
    """Print a line of figures."""
    middle = statistics.median(taken)
    print(f"{name:44} median {middle:8.1f} ms   worst {max(taken):8.1f} ms")


def main() -> None:
    """Measure."""
    devices = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 5_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begun = time.perf_counter()
        run(fill(folder, devices))
        fill_history(folder, devices, rows)
        print(f"{devices} devices, {rows} requests written in {time.perf_counter() - begun:.0f} s")
        server = Server(folder)
        with server.config.open("a", encoding="utf-8") as config:
            config.write("journal:\n  keep_rows: 10000000\n")
        server.start()
        try:
            asked(f"{server.url}/api/status")
            told("status (the least an answer costs)",
                 [asked(f"{server.url}/api/status")[0] for _ in range(ROUNDS)])  # fmt: skip
            macs = [f"{FIRST + number * 997 % devices:012x}" for number in range(ROUNDS)]
            told("verdict on one phone, first time",
                 [asked(f"{server.url}/api/diagnosis/{mac}")[0] for mac in macs])  # fmt: skip
            told("verdict on one phone, again",
                 [asked(f"{server.url}/api/diagnosis/{mac}")[0] for mac in macs])  # fmt: skip
            told("timeline of one phone",
                 [asked(f"{server.url}/api/provisioning/devices/{mac}/timeline")[0]
                  for mac in macs])  # fmt: skip
            fleet = [asked(f"{server.url}/api/provisioning/diagnostics") for _ in range(ROUNDS)]
            told("diagnostics of the whole fleet", [ms for ms, _ in fleet])
            print(fleet[-1][1]["summary"])
            tell_pages(server.url, macs[0])
            print(f"memory {rss_mb(server.process.pid if server.process else 0):.0f} MB")
        finally:
            server.stop()


if __name__ == "__main__":
    main()

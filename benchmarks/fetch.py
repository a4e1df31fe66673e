"""Fetches of files: CPU a request, ours journalled and nginx's static, interleaved in one run.

Run by hand: `.venv/bin/python -m benchmarks.fetch [--devices 10000] [--rounds 5] [--json out]`.
Needs `nginx` and `wrk` (Debian: nginx-light, wrk). Both serve the same bytes, which is checked
before; every device is asked at random, and has asked the same once before. The figure to compare
is CPU time of the server's processes by answer: it stays put when other work takes the processor.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from tests.e2e.server import Server

from benchmarks.phones import AGENT, FIRST, fetch_all, fill

LUA = Path(__file__).with_name("fetch.lua")
CHECKED = 200
_TICKS = os.sysconf("SC_CLK_TCK")
_direct = build_opener(ProxyHandler({}))

NGINX = """\
worker_processes 1;
daemon off;
pid %(folder)s/nginx.pid;
error_log %(folder)s/error.log crit;
events { worker_connections 4096; }
http {
    access_log off;
    sendfile %(sendfile)s;
    tcp_nodelay on;
    keepalive_requests 1000000;
    open_file_cache max=200000 inactive=600s;
    open_file_cache_valid 600s;
    default_type text/plain;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    server { listen 127.0.0.1:%(port)d backlog=4096; root %(root)s; }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One load on one server: CPU microseconds by answer, answers a second, latency."""

    cpu_us: float
    per_second: float
    p50_ms: float
    p99_ms: float
    answers: int
    wrong: int


@dataclass(slots=True)
class Target:
    """A server that is measured; `pids` are its processes."""

    name: str
    port: int
    pids: Callable[[], list[int]]

    def cpu_s(self) -> float:
        """User and system time of all its processes."""
        return sum(_cpu_s(pid) for pid in self.pids())


def _cpu_s(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / _TICKS


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *(int(item) for item in text.split())]


def boot(target: Target, devices: int) -> Round:
    """Ask for each device once, a connection each: every file is rendered for it."""
    before = target.cpu_s()
    seconds, seen = asyncio.run(fetch_all(target.port, range(FIRST, FIRST + devices)))
    time.sleep(0.3)
    return Round(
        cpu_us=(target.cpu_s() - before) / devices * 1e6,
        per_second=devices / seconds,
        p50_ms=0,
        p99_ms=0,
        answers=devices,
        wrong=devices - seen.get(200, 0),
    )


def load(target: Target, devices: int, how: str, *, seconds: float, width: int = 64) -> Round:
    """Ask with wrk for some seconds; `how` is close or keep."""
    before = target.cpu_s()
    command = ["wrk", "-t1", f"-c{width}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(LUA)]
    url = f"http://127.0.0.1:{target.port}/"
    seed = str(random.randrange(1 << 30))
    done = subprocess.run(
        [*command, url, "--", str(FIRST), str(devices), how, AGENT, seed],
        capture_output=True,
        text=True,
        check=True,
        timeout=60 + seconds,
    )
    time.sleep(0.3)  # what it does behind an answer is a part of its cost
    line = next(item for item in done.stdout.splitlines() if item.startswith("JSON "))
    told = json.loads(line.removeprefix("JSON "))
    return Round(
        cpu_us=(target.cpu_s() - before) / told["answers"] * 1e6,
        per_second=told["answers"] / told["seconds"],
        p50_ms=told["p50_ms"],
        p99_ms=told["p99_ms"],
        answers=told["answers"],
        wrong=told["refused"] + told["broken"],
    )


def head_of(index: int, how: str) -> bytes:
    """The request that wrk sends for a device, byte for byte."""
    closing = "Connection: close\r\n" if how == "close" else ""
    return (
        f"GET /provision/{FIRST + index:012x}.cfg HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"User-Agent: {AGENT}\r\n{closing}\r\n"
    ).encode()


async def ask_each(port: int, devices: int, how: str) -> None:
    """Let each device ask once as it will: phones that were here before, as on any day."""
    todo = iter(range(devices))

    async def work() -> None:
        for index in todo:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head_of(index, how))
            begin = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(begin.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            writer.close()

    await asyncio.gather(*(work() for _ in range(32)))


def fetch(port: int, index: int) -> bytes:
    """One file by a client of another kind."""
    with _direct.open(f"http://127.0.0.1:{port}/provision/{FIRST + index:012x}.cfg") as answer:
        return bytes(answer.read())


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class Nginx:
    """nginx with one worker and static files."""

    def __init__(self, folder: Path, sendfile: str) -> None:
        self.port = free_port()
        own = folder / f"nginx-{sendfile}"
        own.mkdir()
        values = {"folder": own, "root": folder, "port": self.port, "sendfile": sendfile}
        (own / "nginx.conf").write_text(NGINX % values, encoding="utf-8")
        self.process = subprocess.Popen(["nginx", "-c", str(own / "nginx.conf"), "-p", str(own)])
        while True:
            try:
                fetch(self.port, 0)
            except OSError:
                if self.process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                break

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)


def rows_of(folder: Path) -> int:
    """How many attempts are stored."""
    with sqlite3.connect(f"file:{folder}/data/offhook.db?mode=ro", uri=True) as connection:
        return int(connection.execute("select count(*) from attempts").fetchone()[0])


def median(rounds: list[Round]) -> dict[str, float]:
    """The median of each figure, and the sum of what was wrong."""
    parts = [asdict(item) for item in rounds]
    found = {
        key: round(statistics.median(part[key] for part in parts), 2)
        for key in ("cpu_us", "per_second", "p50_ms", "p99_ms")
    }
    return {
        **found,
        "answers": sum(item.answers for item in rounds),
        "wrong": sum(item.wrong for item in rounds),
    }


def ours(folder: Path) -> tuple[Server, Target]:
    """Start `offhook serve` on a filled folder."""
    server = Server(folder)
    with server.config.open("a", encoding="utf-8") as config:
        config.write("journal:\n  keep_rows: 50000000\n")
    if profiler := os.environ.get("FETCH_COMMAND"):
        server.command = tuple(profiler.split())
    server.start()
    assert server.process is not None
    process = server.process
    return server, Target("offhook", server.http_port, lambda: _children(process.pid))


def measure(devices: int, rounds: int, seconds: float) -> dict[str, object]:
    """Measure everything; gives the figures."""
    with tempfile.TemporaryDirectory(prefix="offhook-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx reads as another user
        asyncio.run(fill(folder, devices))
        server, own = ours(folder)
        peers: list[Nginx] = []
        try:
            answers = 0
            cold = boot(own, devices)
            answers += cold.answers
            print(f"not rendered yet: {cold}", file=sys.stderr)
            files = folder / "provision"
            files.mkdir()
            for index in range(devices):
                (files / f"{FIRST + index:012x}.cfg").write_bytes(fetch(own.port, index))
            answers += devices
            peers += [Nginx(folder, sendfile) for sendfile in ("off", "on")]
            targets = [
                own,
                *(
                    Target(
                        f"nginx-{kind}", peer.port, lambda peer=peer: _children(peer.process.pid)
                    )
                    for kind, peer in zip(("sendfile-off", "sendfile-on"), peers, strict=True)
                ),
            ]
            for index in random.sample(range(devices), min(CHECKED, devices)):
                wanted = fetch(own.port, index)
                answers += 1
                assert all(fetch(target.port, index) == wanted for target in targets[1:]), index
            for how in ("close", "keep"):
                asyncio.run(ask_each(own.port, devices, how))
                answers += devices
            found = in_turns(targets, devices, rounds, seconds)
            answers += sum(
                it.answers for (_, name), its in found.items() if name == own.name for it in its
            )
            time.sleep(1)
            dropped = "attempts dropped" in (folder / "logs/pbx.log").read_text(encoding="utf-8")
            server.stop()
            rows = rows_of(folder)
        finally:
            server.stop()
            for peer in peers:
                peer.stop()
        return told(found, cold, answers, rows, dropped, size=len(wanted))


def in_turns(
    targets: list[Target], devices: int, rounds: int, seconds: float
) -> dict[tuple[str, str], list[Round]]:
    """Load each target after the other, again and again; the first round warms up."""
    found: dict[tuple[str, str], list[Round]] = {}
    for turn in range(rounds + 1):
        for how in ("close", "keep"):
            for target in targets:
                one = load(target, devices, how, seconds=seconds)
                found.setdefault((how, target.name), []).append(one)
                print(turn, how, target.name, one, file=sys.stderr)
    return found


def told(
    found: dict[tuple[str, str], list[Round]],
    cold: Round,
    answers: int,
    rows: int,
    dropped: bool,
    *,
    size: int,
) -> dict[str, object]:
    """Put the figures into their final form, with what they were measured on."""
    result: dict[str, object] = {
        "machine": {
            "cpus": os.cpu_count(),
            "kernel": platform.release(),
            "python": platform.python_version(),
            "load": os.getloadavg(),
        },
        "file_bytes": size,
        "journal": {"answers": answers, "rows": rows, "none_lost": rows >= answers and not dropped},
    }
    best: dict[str, float] = {}
    for how in ("close", "keep"):
        medians = {
            name: median(rounds[1:]) for (kind, name), rounds in found.items() if kind == how
        }
        best[how] = min(it["cpu_us"] for name, it in medians.items() if name != "offhook")
        ratio = round(best[how] / medians["offhook"]["cpu_us"], 3)
        result[how] = {**medians, "ratio_to_nginx": ratio}
    result["not_rendered"] = {
        **median([cold]),
        "ratio_to_nginx": round(best["close"] / cold.cpu_us, 3),
    }
    return result


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    text = json.dumps(measure(chosen.devices, chosen.rounds, chosen.seconds), indent=2)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Boot 10,000 devices twice, then flood with 100,000 unknown MACs: time, memory, log, latency.

Run by hand: `.venv/bin/python -m benchmarks.phones [devices] [unknown]`. The server is a real
`offhook serve` on loopback; every request is a connection of its own, as phones do.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.e2e.server import Server

from offhook.actions.ports import PutDevice, PutExtension
from offhook.core.mac import Mac
from offhook.core.model import Device, Extension, Line
from offhook.core.secret import Secret
from offhook.store.open import open_store

AGENT = "Yealink SIP-T46S 66.85.0.15"
FIRST = 0x001565000000
STRANGE = 0x001565800000


async def fill(folder: Path, count: int) -> None:
    """Write extensions and devices straight into the store the server will open."""
    now = datetime.now(UTC)
    store = await open_store(
        f"sqlite:///{folder}/data/offhook.db",
        key_file=folder / "data/secret.key",
        keep_days=30,
        keep_rows=500_000,
        keep_changes_days=0,
        now=lambda: now,
    )
    extensions = [
        Extension(
            number=str(100000 + index),
            name=f"User {index}",
            secret=Secret("s" * 24),
            created_at=now,
        )
        for index in range(count)
    ]
    devices = [
        Device(
            mac=Mac(FIRST + index),
            vendor="yealink",
            model="t46s",
            lines=(Line(index=1, extension=extension.number),),
            admin_password=Secret("a" * 16),
            created_at=now,
            updated_at=now,
        )
        for index, extension in enumerate(extensions)
    ]
    # By kind: the store writes neighbours of one kind with one statement.
    await store.inventory.commit([PutExtension(extension=it) for it in extensions], [])
    await store.inventory.commit([PutDevice(device=it) for it in devices], [])
    await store.close()


async def get(port: int, mac: int) -> tuple[int, int]:
    """Fetch a device's file on a connection of its own; gives status and size."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /provision/{mac:012x}.cfg HTTP/1.1\r\nHost: pbx\r\nUser-Agent: {AGENT}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    data = await reader.read()
    writer.close()
    return int(data[9:12]), len(data)


async def fetch_all(port: int, macs: range, width: int = 64) -> tuple[float, dict[int, int]]:
    """Fetch all, `width` at a time; gives seconds and how many of each status."""
    todo = iter(macs)
    seen: dict[int, int] = {}

    async def work() -> None:
        for mac in todo:
            status, _ = await get(port, mac)
            seen[status] = seen.get(status, 0) + 1

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(width)))
    return time.perf_counter() - begun, seen


async def probe(port: int, stop: asyncio.Event) -> list[float]:
    """Fetch one known phone's file again and again beside the flood; gives milliseconds, sorted."""
    taken = []
    while not stop.is_set():
        begun = time.perf_counter()
        status, _ = await get(port, FIRST)
        assert status == 200, status
        taken.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(0.01)
    return sorted(taken)


def memory_mb(pid: int) -> float:
    """Resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_s(pid: int) -> float:
    """User and system time."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / 100


def size_mb(folder: Path) -> float:
    """Bytes of a folder's files."""
    return sum(item.stat().st_size for item in folder.rglob("*") if item.is_file()) / 1e6


async def measure(devices: int, unknown: int) -> None:
    """Print every figure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await fill(folder, devices)
        server = Server(folder)
        begun = time.perf_counter()
        await asyncio.to_thread(server.start)
        print(f"start with {devices} devices: {time.perf_counter() - begun:.1f} s")
        assert server.process is not None
        pid = server.process.pid
        macs = range(FIRST, FIRST + devices)
        for boot in ("first", "second"):
            used = cpu_s(pid)
            seconds, seen = await fetch_all(server.http_port, macs)
            cost = (cpu_s(pid) - used) / devices * 1e6
            print(
                f"{boot} boot: {seconds:.1f} s, {devices / seconds:.0f} files/s, "
                f"{cost:.0f} us CPU each, {seen}, memory {memory_mb(pid):.0f} MB"
            )
        await asyncio.sleep(1)
        before, log_before = memory_mb(pid), size_mb(folder / "logs")
        quiet = asyncio.Event()
        alone = asyncio.create_task(probe(server.http_port, quiet))  # noqa: TID251 - no server here
        await asyncio.sleep(2)
        quiet.set()
        tell("known phone alone", await alone)
        ended = asyncio.Event()
        beside = asyncio.create_task(probe(server.http_port, ended))  # noqa: TID251
        seconds, seen = await fetch_all(server.http_port, range(STRANGE, STRANGE + unknown), 8)
        ended.set()
        tell("known phone beside the flood", await beside)
        await asyncio.sleep(2)
        print(
            f"flood of {unknown}: {seconds:.1f} s, {unknown / seconds:.0f}/s, {seen}, "
            f"memory {before:.0f} -> {memory_mb(pid):.0f} MB, "
            f"log {log_before:.2f} -> {size_mb(folder / 'logs'):.2f} MB, "
            f"data {size_mb(folder / 'data'):.0f} MB"
        )
        server.stop()


def tell(what: str, taken: list[float]) -> None:
    """Print percentiles of a sorted list."""
    at = [taken[int(len(taken) * part)] for part in (0.5, 0.99)]
    print(f"{what}: p50 {at[0]:.1f} ms, p99 {at[1]:.1f} ms, worst {taken[-1]:.1f} ms")


if __name__ == "__main__":
    counts = [int(item) for item in sys.argv[1:]]
    asyncio.run(measure(*(counts or [10_000, 100_000])))

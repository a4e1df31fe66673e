"""Several worker processes on one port, with a real PostgreSQL: one dies, phones do not notice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.server import OFFHOOK, Server, wait_for
from tests.integration.kamailio import free_ports
from tests.store_records import fresh_url

AGENT = "Yealink SIP-T46S 66.85.0.5 00:15:65:00:00:01"
MAC = "001565000001"
WORKERS = 2


class WorkersServer(Server):
    """`offhook serve` with several workers; its Kamailio is away, which phones do not notice."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, store_url=url)
        sip, rpc, events = free_ports(3)
        text = self.config.read_text(encoding="utf-8")
        text = text.replace("  http_port:", f"  workers: {WORKERS}\n  http_port:")
        text = text.replace("sip_port: 0", f"sip_port: {sip}")
        text += "sip:\n  engine: kamailio\n  kamailio:\n    nodes:\n"
        text += f'      - {{rpc: "127.0.0.1:{rpc}", events: "127.0.0.1:{events}"}}\n'
        self.config.write_text(text, encoding="utf-8")

    def start(self) -> None:
        """Start, and return when each worker has answered."""
        with (self.folder / "output.txt").open("w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                [str(OFFHOOK), "serve", "--config", str(self.config)],
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.http_port = int(wait_for(self._printed_port, 90, self.output))
        self.url = f"http://127.0.0.1:{self.http_port}"
        wait_for(lambda: len(self.answering()) == WORKERS, 90, self.output)

    def pids(self) -> list[int]:
        """The workers' processes."""
        assert self.process is not None
        pid = self.process.pid
        return [
            int(item)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for item in (task / "children").read_text().split()
        ]

    def answering(self) -> Counter[str]:
        """Ask a few times, by a connection each; gives how often each worker answered."""
        found: Counter[str] = Counter()
        for _ in range(24):
            status = self.get_or_none("/api/status")
            found.update([status["node"]["name"]] if status else [])
        return found


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WorkersServer]:
    with fresh_url(request, "postgresql", tmp_path) as url:
        server = WorkersServer(tmp_path, url)
        try:
            server.start()
            yield server
        finally:
            if server.process is not None:
                server.stop()


def fetch_often(server: Server, count: int) -> Counter[int]:
    """Ask for a phone's file, by a connection each."""
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(server.fetch, f"{MAC}.cfg", AGENT) for _ in range(count)]
        return Counter(it.result()[0] for it in asked)


@pytest.mark.needs("postgres")
def test_a_worker_is_killed_and_replaced_while_phones_are_served(server: WorkersServer) -> None:
    server.add("1001", "Ada")
    server.add_device(MAC, "1001", "yealink", "t46s")
    wait_for(lambda: set(fetch_often(server, 16)) == {200}, 10, server.log)
    killed = server.pids()[0]
    before = server.api("GET", f"/api/provisioning/requests?mac={MAC}&limit=1")["total"]
    os.kill(killed, signal.SIGKILL)
    # Those that the killed one had not taken wait in its socket for the next one.
    assert fetch_often(server, 40) == {200: 40}
    wait_for(lambda: len(server.pids()) == WORKERS and killed not in server.pids(), 90)
    wait_for(lambda: len(server.answering()) == WORKERS, 30, server.output)
    assert "ended with signal SIGKILL" in server.output()

    def kept() -> bool:
        found = server.api("GET", f"/api/provisioning/requests?mac={MAC}&limit=1")
        return bool(found["total"] == before + 40)

    wait_for(kept, 10, server.log)
    pids = server.pids()
    assert server.stop() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.needs("postgres")
def test_workers_end_with_the_process_that_started_them(server: WorkersServer) -> None:
    pids = server.pids()
    server.kill()
    wait_for(lambda: not any(_lives(pid) for pid in pids), 20, server.output)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_workers_are_refused_where_only_one_process_can_be(tmp_path: Path) -> None:
    server = Server(tmp_path)
    done = subprocess.run(
        [str(OFFHOOK), "serve", "--config", str(server.config), "--workers", "2"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert len(re.findall("error: P105", done.stdout + done.stderr)) == 2
    assert "PostgreSQL" in done.stdout + done.stderr
    assert "sip.engine" in done.stdout + done.stderr

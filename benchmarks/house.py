"""Our server as a benchmark starts it: filled, pinned to a core, its journal counted at the end."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.server import OFFHOOK, Server, wait_for
from tests.integration.kamailio import free_ports

from benchmarks.generator import Loaded
from benchmarks.phones import fill
from benchmarks.processes import CORE, cpu_s, pinned, rss_mb

PATIENCE_S = 120
"""A fleet of 100,000 on a busy machine takes its time."""

CONFIG = """\
server:
  external_ip: 127.0.0.1
  bind: 127.0.0.1
  http_port: {http_port}
  sip_port: {sip_port}
{server}
provisioning:
  enabled: true
  url_format: http://{{{{SERVER_IP}}}}:{{{{PORT}}}}/provision/{{mac}}.cfg
  unknown_per_minute: {unknown_per_minute}
reboot:
  per_second: {per_second}
journal:
  keep_rows: 50000000
logging:
  file: logs/pbx.log
{more}"""


@dataclass(slots=True)
class Stock:
    """Databases filled once a run, by number of devices; a house gets a copy."""

    folder: Path

    def filled(self, devices: int) -> Path:
        """Give a folder with that many devices."""
        place = self.folder / f"stock-{devices}"
        if not place.exists():
            place.mkdir()
            asyncio.run(fill(place, devices))
        return place

    def copy(self, devices: int, into: Path) -> None:
        """Put a copy of it into a folder."""
        shutil.copytree(self.filled(devices) / "data", into / "data")


@dataclass(slots=True)
class House:
    """An `offhook serve` on its core; `answered` are the requests its journal must have."""

    folder: Path
    python: str = sys.executable
    per_second: float = 20
    unknown_per_minute: int = 120
    certificate: tuple[Path, Path] | None = None
    more: str = ""
    answered: int = 0
    filled_bytes: int = 0
    server: Server = field(init=False)
    tls_port: int = field(init=False)

    def __post_init__(self) -> None:
        self.folder.chmod(0o755)  # nginx reads beside it as another user
        self.server = Server(self.folder)
        self.server.command = (self.python, str(OFFHOOK))
        # Kept over restarts: they stand in the files.
        http_port, sip_port, self.tls_port = free_ports(3)
        self.server.config.write_text(
            CONFIG.format(
                http_port=http_port,
                sip_port=sip_port,
                server=self._tls_lines(),
                more=self.more,
                per_second=self.per_second,
                unknown_per_minute=self.unknown_per_minute,
            )
        )

    def _tls_lines(self) -> str:
        if self.certificate is None:
            return ""
        certificate, key = self.certificate
        return (
            f"  https_port: {self.tls_port}\n  tls_certificate: {certificate}\n  tls_key: {key}\n"
        )

    def start(self) -> None:
        """Start, and return when the API answers."""
        self.launch()
        self.await_api()

    def launch(self) -> None:
        """Start, and return when phones are served."""
        self.filled_bytes = self.filled_bytes or self.base_bytes()
        server = self.server
        with pinned(CORE):
            server.launch()
        server.http_port = int(server.wait_port(PATIENCE_S))
        server.url = f"http://127.0.0.1:{server.http_port}"

    def await_api(self) -> None:
        """Return when the API answers."""
        server = self.server
        wait_for(lambda: server.get_or_none("/api/status"), PATIENCE_S, server.output)

    def stop(self) -> None:
        """Stop in order; idempotent."""
        process = self.server.process
        if process is not None:
            process.terminate()
            process.wait(PATIENCE_S)
            self.server.process = None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.server.process is not None
        return self.server.process.pid

    @property
    def port(self) -> int:
        """Its HTTP port."""
        return self.server.http_port

    def cpu_s(self) -> float:
        """User and system time of its processes."""
        return cpu_s(self.pid)

    def rss_mb(self) -> float:
        """Resident memory of its processes."""
        return rss_mb(self.pid)

    def count(self, loaded: Loaded) -> Loaded:
        """Note what was answered, for the journal's check."""
        self.answered += loaded.answers
        return loaded

    def settle(self, quiet_s: float = 0.3, limit_s: float = 60) -> float:
        """Wait until it has nothing left to do; gives the seconds it took."""
        begun = time.monotonic()
        while time.monotonic() - begun < limit_s:
            before = self.cpu_s()
            time.sleep(quiet_s)
            if self.cpu_s() - before <= 0.1 * quiet_s:
                break
        return time.monotonic() - begun

    def rows(self) -> int:
        """How many attempts are stored."""
        base = f"file:{self.folder}/data/offhook.db?mode=ro"
        with sqlite3.connect(base, uri=True) as connection:
            return int(connection.execute("select count(*) from attempts").fetchone()[0])

    def base_bytes(self) -> int:
        """Size of its database, which is stopped."""
        return (self.folder / "data" / "offhook.db").stat().st_size

    def log_mb(self) -> float:
        """Size of its log files."""
        files = (self.folder / "logs").rglob("*")
        return sum(item.stat().st_size for item in files if item.is_file()) / 1e6


@contextmanager
def running(house: House) -> Iterator[House]:
    """A house for the length of a block."""
    try:
        house.start()
        yield house
    finally:
        house.stop()
